import CLinux
import Glibc
import Host
import Synchronization

/// Runs a program and ends it when this process's parent ends, however that ended: a machine must not outlive who
/// started it. It passes SIGTERM on.
public enum ProcessReaper {
    /// What becomes the program, and ends with the reaper.
    private static let childName = "reaped"

    private static let child = Atomic<pid_t>(0)
    private static let isEnding = Atomic(false)

    /// What to run so that a program ends with this process.
    public static func command(_ program: [String]) -> [String] {
        [HiddenCommand.reap.rawValue, "\(getpid())"] + program
    }

    /// - Parameter arguments: The process to end with, then the program and its arguments.
    /// - Returns: The program's exit status, or 128 and its signal; 127 when it can't be started.
    public static func run(_ arguments: [String]) -> Int32 {
        guard let first = arguments.first else { return 127 }
        if first == childName { return become(Array(arguments.dropFirst())) }
        guard let parent = pid_t(first) else { return 127 }
        signal(SIGTERM) { _ in ProcessReaper.isEnding.store(true, ordering: .sequentiallyConsistent) }
        var words =
            ([OwnProgram.link, HiddenCommand.reap.rawValue, childName, "\(getpid())"] + arguments.dropFirst()).map {
                $0.withPath { strdup($0) }
            }
            + [nil]
        defer { for word in words { free(word) } }
        var started: pid_t = 0
        guard posix_spawn(&started, OwnProgram.link, nil, nil, &words, environ) == 0 else { return 127 }
        child.store(started, ordering: .sequentiallyConsistent)
        _ = startThread {
            while getppid() == parent, !ProcessReaper.isEnding.load(ordering: .sequentiallyConsistent) {
                usleep(20_000)
            }
            let child = ProcessReaper.child.load(ordering: .sequentiallyConsistent)
            kill(child, SIGTERM)
            // Before whoever asked for the end loses patience (two seconds) and ends the reaper.
            sleep(1)
            kill(child, SIGKILL)
        }
        var status: Int32 = 0
        while waitpid(started, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? status >> 8 & 0xff : 128 + signal
    }

    /// - Parameter arguments: The reaper's process number, then the program and its arguments.
    private static func become(_ arguments: [String]) -> Int32 {
        guard arguments.count > 1, let reaper = pid_t(arguments[0]) else { return 127 }
        // However the reaper ends; it may have by now.
        guard rtv_end_with_parent() == 0, getppid() == reaper else { return 127 }
        var words = arguments.dropFirst().map { $0.withPath { strdup($0) } } + [nil]
        execvp(arguments[1], &words)
        return 127
    }
}

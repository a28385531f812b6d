import Glibc
import RootfsBuild
import Synchronization

/// Runs a program and ends it when this process's parent ends, however that ended: a machine must not outlive who
/// started it. It passes SIGTERM on.
public enum Guardian {
    /// The argument that makes this program the guardian; the other program and its arguments follow.
    public static let commandName = "attend"

    private static let child = Atomic<pid_t>(0)

    /// - Returns: The program's exit status, or 128 and its signal; 127 when it can't be started.
    public static func run(_ command: [String]) -> Int32 {
        let parent = getppid()
        var arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        signal(SIGTERM) { _ in
            let child = Guardian.child.load(ordering: .sequentiallyConsistent)
            if child > 0 { kill(child, SIGTERM) }
        }
        var started: pid_t = 0
        guard let name = command.first, posix_spawnp(&started, name, nil, nil, &arguments, environ) == 0 else {
            return 127
        }
        child.store(started, ordering: .sequentiallyConsistent)
        _ = startThread {
            while getppid() == parent { usleep(200_000) }
            let child = Guardian.child.load(ordering: .sequentiallyConsistent)
            kill(child, SIGTERM)
            sleep(2)
            kill(child, SIGKILL)
        }
        var status: Int32 = 0
        while waitpid(started, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? status >> 8 & 0xff : 128 + signal
    }
}

import CLinux
import Glibc
import Host
import Synchronization

/// The pipe that the sandbox lives by.
final class Lifeline: Sendable {
    private let ends: Mutex<(read: CInt, write: CInt)>
    let readEnd: CInt

    init() throws {
        var ends: [CInt] = [0, 0]
        guard rtv_pipe(&ends) == 0 else { throw SystemError("cannot create a pipe", errno) }
        _ = rtv_set_pipe_size(ends[1], 1 << 20)
        readEnd = ends[0]
        self.ends = Mutex((ends[0], ends[1]))
    }

    deinit {
        closeReadEnd()
        end()
    }

    /// Sends the job, whole or as far as the sandbox lives to read it. The thread that does has the pipe's end to itself: a
    /// number alone might be another file's by the time it is written to.
    func send(_ bytes: [UInt8]) throws {
        let own = ends.withLock { dup($0.write) }
        guard own >= 0, fcntl(own, F_SETFD, FD_CLOEXEC) == 0 else {
            throw SystemError("cannot send the job", errno)
        }
        let status = startThread {
            defer { close(own) }
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &signals, nil)
            // The sandbox's end says more than a broken pipe could.
            try? OpenFile.write(bytes, to: own)
        }
        guard status == 0 else { throw SystemError("cannot start a thread", status) }
    }

    func closeReadEnd() {
        ends.withLock {
            if $0.read >= 0 { close($0.read) }
            $0.read = -1
        }
    }

    func end() {
        ends.withLock {
            if $0.write >= 0 { close($0.write) }
            $0.write = -1
        }
    }
}

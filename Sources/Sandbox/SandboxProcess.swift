import CLinux
import CSandbox
import Glibc
import Host
import Synchronization
import SystemPackage

/// Work for the sandbox's pid 1: JSON on its standard input, after its length. The pipe then stays open: the sandbox ends when
/// it closes.
public protocol SandboxJob: Codable, Sendable {
    /// The one folder where it writes, under the lock of whoever asks.
    var workFolder: String { get }
}

/// What the sandbox tells whoever started it, a line of JSON each on its standard error.
public enum SandboxMessage<Answer: Codable & Sendable>: Codable, Sendable {
    case event(BuildEvent)
    /// What a question came to.
    case answer(Answer)
    /// The job can't be done; the text is for people.
    case failed(String)
    /// pip finds no choice; the text is for people.
    case noChoice(String)
    /// All is done.
    case finished
}

/// The answer of a job that leaves a file.
public struct NoAnswer: Codable, Sendable {}

/// The sandbox from inside: its pid 1.
public enum SandboxProcess {
    /// Begins the sandbox; nothing else may have been started.
    /// - Throws: `SystemError`.
    public static func begin() throws {
        var failed: UnsafePointer<CChar>?
        guard rtv_begin_sandbox(&failed) == 0 else {
            let reason = errno
            throw SystemError(failed.map { String(cString: $0) } ?? "", reason)
        }
    }

    /// Reads the job on standard input, does it in isolation, and tells on standard error what it came to.
    public static func run<Job: SandboxJob, Answer: Codable & Sendable>(
        _ body: @Sendable (Job, @escaping EventSink) async throws -> Answer?
    ) async {
        typealias Message = SandboxMessage<Answer>
        do {
            let job = try JSONText.decode(Job.self, from: try readJob())
            try endWithParent()
            try isolate(work: job.workFolder)
            if let answer = try await body(job, { send(Message.event($0)) }) { send(Message.answer(answer)) }
            send(Message.finished)
        } catch SandboxError.noChoice(let reason) {
            send(Message.noChoice(reason))
        } catch {
            send(Message.failed(String(describing: error)))
        }
    }

    /// The decimal digits before a job: its length in bytes.
    private static let lengthDigits = 12

    /// How a job is sent.
    static func framed(_ job: [UInt8]) -> [UInt8] {
        let digits = Array("\(job.count)".utf8)
        return [UInt8](repeating: 0x30, count: lengthDigits - digits.count) + digits + job
    }

    /// The job on standard input, to its last byte and no further: what follows is the parent's sign of life.
    private static func readJob() throws -> [UInt8] {
        do {
            let header = try OpenFile.bytes(STDIN_FILENO, count: lengthDigits)
            guard header.count == lengthDigits, let length = Int(String(decoding: header, as: UTF8.self)) else {
                throw SystemError("cannot read the job", EPROTO)
            }
            let job = try OpenFile.bytes(STDIN_FILENO, count: length)
            guard job.count == length else { throw SystemError("cannot read the job", EPIPE) }
            return job
        } catch let error as Errno { throw SystemError("cannot read the job", error.rawValue) }
    }

    /// Ends this process, and with it everything in its pid namespace, as soon as the parent's pipe closes.
    private static func endWithParent() throws {
        let status = startThread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 0 || (count < 0 && errno != EINTR) { _exit(3) }
            }
        }
        guard status == 0 else { throw SystemError("cannot start a thread", status) }
    }

    /// Settings of the namespaces: name, umask, no waiting for disks, nothing of the host's to write to.
    /// - Parameter work: The one folder where this process writes.
    private static func isolate(work: String) throws {
        umask(0o022)
        let name = "localhost"
        guard sethostname(name, name.utf8.count) == 0 else { throw SystemError("cannot set the host name", errno) }
        // So that no link in a tree can make this process write elsewhere. An older kernel can't say so.
        guard work.withPath({ rtv_write_only_below($0) }) == 0 || errno == ENOSYS else {
            throw SystemError("cannot make the host's files read-only", errno)
        }
        guard rtv_ignore_fsync() == 0 else { throw SystemError("cannot install the fsync filter", errno) }
    }

    private static let output = Mutex(())

    private static func send(_ message: some Encodable) {
        // Messages hold texts and numbers, which always have a JSON form.
        guard let line = try? JSONText.line(message) else { return }
        output.withLock { _ in
            try? OpenFile.write(line, to: STDERR_FILENO)
        }
    }
}

import CLinux
import Glibc
import Host
import Subprocess
import Synchronization
import SystemPackage

/// The sandbox from outside: this program again, as pid 1 of namespaces of its own.
///
/// Its standard input is the job and then a pipe whose end ends it; its standard output is the result's file; its standard
/// error is the messages.
public struct Namespaces: Sendable {
    static let searchPath = "/usr/sbin:/usr/bin:/sbin:/bin"
    /// Bytes of a message: an answer lists some thousand packages at the most.
    private static let longestMessage = 16 << 20
    /// Bytes of memory without which no build has been seen to end.
    private static let leastMemory = 192 << 20
    /// What makes a user root of a namespace, with all the user's subordinate ids.
    public static let userNamespace = ["unshare", "--user", "--map-root-user", "--map-auto"]

    /// What is around the sandbox; nothing inside may depend on it.
    public struct Surroundings: Sendable {
        /// The whole environment, `NAME=VALUE` each.
        public var environment = ["PATH=\(Namespaces.searchPath)"]
        /// What is put before the command that starts the sandbox.
        public var prefix: [String] = []
        /// What begins the sandbox in place of its command, in mounts that nobody else sees; nil where nothing is mounted before.
        public var beginning: (@Sendable (_ command: [String]) -> [String])?

        /// As every build has them.
        public init() {}
    }

    private let command: HiddenCommand
    private let hasNetwork: Bool
    private let surroundings: Surroundings

    /// - Parameters:
    ///   - command: What the sandbox's pid 1 is.
    ///   - hasNetwork: Whether it keeps the host's network.
    public init(_ command: HiddenCommand, hasNetwork: Bool = false, surroundings: Surroundings = .init()) {
        (self.command, self.hasNetwork, self.surroundings) = (command, hasNetwork, surroundings)
    }

    /// Has a job done.
    /// - Parameters:
    ///   - output: An open file, its standard output.
    ///   - events: Gets what it tells meanwhile.
    /// - Returns: The answer; nil where the job has none.
    /// - Throws: `SandboxError`.
    public func run<Answer: Codable & Sendable>(
        _ job: some SandboxJob, answer: Answer.Type = NoAnswer.self, output: CInt = STDERR_FILENO,
        events: @escaping EventSink
    ) async throws -> Answer? {
        let lifeline = try Lifeline()
        defer { lifeline.end() }
        try lifeline.send(SandboxProcess.framed(try JSONText.line(job)))
        let command = try command(workFolder: job.workFolder)
        let group = ControlGroup()
        try Self.checkMemory(group)
        let before = group.events
        let outcome = Mutex(Outcome<Answer>())
        // A task of its own: cancelling this one closes the pipe, and the sandbox then ends by itself, with all in it.
        let running = Task { [surroundings] in
            try await Subprocess.run(
                command[0].hasPrefix("/")
                    ? .path(FilePath(platformString: command[0].pathCString)) : .name(command[0]),
                arguments: Arguments(command.dropFirst().map(\.pathArgument)),
                environment: .custom(surroundings.environment.map(\.pathArgument)),
                input: .fileDescriptor(FileDescriptor(rawValue: lifeline.readEnd), closeAfterSpawningProcess: false),
                output: .fileDescriptor(FileDescriptor(rawValue: output), closeAfterSpawningProcess: false),
                error: .sequence
            ) { execution in
                lifeline.closeReadEnd()
                var lines = OutputLines(limit: Self.longestMessage)
                func take(_ line: [UInt8], _ isCut: Bool) { outcome.withLock { $0.take(line, isCut, events) } }
                for try await buffer in execution.standardError { lines.take(buffer, take) }
                lines.finish(take)
            }.terminationStatus
        }
        let status = try await withTaskCancellationHandler {
            try await running.value
        } onCancel: {
            lifeline.end()
        }
        try Task.checkCancellation()
        // A maintainer script that ignores its program's end leaves another tree, and says nothing.
        if let event = group.events.since(before) { throw SandboxError.exhausted(event) }
        return try outcome.withLock { outcome in
            try outcome.conclude("\(status)")
            return outcome.answer
        }
    }

    /// What starts the sandbox.
    private func command(workFolder: String) throws -> [String] {
        guard let own = OwnProgram.path else {
            throw SandboxError.ended("this program's file was removed or replaced while it ran: run it again")
        }
        // The kernel then hides its open files from its children, which look at the image that is one.
        guard getuid() == 0 || rtv_is_open_to_children() != 0 else {
            throw SandboxError.ended("\(own) can be run and not read here; run: chmod a+r '\(own)'")
        }
        guard getuid() != 0 || NamespaceAdvice.idCount >= 65_536 else {
            throw SandboxError.ended(
                "this root has \(NamespaceAdvice.idCount) user ids, and the owners in an image are 0 to 65535: give the "
                    + "container a range of them (podman's --uidmap, /etc/subuid), or build as an ordinary user")
        }
        // The host's root lifts it inside; a user can't.
        if getuid() != 0, workFolder.withPath({ rtv_is_noexec($0) }) != 0 {
            throw SandboxError.ended(
                "the store's file system is mounted noexec, and the programs of an image must run there: remount it exec, "
                    + "or choose another place (--store DIR)")
        }
        var words = getuid() == 0 ? ["unshare"] : Self.userNamespace
        words += hasNetwork ? [] : ["--net"]
        // What is mounted where is begun from inside, which works in a chroot too.
        // Where something is mounted before, it must not be seen outside.
        words += ["--mount", "--propagation", surroundings.beginning == nil ? "unchanged" : "private"]
        words += ["--pid", "--uts", "--ipc", "--fork", "--kill-child"]
        let first = [own, self.command.rawValue]
        return surroundings.prefix + words + (surroundings.beginning?(first) ?? first)
    }

    private static func checkMemory(_ group: ControlGroup) throws {
        if let limit = group.memoryLimit, limit < leastMemory {
            throw SandboxError.ended(
                "this control group may use \(readableByteCount(limit)) of memory, and a build takes "
                    + "\(readableByteCount(leastMemory)) or more; raise the limit (docker run --memory, MemoryMax=)")
        }
    }

    /// What the messages came to.
    private struct Outcome<Answer: Codable & Sendable> {
        var finished = false
        var hasBegun = false
        var failure: SandboxError?
        var answer: Answer?
        var others: [String] = []

        mutating func take(_ line: [UInt8], _ isCut: Bool, _ events: EventSink) {
            guard !isCut, line.first == 0x7b,
                let message = try? JSONText.decode(SandboxMessage<Answer>.self, from: line)
            else {
                // Lines that are no message are what unshare or the loader has to say.
                others = (others + [TerminalText.safe(line.prefix(1000))]).suffix(20)
                return
            }
            hasBegun = true
            switch message {
            case .event(let event): events(event)
            case .answer(let answer): self.answer = answer
            case .failed(let reason): failure = .ended(reason)
            case .noChoice(let reason): failure = .noChoice(reason)
            case .finished: finished = true
            }
        }

        func conclude(_ status: String) throws {
            if let failure { throw failure }
            if finished { return }
            // Only what ended before the sandbox said anything was refused its namespaces.
            if !hasBegun,
                others.contains(where: { line in
                    NamespaceAdvice.isRefusedProc(line)
                        || ["unshare:", "newuidmap:", "newgidmap:", "taskset:"].contains { line.hasPrefix($0) }
                })
            {
                throw SandboxError.namespaces(others)
            }
            throw SandboxError.ended(
                "the sandbox ended before its work was done (\(status))\n"
                    + others.map { "  \($0)\n" }.joined())
        }
    }
}

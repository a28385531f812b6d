import CLinux
import Glibc
import Host
import RootfsBuild
import Subprocess
import Synchronization
import SystemPackage

/// The sandbox from outside: this program again, as pid 1 of namespaces of its own.
///
/// Its standard input is the job and then a pipe whose end ends it; its standard output is the image; its standard
/// error is the messages.
struct Sandbox {
    static let searchPath = "/usr/sbin:/usr/bin:/sbin:/bin"
    /// Bytes of a message: an answer lists some thousand packages at the most.
    private static let longestMessage = 16 << 20
    /// Bytes of memory without which no build has been seen to end.
    private static let leastMemory = 192 << 20
    static let userNamespace = ["unshare", "--user", "--map-root-user", "--map-auto"]

    /// Builds one image into an open file.
    /// - Throws: `BuildError`.
    static func build(
        _ job: BuildJob, into image: CInt, conditions: BuildConditions, events: @escaping EventSink
    ) async throws {
        _ = try await run(.build(job), hasNetwork: false, output: image, conditions: conditions, events)
    }

    /// Asks the target's own programs.
    /// - Throws: `BuildError`.
    static func answer(_ job: ResolutionJob, events: @escaping EventSink) async throws -> ResolutionJob.Answer {
        let answer = try await run(
            .resolve(job), hasNetwork: job.needsNetwork, output: STDERR_FILENO, conditions: BuildConditions(), events)
        guard let answer else { throw BuildError.sandbox("the sandbox ended without an answer") }
        return answer
    }

    private static func run(
        _ job: SandboxJob, hasNetwork: Bool, output: CInt, conditions: BuildConditions, _ events: @escaping EventSink
    ) async throws -> ResolutionJob.Answer? {
        let lifeline = try Lifeline()
        defer { lifeline.end() }
        try lifeline.send(try JSONText.line(job))
        var command = getuid() == 0 ? ["unshare"] : userNamespace
        command += hasNetwork ? [] : ["--net"]
        // What is mounted where is begun from inside, which works in a chroot too.
        // Where something is mounted before, it must not be seen outside.
        let isBelow = conditions.has(.directoryOrder)
        command += ["--mount", "--propagation", isBelow ? "private" : "unchanged"]
        command += ["--pid", "--uts", "--ipc", "--fork", "--kill-child"]
        guard let own = OwnProgram.path else {
            throw BuildError.sandbox("this program's file was removed or replaced while it ran: run it again")
        }
        let first = [own, "sandbox"]
        command +=
            isBelow
            ? ShuffledFolder(shown: job.workFolder)
                .showing(first, isShuffled: conditions.varied.contains(.directoryOrder)) : first
        // The kernel then hides its open files from its children, which look at the image that is one.
        guard getuid() == 0 || rtv_is_open_to_children() != 0 else {
            throw BuildError.sandbox("\(own) can be run and not read here; run: chmod a+r '\(own)'")
        }
        command = conditions.prefix(own: own) + command
        guard getuid() != 0 || NamespaceAdvice.idCount >= 65_536 else {
            throw BuildError.sandbox(
                "this root has \(NamespaceAdvice.idCount) user ids, and the owners in an image are 0 to 65535: give the "
                    + "container a range of them (podman's --uidmap, /etc/subuid), or build as an ordinary user")
        }
        // The host's root lifts it inside; a user can't.
        if getuid() != 0, job.workFolder.withPath({ rtv_is_noexec($0) }) != 0 {
            throw BuildError.sandbox(
                "the store's file system is mounted noexec, and the programs of an image must run there: remount it exec, "
                    + "or choose another place (--store DIR)")
        }
        let group = ControlGroup()
        if let limit = group.memoryLimit, limit < leastMemory {
            throw BuildError.sandbox(
                "this control group may use \(readableByteCount(limit)) of memory, and a build takes "
                    + "\(readableByteCount(leastMemory)) or more; raise the limit (docker run --memory, MemoryMax=)")
        }
        let before = group.events
        let outcome = Mutex(Outcome())
        // A task of its own: cancelling this one closes the pipe, and the sandbox then ends by itself, with all in it.
        let running = Task { [command] in
            try await Subprocess.run(
                command[0].hasPrefix("/")
                    ? .path(FilePath(platformString: command[0].pathCString)) : .name(command[0]),
                arguments: Arguments(command.dropFirst().map(\.pathArgument)),
                environment: .custom(conditions.environment.map(\.pathArgument)),
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
        if let event = group.events.since(before) { throw BuildError.exhausted(event) }
        return try outcome.withLock { outcome in
            try outcome.conclude("\(status)")
            return outcome.answer
        }
    }

    /// What the messages came to.
    private struct Outcome {
        var finished = false
        var hasBegun = false
        var failure: BuildError?
        var answer: ResolutionJob.Answer?
        var others: [String] = []

        mutating func take(_ line: [UInt8], _ isCut: Bool, _ events: EventSink) {
            guard !isCut, line.first == 0x7b, let message = try? JSONText.decode(SandboxMessage.self, from: line) else {
                // Lines that are no message are what unshare or the loader has to say.
                others = (others + [TerminalText.safe(line.prefix(1000))]).suffix(20)
                return
            }
            hasBegun = true
            switch message {
            case .event(let event): events(event)
            case .answer(let answer): self.answer = answer
            case .failed(let reason): failure = .sandbox(reason)
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
                    ["unshare:", "newuidmap:", "newgidmap:", "taskset:"].contains { line.hasPrefix($0) }
                })
            {
                throw BuildError.namespaces(others)
            }
            throw BuildError.sandbox(
                "the sandbox ended before its work was done (\(status))\n"
                    + others.map { "  \($0)\n" }.joined())
        }
    }
}

/// The pipe that the sandbox lives by.
private final class Lifeline: Sendable {
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

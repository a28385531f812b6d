import Glibc
import Host
import Subprocess
import Synchronization
import SystemPackage

/// A folder that programs run in as if it were the whole system, with a fixed environment and nothing on standard input.
public struct Root: Sendable {
    /// The folder, as this process sees it.
    public let path: String
    /// Seconds since 1970-01-01 UTC, as its programs are told them.
    let sourceDateEpoch: Int
    /// Variables besides the fixed ones.
    var additional: [String: String] = [:]
    /// What its programs have besides.
    public var entry = RootEntry.Options()
    /// Gets what its programs print.
    public let events: EventSink

    /// A folder of ours in the root while it is worked in.
    public static let privateFolder = "/.rtverify"

    /// Where, inside, a package's control files are while its preinst runs.
    public static let controlFolder = PackagePlacement.controlFolder

    /// - Parameter path: As this process sees it.
    public init(path: String, sourceDateEpoch: Int, events: @escaping EventSink) {
        (self.path, self.sourceDateEpoch, self.events) = (path, sourceDateEpoch, events)
    }

    /// Where this process sees a path of the root, which begins with a slash.
    public func path(of inside: String) -> String { path + inside }

    /// Where this process sees the private folder.
    public var privatePath: String { path(of: Self.privateFolder) }

    /// The whole environment: nothing is inherited.
    private var environment: [Environment.Key: String] {
        var environment: [Environment.Key: String] = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LC_ALL": "C",
            "TZ": "UTC",
            "DEBIAN_FRONTEND": "noninteractive",
            "DEBCONF_NONINTERACTIVE_SEEN": "true",
            "SOURCE_DATE_EPOCH": "\(sourceDateEpoch)",
            // Byte code's sets are written in the order of their hashes.
            "PYTHONHASHSEED": "0",
        ]
        for (name, value) in additional { environment[Environment.Key(stringLiteral: name)] = value }
        return environment
    }

    /// Bytes of a line that are shown, and lines of a failure.
    private static let (longestLine, tail) = (4096, 25)
    /// Seconds without a line after which it is said what is waited for.
    private static let patience = 60

    /// Runs a program that sees nothing but the root.
    /// - Parameters:
    ///   - what: What it does, for the error.
    ///   - timeout: Seconds after which it is ended; nil for never.
    ///   - line: Gets each line that it prints, safe to show.
    /// - Throws: `SandboxError.program` with the end of its output, `.timeout`.
    public func run(
        _ what: String, _ arguments: [String], timeout: Int? = nil, line: @Sendable (String) -> Void = { _ in }
    ) async throws {
        let events = events
        let silence = Silence(what, events)
        let result = try await Subprocess.run(
            .path("/proc/self/exe"),
            arguments: Arguments(RootEntry.command(path, arguments, options: entry)),
            environment: .custom(environment), input: .none, output: .sequence, error: .combinedWithOutput
        ) { execution in
            let watching = Task { await silence.watch(every: Self.patience) }
            let ending = Task {
                guard let timeout else { return }
                try await Task.sleep(for: .seconds(timeout))
                silence.isLate = true
                try execution.send(signal: .kill)
            }
            defer {
                watching.cancel()
                ending.cancel()
            }
            var lines = OutputLines(limit: Self.longestLine)
            var heard = Heard()
            // A message for what was read at once: a program may print millions of lines.
            func tell() {
                guard !heard.new.isEmpty else { return }
                silence.end()
                events(.detail(heard.new.joined(separator: "\n")))
                heard.new.removeAll(keepingCapacity: true)
            }
            for try await buffer in execution.standardOutput {
                lines.take(buffer) { line(heard.take($0, isCut: $1)) }
                tell()
            }
            lines.finish { line(heard.take($0, isCut: $1)) }
            tell()
            return heard.tail
        }
        if silence.isLate { throw SandboxError.timeout(what, seconds: timeout ?? 0) }
        guard result.terminationStatus.isSuccess else {
            throw SandboxError.program(
                what, status: "\(result.terminationStatus)", output: result.takeClosureResult())
        }
    }

    /// What a program printed, safe to show.
    private struct Heard {
        /// Its last lines.
        private(set) var tail: [String] = []
        /// Those that nobody was told yet.
        var new: [String] = []

        mutating func take(_ bytes: [UInt8], isCut: Bool) -> String {
            let text = TerminalText.safe(bytes) + (isCut ? " … (a longer line)" : "")
            new.append(text)
            tail.append(text)
            if tail.count > Root.tail { tail.removeFirst() }
            return text
        }
    }

    /// Says now and then what is waited for, when nothing else is heard of it.
    private final class Silence: Sendable {
        private let what: String
        private let events: EventSink
        private let last = Mutex(ContinuousClock.now)
        private let late = Mutex(false)

        init(_ what: String, _ events: @escaping EventSink) { (self.what, self.events) = (what, events) }

        /// Whether the program was ended for its time.
        var isLate: Bool {
            get { late.withLock { $0 } }
            set { late.withLock { $0 = newValue } }
        }

        func end() { last.withLock { $0 = .now } }

        func watch(every seconds: Int) async {
            while (try? await Task.sleep(for: .seconds(seconds))) != nil {
                let silent = last.withLock { $0 }.duration(to: .now)
                guard silent >= .seconds(seconds) else { continue }
                let shown = what.prefix(200).split(separator: "\n").first ?? ""
                events(.note("waiting for \(shown), which has printed nothing for \(silent.components.seconds) s"))
            }
        }
    }

    /// Runs tasks in a child of this program that is chrooted into the root.
    /// - Parameter what: What they do, for the error.
    /// - Returns: The lines that tasks said.
    @discardableResult
    public func perform(_ tasks: [ChrootTask], _ what: String? = nil) async throws -> [String] {
        let input = try JSONText.line(tasks)
        let result = try await Subprocess.run(
            .path("/proc/self/exe"), arguments: Arguments([HiddenCommand.tasks.rawValue, path].map(\.pathArgument)),
            environment: .custom(environment),
            input: .array(input), output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
        guard result.terminationStatus.isSuccess else {
            let lines = result.standardError.split(separator: "\n").map(String.init)
            throw SandboxError.program(
                what ?? "unpacking into \(path)", status: "\(result.terminationStatus)", output: lines)
        }
        return result.standardOutput.split(separator: "\n").map { TerminalText.safe(String($0)) }
    }
}

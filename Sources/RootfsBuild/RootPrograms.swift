import Glibc
import Reporting
import Subprocess
import SystemPackage

/// Runs programs inside a root, with a fixed environment and nothing on standard input.
public struct RootPrograms: Sendable {
    let root: String
    let sourceDateEpoch: Int
    /// Variables besides the fixed ones.
    let additional: [String: String]
    /// Whether the sandbox has the host's network.
    let sharesNetwork: Bool
    let events: EventSink

    public init(
        root: String, sourceDateEpoch: Int, additional: [String: String] = [:], sharesNetwork: Bool = false,
        events: @escaping EventSink
    ) {
        (self.root, self.sourceDateEpoch, self.events) = (root, sourceDateEpoch, events)
        (self.additional, self.sharesNetwork) = (additional, sharesNetwork)
    }

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

    /// Runs a program that sees nothing but the root.
    /// - Parameters:
    ///   - what: What it does, for the error.
    ///   - line: Gets each line that it prints.
    /// - Throws: `RootfsError.program` with the end of its output.
    func run(_ what: String, _ arguments: [String], line: @Sendable (String) -> Void = { _ in }) async throws {
        let events = events
        let result = try await Subprocess.run(
            .path("/proc/self/exe"),
            arguments: Arguments(RootEntry.command(root, arguments, sharingNetwork: sharesNetwork)),
            environment: .custom(environment), input: .none, output: .sequence, error: .combinedWithOutput
        ) { execution in
            var tail: [String] = []
            for try await text in execution.standardOutput.strings() {
                let text = text.last?.isNewline == true ? String(text.dropLast()) : text
                events(.detail(text))
                line(text)
                tail.append(text)
                if tail.count > 25 { tail.removeFirst() }
            }
            return tail
        }
        guard result.terminationStatus.isSuccess else {
            throw RootfsError.program(
                what, status: "\(result.terminationStatus)", output: result.takeClosureResult())
        }
    }

    /// Runs tasks in a child of this program that is chrooted into the root.
    func perform(_ tasks: [RootTask]) async throws {
        let input = try JSONText.line(tasks)
        let result = try await Subprocess.run(
            .path("/proc/self/exe"), arguments: [RootTaskRunner.commandName, root], environment: .custom(environment),
            input: .array(input), output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
        guard result.terminationStatus.isSuccess else {
            let lines = result.standardError.split(separator: "\n").map(String.init)
            throw RootfsError.program(
                "unpacking into \(root)", status: "\(result.terminationStatus)", output: lines)
        }
    }
}

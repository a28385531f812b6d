import Glibc
import Host
import Synchronization
import VirtualMachine

/// How a program's run is told.
enum ProgramText {
    /// An answer, when it has come: its body on standard output, its status on standard error.
    static func print(_ answer: ProgramRun.Report.Answer, _ body: [UInt8], hasBody: Bool, quiet: Bool) {
        if hasBody {
            body.withUnsafeBytes { StandardOutput.write($0) }
            // A person's prompt is not to stand behind it; a file gets the body and nothing more.
            if isatty(STDOUT_FILENO) == 1, body.last != 0x0a { printLine("") }
        }
        let status = answer.status.map { "\($0)" } ?? "answered"
        let head =
            "\(TerminalText.safe(answer.request)): \(status), \(answer.size) bytes in \(milliseconds(answer.seconds)) ms"
        if answer.problems.isEmpty {
            if !quiet { printError(head) }
        } else {
            printError(
                "\(head); not as expected: \(answer.problems.map { TerminalText.safe($0) }.joined(separator: "; "))")
        }
    }

    /// What is said at the end.
    static func print(_ report: ProgramRun.Report, json: Bool, quiet: Bool) {
        if json { return printLine(JSONText.of(report)) }
        if let refusal = report.refusal {
            printError("rtverify: the program was refused: \(TerminalText.safe(refusal))")
            if let traceback = report.traceback, traceback != refusal { printError(TerminalText.safeLines(traceback)) }
        }
        if !report.isHalted, !report.isEnded {
            printError("rtverify: the machine did not say that it halted within 5 seconds: a host would have killed it")
        }
        guard !quiet else { return }
        var times = ["ready after \(seconds(report.ready)) s"]
        if let configured = report.configured { times.append("configured after \(seconds(configured)) s") }
        if let first = report.firstAnswer { times.append("first answer after \(seconds(first)) s") }
        printError("\(times.joined(separator: ", ")) (\(report.usesKVM ? "KVM" : "emulated"))")
    }

    private static func milliseconds(_ seconds: Double) -> Int { Int((seconds * 1000).rounded()) }

    private static func seconds(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

/// A machine's console on standard error, a line at a time.
final class ConsoleLines: Sendable {
    private static let longest = 4096
    private let isShown: Bool
    private let line = Mutex<[UInt8]>([])

    init(isShown: Bool) { self.isShown = isShown }

    func add(_ bytes: UnsafeRawBufferPointer) {
        guard isShown else { return }
        let lines = line.withLock { line in
            var lines: [[UInt8]] = []
            for byte in bytes {
                if byte == 0x0a || line.count >= Self.longest {
                    lines.append(line)
                    line = []
                }
                if byte != 0x0a, byte != 0x0d { line.append(byte) }
            }
            return lines
        }
        for line in lines { printError("console: \(TerminalText.safe(line))") }
    }
}

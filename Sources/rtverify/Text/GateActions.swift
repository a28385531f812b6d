import CSandbox
import Gate
import Host

/// What GitHub's runner reads: annotations, a step's summary and its outputs
/// (docs.github.com, "Workflow commands for GitHub Actions").
final class GateActions {
    private let token = String((0..<32).map { _ in "0123456789abcdef".randomElement() ?? "0" })
    private var isStopped = false
    private let isBesideJSON: Bool

    /// What a runner shows of a kind in one step.
    private static let annotations = 10
    /// Bytes of a step's summary.
    private static let summaryLimit = 1 << 20

    /// - Parameter besideJSON: Whether standard output is one JSON text: the runner reads both streams.
    init(besideJSON: Bool) { isBesideJSON = besideJSON }

    /// Until they are resumed no line is a command, whoever wrote it.
    func stopCommands() {
        command("::stop-commands::\(token)")
        isStopped = true
    }

    func resumeCommands() {
        if isStopped { command("::\(token)::") }
        isStopped = false
    }

    /// At once: what waits in a buffer while the other stream goes out stops nothing.
    private func command(_ line: String) {
        if isBesideJSON { return printError(line) }
        printLine(line)
        // What can't be written is found at the end.
        _ = rtv_flush_output()
    }

    func write(_ report: GateReport, report path: String?) throws {
        for line in Self.commands(report) { command(line) }
        if let file = environmentValue("GITHUB_STEP_SUMMARY") {
            try AtomicFile.append(GateMarkdown.text(report, limit: Self.summaryLimit), to: file)
        }
        if let file = environmentValue("GITHUB_OUTPUT") { try AtomicFile.append(outputs(report, path), to: file) }
    }

    /// Ten of a kind at the most, then one that sums up.
    private static func commands(_ report: GateReport) -> [String] {
        var (errors, warnings): ([String], [String]) = ([], [])
        errors += (report.failures + report.runtimes.flatMap(\.untold)).map {
            "::error title=rtverify gate::\(data(TerminalText.safe($0)))"
        }
        for runtime in report.runtimes {
            for result in runtime.checks where [.no, .undecided].contains(result.verdict) {
                let isWarning =
                    result.verdict == .undecided && report.undecidedWarns && [.audit, .contract].contains(result.check)
                let text = ([result.reason] + result.details.prefix(5) + (result.command.map { ["run: \($0)"] } ?? []))
                    .joined(separator: "\n")
                let line =
                    "::\(isWarning ? "warning" : "error") file=\(property(runtime.lock)),line=\(line(of: result, in: runtime)),"
                    + "title=\(property("\(runtime.name) \(result.check.rawValue): \(result.verdict.word)"))::"
                    + data(text)
                if isWarning { warnings.append(line) } else { errors.append(line) }
            }
        }
        return [("error", errors), ("warning", warnings)].flatMap { kind, lines in
            lines.count <= annotations
                ? lines
                : lines.prefix(annotations - 1)
                    + [
                        "::\(kind) title=rtverify gate::and \(lines.count - annotations + 1) more; the summary has them all"
                    ]
        }
    }

    /// The lock's line that a finding is about: that of the first entry that it names.
    private static func line(of result: GateReport.Result, in runtime: GateReport.Runtime) -> Int {
        guard let bytes = try? SmallFile.bytes(runtime.lock, limit: 64 << 20) else { return 1 }
        let words = ([result.reason] + result.details).joined(separator: " ").split { " :,()\"".contains($0) }.map(
            String.init)
        let names = Set(words.filter { $0.count > 1 })
        let lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() where line.starts(with: "name = \"".utf8) {
            let name = String(decoding: line.dropFirst("name = \"".utf8.count).dropLast(), as: UTF8.self)
            if names.contains(name), number > 10 { return number + 1 }
        }
        return 1
    }

    private static func data(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { TerminalText.safe(String($0)) }
        return lines.joined(separator: "\n").replacing("%", with: "%25").replacing("\r", with: "%0D")
            .replacing("\n", with: "%0A")
    }

    private static func property(_ text: String) -> String {
        data(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
    }

    /// With a delimiter that no value can hold by design.
    private func outputs(_ report: GateReport, _ path: String?) -> String {
        let images = report.runtimes.compactMap { runtime in runtime.image.map { (runtime.name, $0) } }
        func value(_ field: (GateReport.Image) -> String) -> String {
            if report.runtimes.count == 1 { return images.first.map { field($0.1) } ?? "" }
            return JSONText.of(Dictionary(images.map { ($0.0, field($0.1)) }) { first, _ in first })
        }
        let values = [
            ("verdict", report.verdict.rawValue), ("report", path ?? ""), ("image", value { $0.path ?? "" }),
            ("sha256", value(\.sha256)), ("cid", value(\.cid)),
        ]
        return values.map { "\($0)<<rtverify-\(token)\n\($1.showingHeldBytes())\nrtverify-\(token)\n" }.joined()
    }
}

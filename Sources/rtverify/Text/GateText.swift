import Gate
import Host
import RuntimeSpec

/// A gate's report for a terminal: a table, then what is not yes.
enum GateText {
    static func lines(_ report: GateReport) -> [String] {
        func paint(_ text: String, _ code: String) -> String { TerminalStyle.output.painted(text, code) }
        let columns = columns(of: report)
        let names = ["runtime"] + report.runtimes.map { TerminalText.safe($0.name) }
        let width = (names.map(\.count).max() ?? 0) + 2
        func row(_ name: String, _ cells: [(text: String, code: String?)]) -> String {
            var line = name.padded(to: width)
            for (column, cell) in zip(columns, cells) {
                let text = cell.text.padded(to: max(column.rawValue.count, 9) + 2)
                line += cell.code.map { paint(text, $0) } ?? text
            }
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
        var lines = [row("runtime", columns.map { ($0.rawValue, nil) })]
        for (name, runtime) in zip(names.dropFirst(), report.runtimes) {
            lines.append(
                row(
                    name,
                    columns.map { column in
                        guard let result = runtime.checks.first(where: { $0.check == column }) else {
                            return ("-", "2")
                        }
                        return (result.verdict.word, result.verdict.color)
                    }))
        }
        for runtime in report.runtimes {
            for result in runtime.checks where result.verdict != .yes {
                lines += [""] + entry(runtime, result, paint)
            }
        }
        let notes = report.runtimes.flatMap(notes)
        if !notes.isEmpty { lines += [""] + notes }
        return lines + ["", last(report)].map { $0.isEmpty ? "" : paint($0, report.verdict.color ?? "0") }
    }

    /// The checks that any runtime has, in their order.
    static func columns(of report: GateReport) -> [GateSpec.Check] {
        GateSpec.Check.allCases.filter { check in report.runtimes.contains { $0.checks.contains { $0.check == check } }
        }
    }

    private static func entry(
        _ runtime: GateReport.Runtime, _ result: GateReport.Result, _ paint: (String, String) -> String
    ) -> [String] {
        let title = "\(TerminalText.safe(runtime.name)) \(result.check.rawValue)"
        let word = paint(result.verdict.word, result.verdict.color ?? "0")
        var lines = ["\(word)  \(title): \(TerminalText.safe(result.reason))"]
        let details = details(result)
        lines += details.prefix(14).map { "    \(TerminalText.safe($0))" }
        if details.count > 14 { lines.append("    and \(details.count - 14) lines more (--json)") }
        if let command = result.command { lines.append("    run: \(TerminalText.safe(command))") }
        return lines
    }

    /// What was expected and found, and the cause.
    static func details(_ result: GateReport.Result) -> [String] {
        (result.expected.map { ["expected  \($0)"] } ?? []) + (result.found.map { ["found     \($0)"] } ?? [])
            + result.details
    }

    /// Notes, which are no verdicts.
    static func notes(_ runtime: GateReport.Runtime) -> [String] {
        let name = TerminalText.safe(runtime.name)
        var notes: [String] = []
        for result in runtime.checks where result.verdict == .yes {
            notes += result.details.map { "note  \(name) \(result.check.rawValue): \(TerminalText.safe($0))" }
        }
        if let note = runtime.note { return notes + ["note  \(name): \(TerminalText.safe(note))"] }
        guard let newer = runtime.newer, !newer.security.isEmpty || !newer.others.isEmpty else { return notes }
        let security = newer.security.prefix(5).joined(separator: ", ") + (newer.security.count > 5 ? ", …" : "")
        return notes + [
            "note  \(name): \(newer.security.count + newer.others.count) locked packages have a newer version, "
                + "\(newer.security.count) of them in security suites" + (security.isEmpty ? "" : " (\(security))")
        ]
    }

    /// The answer, in a line.
    static func last(_ report: GateReport) -> String {
        let results = report.runtimes.flatMap(\.checks)
        func count(_ verdict: GateReport.Verdict) -> Int { results.count { $0.verdict == verdict } }
        let counts = "\(count(.yes)) yes, \(count(.no)) no, \(count(.undecided)) undecided, \(count(.leftOut)) left out"
        switch report.verdict {
        case .yes:
            let warnings = report.warnings.count
            return "yes: \(counts)"
                + (warnings > 0 ? "; \(warnings) undecided only warned (undecided = \"warn\")" : "")
        case .no: return "no: \(counts)"
        case .undecided where !report.allFailures.isEmpty:
            return "undecided: \(counts), and \(report.allFailures.count) that could not be read, built or written"
        case .undecided, .leftOut:
            return results.contains { $0.verdict == .yes }
                ? "undecided: \(counts)" : "undecided: nothing was found to be so (\(counts))"
        }
    }
}

extension GateReport.Verdict {
    var word: String { self == .leftOut ? "left out" : rawValue }

    /// ECMA-48's.
    fileprivate var color: String? {
        switch self {
        case .yes: "32"
        case .no: "1;31"
        case .undecided: "33"
        case .leftOut: "2"
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}

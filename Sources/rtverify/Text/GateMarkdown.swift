import Gate
import Host

/// A gate's report as Markdown, with the details folded (GitHub's flavour, which GitLab and Gitea read as well).
enum GateMarkdown {
    /// - Parameter limit: Bytes, beyond which details are left out and it is said.
    static func text(_ report: GateReport, limit: Int = .max) -> String {
        let columns = GateText.columns(of: report)
        var text = "### \(icon(report.verdict)) rtverify gate: \(escaped(GateText.last(report)))\n\n"
        text += "| runtime |" + columns.map { " \($0.rawValue) |" }.joined() + "\n"
        text += "| --- |" + columns.map { _ in " --- |" }.joined() + "\n"
        for runtime in report.runtimes {
            text += "| \(escaped(runtime.name)) |"
            for column in columns {
                let result = runtime.checks.first { $0.check == column }
                text += " " + (result.map { "\(icon($0.verdict)) \($0.verdict.word)" } ?? "") + " |"
            }
            text += "\n"
        }
        text += "\n"
        let ending = "\n_More is in the JSON report; this is all that fits here._\n"
        for part in report.runtimes.flatMap(details) + report.runtimes.flatMap(notes) {
            guard text.utf8.count + part.utf8.count + ending.utf8.count <= limit else { return text + ending }
            text += part
        }
        return text
    }

    private static func details(_ runtime: GateReport.Runtime) -> [String] {
        runtime.checks.filter { $0.verdict != .yes }.map { result in
            var text = "<details><summary>\(icon(result.verdict)) \(escaped(runtime.name)) \(result.check.rawValue): "
            text += "\(escaped(result.reason))</summary>\n\n"
            let lines = GateText.details(result)
            if !lines.isEmpty { text += "<pre>" + lines.map(escaped).joined(separator: "\n") + "</pre>\n\n" }
            if let command = result.command { text += "<pre>\(escaped(command))</pre>\n\n" }
            return text + "</details>\n"
        }
    }

    private static func notes(_ runtime: GateReport.Runtime) -> [String] {
        GateText.notes(runtime).map { "\n\(escaped($0))\n" }
    }

    private static func icon(_ verdict: GateReport.Verdict) -> String {
        switch verdict {
        case .yes: "✅"
        case .no: "❌"
        case .undecided: "❓"
        case .leftOut: "➖"
        }
    }

    /// In running text and in HTML elements: whatever means something is its number.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in TerminalText.safe(text).unicodeScalars {
            if "\\`*_{}[]<>()#+!|&~@:$\"'".unicodeScalars.contains(scalar) {
                result += "&#\(scalar.value);"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

}

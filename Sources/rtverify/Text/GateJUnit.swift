import Gate
import Host

/// A gate's report as Jenkins, GitLab and others read test results (junit-10.xsd of Jenkins' xUnit plugin): a suite a runtime,
/// a case a check.
enum GateJUnit {
    static func text(_ report: GateReport) -> String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<testsuites name=\"rtverify gate\"\(counts(report.runtimes))>\n"
        for runtime in report.runtimes {
            let skipped = runtime.checks.count { $0.verdict == .leftOut }
            text += "  <testsuite name=\(quoted(runtime.name))\(counts([runtime])) skipped=\"\(skipped)\">\n"
            for result in runtime.checks {
                text += "    <testcase name=\"\(result.check.rawValue)\" classname=\(quoted(runtime.name)) "
                text += "time=\"\(result.seconds)\"" + body(result)
            }
            if let first = runtime.untold.first {
                let lines = runtime.untold.map { escaped(TerminalText.safe($0)) }.joined(separator: "\n")
                text += "    <testcase name=\"files\" classname=\(quoted(runtime.name)) time=\"0\">\n      <error "
                text += "message=\(quoted(first)) type=\"files\">\(lines)</error>\n    </testcase>\n"
            }
            text += "  </testsuite>\n"
        }
        return text + "</testsuites>\n"
    }

    /// What could not be read, built or written, where no check tells of it, is a case of its own.
    private static func counts(_ runtimes: [GateReport.Runtime]) -> String {
        let results = runtimes.flatMap(\.checks)
        let files = runtimes.count { !$0.untold.isEmpty }
        let failures = results.count { $0.verdict == .no }
        let errors = results.count { $0.verdict == .undecided } + files
        let seconds = (results.reduce(0) { $0 + $1.seconds } * 100).rounded() / 100
        return " tests=\"\(results.count + files)\" failures=\"\(failures)\" errors=\"\(errors)\" time=\"\(seconds)\""
    }

    private static func body(_ result: GateReport.Result) -> String {
        let element: String
        switch result.verdict {
        case .yes: return "/>\n"
        case .leftOut: return "><skipped message=\(quoted(result.reason))/></testcase>\n"
        case .no: element = "failure"
        case .undecided: element = "error"
        }
        let lines = GateText.details(result) + (result.command.map { ["run: \($0)"] } ?? [])
        let content = lines.map { escaped(TerminalText.safe($0)) }.joined(separator: "\n")
        return
            ">\n      <\(element) message=\(quoted(result.reason)) type=\"\(result.check.rawValue)\">\(content)</\(element)>\n"
            + "    </testcase>\n"
    }

    private static func quoted(_ text: String) -> String { "\"\(escaped(TerminalText.safe(text)))\"" }

    /// Control characters, which XML 1.0 has no way to write, are numbers by now (TerminalText).
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            // U+FFFE and U+FFFF are no characters to XML.
            case "\u{fffe}", "\u{ffff}": result += "?"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

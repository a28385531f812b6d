import Host
import ImageBuild

/// What `build --check` found, for people.
enum CheckText {
    /// Steps and errors hold whatever a lock or a program says.
    static func lines(_ report: CheckReport) -> [String] { plainLines(report).map { TerminalText.safe($0) } }

    private static func plainLines(_ report: CheckReport) -> [String] {
        let varied = report.varied.map(\.rawValue).joined(separator: ", ")
        let missing = report.notVaried.sorted { $0.key < $1.key }.map { "not varied: \($0.key) (\($0.value))" }
        if report.reproducible {
            let count = report.builds == 2 ? "two" : "\(report.builds)"
            let how = varied.isEmpty ? ", nothing varied" : "; varied: \(varied)"
            return ["\(count) builds gave these same bytes\(how)"] + report.notes + missing
        }
        var lines = ["not reproducible: the builds differ; varied: \(varied)"]
        lines += report.culprits.flatMap(\.lines)
        lines += report.failures + report.kept.map { "kept: \($0)" } + report.notes + missing
        return lines
    }
}

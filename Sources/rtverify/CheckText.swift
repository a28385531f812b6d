import ImageBuild
import Reporting

/// What `build --check` found, for people.
enum CheckText {
    static func lines(_ report: CheckReport) -> [String] {
        let varied = report.varied.map(\.rawValue).joined(separator: ", ")
        let missing = report.not_varied.sorted { $0.key < $1.key }.map { "not varied: \($0.key) (\($0.value))" }
        if report.reproducible {
            let count = report.builds == 2 ? "two" : "\(report.builds)"
            let how = varied.isEmpty ? ", nothing varied" : "; varied: \(varied)"
            return ["\(count) builds gave these same bytes\(how)"] + missing
        }
        var lines = ["not reproducible: the builds differ; varied: \(varied)"]
        for culprit in report.culprits {
            let names = culprit.variations.map(\.name).joined(separator: " and ")
            let title = culprit.variations.isEmpty ? "at random" : names
            if culprit.entries.isEmpty { lines.append("\(title): the images differ") }
            for entry in culprit.entries.prefix(10) {
                let by = entry.by.map { ", by \($0)" } ?? ""
                lines.append("\(title): \(entry.path)\(by) [\(entry.cause ?? entry.kind.rawValue)]")
            }
            let more = culprit.entries.count + culprit.omitted - min(10, culprit.entries.count)
            if more > 0 { lines.append("  and \(more) more (--json lists more)") }
            for variation in culprit.variations { lines.append("  it had \(variation.otherwise)") }
            lines.append("  to mend it: \(culprit.remedy)")
        }
        lines += report.kept.map { "kept: \($0)" } + missing
        return lines
    }
}

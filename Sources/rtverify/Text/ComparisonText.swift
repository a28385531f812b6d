import Host
import ImageComparison

/// A comparison for a terminal.
struct ComparisonText {
    private let style: TerminalStyle
    private let full: Bool

    /// - Parameters:
    ///   - style: What the stream takes.
    ///   - full: Every difference with its details; otherwise what fits a few screens.
    init(style: TerminalStyle, full: Bool) { (self.style, self.full) = (style, full) }

    private enum Color: String { case red = "31", green = "32", yellow = "33", bold = "1", faint = "2" }

    private func paint(_ text: String, _ color: Color) -> String {
        style.painted(text, color.rawValue)
    }

    func lines(_ report: ComparisonReport) -> [String] {
        if report.identical {
            let how = report.a.format == "the same bytes" ? "the same bytes" : "the same tree"
            return [paint("identical", .green) + ": \(report.a.path) and \(report.b.path) are \(how)"]
        }
        var lines: [String] = []
        if report.isPackingOnly {
            lines.append(paint("different", .red) + ": the trees are the same; they are packed differently")
        } else {
            let count = report.differences.count + report.omitted - report.ownTimeCount
            lines.append(
                paint("different", .red) + ": \(count) difference\(count == 1 ? "" : "s") between "
                    + "\(report.a.path) (-) and \(report.b.path) (+)"
                    + (report.ownTimeCount == 0 ? "" : ", and each image's own time"))
        }
        if !report.release.isEmpty {
            lines += ["", paint("changed on purpose", .bold)]
            lines += ReleaseText.lines(report.release, most: full ? .max : 20).map { "  \($0)" }
        }
        if !report.summary.isEmpty { lines += ["", paint("by cause", .bold)] + summary(report) }
        lines += tree(report)
        return lines
    }

    /// What the summary says whole: what follows from the packages that were changed, and each image's own time.
    private static let folded = ["image-time", "package-version", "package-set", "package-database", "archive-state"]

    private func tree(_ report: ComparisonReport) -> [String] {
        let listed = report.differences.filter { full || $0.security || !Self.folded.contains($0.cause ?? "") }
        let shown = listed.prefix(full ? .max : 20)
        var lines: [String] = []
        var security: Bool?
        for group in chunks(shown) {
            if group[0].security != security {
                security = group[0].security
                let rest = report.summary.isEmpty ? "" : "the rest"
                let title = group[0].security ? "what may matter for security" : rest
                lines += [""] + (title.isEmpty ? [] : [paint(title, .bold)])
            }
            lines += entry(group)
        }
        let more = report.differences.count + report.omitted - shown.count
        if more > 0 {
            let what = shown.isEmpty ? "all of it follows from these" : "\(more) more"
            lines += (shown.isEmpty ? [""] : []) + [paint("… \(what) (--full, --json or --html lists them)", .faint)]
        }
        return lines
    }

    /// Differences of one path together.
    private func chunks(_ differences: ArraySlice<ComparisonReport.Difference>) -> [[ComparisonReport.Difference]] {
        var result: [[ComparisonReport.Difference]] = []
        for difference in differences {
            if let last = result.last?.last, last.path == difference.path, last.security == difference.security {
                result[result.count - 1].append(difference)
            } else {
                result.append([difference])
            }
        }
        return result
    }

    private func entry(_ group: [ComparisonReport.Difference]) -> [String] {
        let first = group[0]
        let notes = [first.package, first.cause].compactMap { $0 }.joined(separator: ", ")
        let sign =
            first.kind == .onlyInA
            ? paint("-", .red) : first.kind == .onlyInB ? paint("+", .green) : paint("~", .yellow)
        var lines = ["\(sign) \(first.path)" + (notes.isEmpty ? "" : paint("  [\(notes)]", .faint))]
        for (index, difference) in group.enumerated() {
            let branch = index + 1 == group.count ? "  └ " : "  ├ "
            switch difference.kind {
            case .onlyInA: lines.append(branch + "only in A: \(difference.a ?? "")")
            case .onlyInB: lines.append(branch + "only in B: \(difference.b ?? "")")
            default:
                let name = difference.kind == .packing ? "" : "\(difference.kind.rawValue): "
                lines.append(branch + name + "\(difference.a ?? "none") → \(difference.b ?? "none")")
            }
            let details = difference.detail.prefix(full ? .max : 8)
            for line in details {
                lines.append(
                    "      "
                        + (line.hasPrefix("-") ? paint(line, .red) : line.hasPrefix("+") ? paint(line, .green) : line))
            }
            if difference.detail.count > details.count { lines.append(paint("      …", .faint)) }
        }
        return lines
    }

    private func summary(_ report: ComparisonReport) -> [String] {
        let groups = report.summary.prefix(full ? .max : 12)
        let width = groups.map { "\($0.count)".count }.max() ?? 0
        return groups.flatMap { group -> [String] in
            let count = "\(group.count)"
            let name = group.cause ?? "unknown"
            let head = "  \(String(repeating: " ", count: width - count.count))\(count)  \(name)"
            if name == "image-time" {
                return [head + ": \(group.reason) (\(report.times.joined(separator: " → ")))"]
            }
            let shares = group.packages.prefix(full ? .max : 5).map { "\($0.name) \($0.count)" }.joined(separator: ", ")
            let more = full || group.packages.count <= 5 ? "" : ", …"
            let packages = group.package.map { " in \($0)" } ?? (shares.isEmpty ? "" : " (\(shares)\(more))")
            let indent = String(repeating: " ", count: width + 4)
            return [head + packages]
                + (group.cause == nil ? [] : [paint("\(indent)\(group.reason): \(group.remedy)", .faint)])
        }
    }
}

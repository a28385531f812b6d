import ImageComparison

/// A comparison for a terminal.
struct ComparisonText {
    private let colors: Bool
    private let full: Bool

    /// - Parameters:
    ///   - colors: Whether to use the terminal's colours (ECMA-48).
    ///   - full: Every difference with its details; otherwise what fits a few screens.
    init(colors: Bool, full: Bool) { (self.colors, self.full) = (colors, full) }

    private enum Color: String { case red = "31", green = "32", yellow = "33", bold = "1", faint = "2" }

    private func paint(_ text: String, _ color: Color) -> String {
        colors ? "\u{1b}[\(color.rawValue)m\(text)\u{1b}[0m" : text
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
            let count = report.differences.count + report.omitted
            lines.append(
                paint("different", .red) + ": \(count) difference\(count == 1 ? "" : "s") between "
                    + "\(report.a.path) (-) and \(report.b.path) (+)")
        }
        lines += tree(report)
        if !report.summary.isEmpty { lines += ["", paint("by cause", .bold)] + summary(report.summary) }
        return lines
    }

    private func tree(_ report: ComparisonReport) -> [String] {
        let shown = report.differences.prefix(full ? .max : 40)
        var lines: [String] = []
        var security: Bool?
        for group in chunks(shown) {
            if group[0].security != security, report.differences.contains(where: \.security) {
                security = group[0].security
                lines += ["", paint(group[0].security ? "what may matter for security" : "the rest", .bold)]
            }
            lines += entry(group)
        }
        let more = report.differences.count + report.omitted - shown.count
        if more > 0 { lines.append(paint("… \(more) more (--full, --json or --html shows them)", .faint)) }
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

    private func summary(_ groups: [ComparisonReport.Group]) -> [String] {
        groups.prefix(full ? .max : 12).flatMap { group in
            [
                "  \(group.count)  \(group.cause ?? "unknown")"
                    + (group.package.map { " in \($0)" } ?? "")
            ] + (group.cause == nil ? [] : [paint("      \(group.reason): \(group.remedy)", .faint)])
        }
    }
}

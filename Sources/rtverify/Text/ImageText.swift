import Host
import ImageComparison

/// Inspections and audits for a terminal.
enum ImageText {
    static func lines(_ report: InspectionReport) -> [String] {
        var lines = [report.path, "  format    \(report.format)"]
        if let size = report.size { lines.append("  size      \(size) bytes") }
        for key in ["compression", "compressor options", "block size", "time", "flags"] {
            if let value = report.superblock[key], !value.isEmpty { lines.append("  \(padded(key, 18))  \(value)") }
        }
        let counts = report.entries.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        lines.append("  entries   " + counts.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
        lines += report.notes.map { "  note      \($0)" }
        for (title, shares) in [("package", report.packages), ("folder", report.folders)] where !shares.isEmpty {
            lines += ["", "  stored        size          entries  \(title)"]
            for share in shares {
                lines.append(
                    "  \(padded(readableByteCount(share.stored), 12))  \(padded(readableByteCount(share.size), 12))  "
                        + "\(padded("\(share.entries)", 7))  \(share.name)")
            }
        }
        if report.lateEntryCount > 0 {
            lines += [
                "", "  \(report.lateEntryCount) later than SOURCE_DATE_EPOCH (\(report.sourceDateEpoch ?? 0)):",
            ]
            lines += report.lateEntries.map { "    \($0.time)  \($0.path)" }
            if report.lateEntryCount > report.lateEntries.count { lines.append("    …") }
        }
        return lines
    }

    static func lines(_ report: AuditReport) -> [String] {
        var lines: [String] = []
        var names: [String] = []
        for finding in report.findings where !names.contains(finding.finding) { names.append(finding.finding) }
        for name in names {
            let group = report.findings.filter { $0.finding == name }
            lines.append("\(name): \(group[0].reason)")
            for finding in group.prefix(20) {
                lines.append("  \(finding.path)" + (finding.detail.isEmpty ? "" : "  (\(finding.detail))"))
            }
            if group.count > 20 { lines.append("  … \(group.count - 20) more (--json)") }
            lines.append("  → \(group[0].remedy)")
        }
        for finding in report.allowed {
            lines.append("allowed: \(finding.finding) \(finding.path): \(finding.allowed ?? "")")
        }
        lines += report.notes.map { "note: \($0)" }
        let count = report.findings.count
        lines.append(
            count == 0
                ? "clean: nothing that must not be in it was found in \(report.entries) entries of \(report.path)"
                : "\(count) finding\(count == 1 ? "" : "s") in \(report.path)")
        return lines
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}

import ImageComparison

/// What was changed on purpose, as a release note says it.
enum ReleaseText {
    /// A line a change; of more than `most` the first, and how many there are.
    static func lines(_ notes: ReleaseNotes, most: Int = .max) -> [String] {
        let lines = items(notes).map { change, text in
            change + String(repeating: " ", count: max(1, 9 - change.count)) + text
        }
        let more = lines.count - most
        return more > 0 ? lines.prefix(most) + ["… \(more) more (--release shows them)"] : lines
    }

    /// A list by change, in Markdown (CommonMark).
    static func markdown(_ notes: ReleaseNotes) -> String {
        let items = items(notes)
        let parts = ["added", "removed", "moved", "changed"].compactMap { change -> String? in
            let own = items.filter { $0.change == change }
            if own.isEmpty { return nil }
            return "### \(change.prefix(1).uppercased())\(change.dropFirst())\n\n"
                + own.map { "- \(escaped($0.text))\n" }.joined()
        }
        return parts.isEmpty ? "Nothing was changed on purpose.\n" : parts.joined(separator: "\n")
    }

    private static func items(_ notes: ReleaseNotes) -> [(change: String, text: String)] {
        notes.packages.map { change in
            let list = change.list == "package" ? "" : "\(change.list) "
            return (
                change.change,
                "\(list)\(change.name) " + [change.old, change.new].compactMap { $0 }.joined(separator: " → ")
            )
        } + notes.edits.map { ($0.change, "\($0.list) \($0.name.split(whereSeparator: \.isNewline).first ?? "")") }
    }

    /// Names come out of images: what would be markup is not.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { $0 += (#"\`*_{}[]()#+!|<>&~"#.contains($1) ? "\\" : "") + String($1) }
    }
}

import ImageComparison

/// What `build --check` found.
public struct CheckReport: Codable, Sendable {
    /// An entry that differs.
    public struct Entry: Codable, Sendable {
        /// In the image; for how it is packed, the part of the image.
        public var path: String
        /// Which field differs, or which side lacks it; or the packing.
        public var kind: ComparisonReport.Kind
        /// `compare`'s name of the known cause.
        public var cause: String?
        /// What wrote it last: a step, or the package that owns it.
        public var by: String?
    }

    /// What makes images differ.
    public struct Culprit: Codable, Sendable {
        /// Variations that do it together; none where builds differ without any: at random.
        public var variations: [Variation]
        /// The first of them.
        public var entries: [Entry]
        /// Entries that were counted and not listed.
        public var omitted: Int
        /// What to do about it.
        public var remedy: String
        /// Whether it comes between two builds that nothing distinguishes: at random, or by the clock that went on.
        public var withoutVariation: Bool

        /// For people: `the time: /var/lib/x/stamp, by step 2`, what it had, and how to mend it.
        public var lines: [String] {
            let title = variations.isEmpty ? "at random" : variations.map(\.name).joined(separator: " and ")
            var lines = entries.isEmpty ? ["\(title): the images differ"] : []
            for entry in entries.prefix(10) {
                let by = entry.by.map { ", by \($0)" } ?? ""
                lines.append("\(title): \(entry.path)\(by) [\(entry.cause ?? entry.kind.rawValue)]")
            }
            let more = entries.count + omitted - min(10, entries.count)
            if more > 0 { lines.append("  and \(more) more (--json lists more)") }
            for variation in variations where !withoutVariation { lines.append("  it had \(variation.otherwise)") }
            return lines + ["  to mend it: \(remedy)"]
        }
    }

    /// Whether all builds gave the same bytes.
    public var reproducible: Bool
    /// Builds that were compared, before any search.
    public var builds: Int
    /// What was different in them, by design.
    public var varied: [Variation]
    /// What was asked for and could not be varied, by name, and why.
    public var notVaried: [String: String]
    /// What makes them differ; none where they don't, or where it was not found.
    public var culprits: [Culprit]
    /// Where the images are that differ, if they were to be kept.
    public var kept: [String]
    /// What a variation showed besides, that makes no image another.
    public var notes: [String]
    /// What could not be done once the builds were found to differ: the search, or keeping the images.
    public var failures: [String]
}

import RuntimeSpec

/// What was changed on purpose from one image to another: packages and wheels by the images' own databases, files and steps by
/// their locks.
public struct ReleaseNotes: Codable, Equatable, Sendable {
    /// A package or a wheel that was added, removed or moved to another version.
    public struct Change: Codable, Equatable, Sendable {
        /// `package` or `wheel`.
        public let list: String
        /// The package's, or the project's normalized name (PEP 503).
        public let name: String
        /// The version in A; nil where A doesn't have it.
        public let old: String?
        /// The version in B; nil where B doesn't have it.
        public let new: String?
        /// `added`, `removed` or `moved`.
        public let change: String

        init(list: String, name: String, old: String?, new: String?) {
            (self.list, self.name, self.old, self.new) = (list, name, old, new)
            change = old == nil ? "added" : new == nil ? "removed" : "moved"
        }
    }

    /// A file of the manifest, or a step.
    public struct Edit: Codable, Equatable, Sendable {
        /// `file` or `step`.
        public let list: String
        /// The file's path in the image, or the step's command.
        public let name: String
        /// `added`, `removed` or `changed`.
        public let change: String
    }

    /// Packages first, then wheels, each by name.
    public let packages: [Change]
    /// Files first, then steps: those that went, and those that came.
    public let edits: [Edit]

    /// Whether nothing was changed on purpose.
    public var isEmpty: Bool { packages.isEmpty && edits.isEmpty }

    /// Nothing was changed on purpose.
    static let none = ReleaseNotes(packages: [], edits: [])

    private init(packages: [Change], edits: [Edit]) { (self.packages, self.edits) = (packages, edits) }

    /// - Parameter locks: Of both images, where they are given.
    init(_ a: Owners, _ b: Owners, locks: (a: Lockfile, b: Lockfile)?) {
        packages =
            Self.changes("package", a.versions, b.versions)
            + Self.changes("wheel", a.wheelVersions, b.wheelVersions).map { change in
                Change(
                    list: change.list, name: String(change.name.dropFirst("wheel ".count)), old: change.old,
                    new: change.new)
            }
        guard let (a, b) = locks else {
            edits = []
            return
        }
        let (old, new) = (a.contents, b.contents)
        let placed =
            Self.edits("file", old.files, new.files, by: \.target) { x, y in
                x.mode == y.mode && x.source?.sha256 == y.source?.sha256 && x.ownership == y.ownership
            }
            + Self.edits("file", old.trees, new.trees, by: { "\($0.source.source)/" }, areSame: ==)
            + Self.edits("link", old.links, new.links, by: \.target, areSame: ==)
            + Self.edits("folder", old.folders, new.folders, by: \.target, areSame: ==)
        let (before, after) = (a.contents.steps, b.contents.steps)
        edits =
            placed + before.filter { !after.contains($0) }.map { Edit(list: "step", name: $0, change: "removed") }
            + after.filter { !before.contains($0) }.map { Edit(list: "step", name: $0, change: "added") }
    }

    /// What the manifests put into the images, each by its name.
    private static func edits<Entry>(
        _ list: String, _ a: [Entry], _ b: [Entry], by name: (Entry) -> String, areSame: (Entry, Entry) -> Bool
    ) -> [Edit] {
        func named(_ entries: [Entry]) -> [String: Entry] {
            Dictionary(entries.map { (name($0), $0) }) { first, _ in first }
        }
        let (left, right) = (named(a), named(b))
        return Set(left.keys).union(right.keys).sorted().compactMap { name in
            switch (left[name], right[name]) {
            case (let x?, let y?): areSame(x, y) ? nil : Edit(list: list, name: name, change: "changed")
            case (nil, _): Edit(list: list, name: name, change: "added")
            case (_, nil): Edit(list: list, name: name, change: "removed")
            }
        }
    }

    private static func changes(_ list: String, _ a: [String: String], _ b: [String: String]) -> [Change] {
        Set(a.keys).union(b.keys).sorted().filter { a[$0] != b[$0] }.map {
            Change(list: list, name: $0, old: a[$0], new: b[$0])
        }
    }
}

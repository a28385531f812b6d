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
        func files(_ lock: Lockfile) -> [String: Lockfile.File] {
            Dictionary(lock.contents.files.map { ($0.target, $0) }) { first, _ in first }
        }
        let (left, right) = (files(a), files(b))
        let changed = Set(left.keys).union(right.keys).sorted().compactMap { path -> Edit? in
            switch (left[path], right[path]) {
            case (let x?, let y?):
                x.mode == y.mode && x.source?.sha256 == y.source?.sha256
                    ? nil : Edit(list: "file", name: path, change: "changed")
            case (nil, _): Edit(list: "file", name: path, change: "added")
            case (_, nil): Edit(list: "file", name: path, change: "removed")
            }
        }
        func trees(_ lock: Lockfile) -> [String: Lockfile.Tree] {
            Dictionary(lock.contents.trees.map { ("\($0.source.source)/", $0) }) { first, _ in first }
        }
        let (old, new) = (trees(a), trees(b))
        let folders = Set(old.keys).union(new.keys).sorted().filter { old[$0] != new[$0] }.map { path in
            Edit(
                list: "file", name: path,
                change: old[path] == nil ? "added" : new[path] == nil ? "removed" : "changed")
        }
        let (before, after) = (a.contents.steps, b.contents.steps)
        edits =
            changed + folders
            + before.filter { !after.contains($0) }.map { Edit(list: "step", name: $0, change: "removed") }
            + after.filter { !before.contains($0) }.map { Edit(list: "step", name: $0, change: "added") }
    }

    private static func changes(_ list: String, _ a: [String: String], _ b: [String: String]) -> [Change] {
        Set(a.keys).union(b.keys).sorted().filter { a[$0] != b[$0] }.map {
            Change(list: list, name: $0, old: a[$0], new: b[$0])
        }
    }
}

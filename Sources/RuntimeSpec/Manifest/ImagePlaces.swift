/// The places in an image that a manifest puts something at: each is one thing's, nothing lies below what is no folder, and
/// nothing is put where no image has it.
struct ImagePlaces {
    private struct Place {
        let path: String
        /// For errors: `[init]`, `a file`.
        let what: String
        let isFolder: Bool
    }

    private let manifest: Manifest
    private var places: [Place]

    /// What the manifest names itself; of its trees their own places.
    init(_ manifest: Manifest) {
        self.manifest = manifest
        let start = manifest.initProgram == nil ? [] : [Place(path: InitScript.path, what: "[init]", isFolder: false)]
        places =
            start + manifest.files.map { Place(path: $0.target, what: "a file", isFolder: false) }
            + manifest.links.map { Place(path: $0.target, what: "a link", isFolder: false) }
            + manifest.folders.map { Place(path: $0.target, what: "a folder", isFolder: true) }
            + manifest.trees.filter { $0.target != "/" }.map {
                Place(path: $0.target, what: "what '\($0.source)/' holds", isFolder: true)
            }
    }

    /// The same with what a tree holds.
    mutating func add(_ tree: TreeSource, _ list: TreeList) {
        places += list.entries.map { entry in
            Place(
                path: tree.place(of: entry.path), what: "'\(tree.source)/\(entry.path)'",
                isFolder: entry.content == .folder)
        }
    }

    /// - Parameter file: The manifest, for errors.
    /// - Throws: `SpecError.inconsistent`.
    func check(_ file: String) throws {
        func fail(_ reason: String) -> SpecError { .inconsistent(file: file, reason: reason) }
        // By bytes: two spellings that Unicode calls equal are two names.
        var taken: [[UInt8]: Place] = [:]
        for place in places {
            guard let other = taken.updateValue(place, forKey: Array(place.path.utf8)) else { continue }
            if place.isFolder, other.isFolder { continue }
            throw fail(
                place.what == "a file" && other.what == place.what
                    ? "two files have the target '\(place.path)'"
                    : "\(other.what) and \(place.what) are both \(place.path)")
        }
        for place in places {
            var above = place.path.utf8.dropLast(0)
            while let slash = above.lastIndex(of: UInt8(ascii: "/")), slash != above.startIndex {
                above = above[..<slash]
                if let other = taken[Array(above)], !other.isFolder {
                    throw fail("\(place.path) (\(place.what)) would lie in \(other.path), which is \(other.what)")
                }
            }
            try check(place, fail)
        }
    }

    private func check(_ place: Place, _ fail: (String) -> SpecError) throws {
        if place.what == "[init]" { return }
        if manifest.initProgram == .agent, ReservedPaths.isAtOrBelow(place.path, AgentSources.folder) {
            throw fail("'\(place.path)': the agent of [init] is in \(AgentSources.folder)")
        }
        // A folder that is emptied is there; what is in it isn't.
        let looked = place.isFolder ? place.path.split(separator: "/").dropLast().map { "/\($0)" }.joined() : place.path
        if let reason = ReservedPaths.reason(looked, system: manifest.base.system, pruned: manifest.prune) {
            throw fail("the \(place.isFolder ? "folder" : "file") '\(place.path)' would not be in the image: \(reason)")
        }
    }
}

extension Manifest {
    /// Checks what its folders hold, besides what it says itself.
    /// - Parameters:
    ///   - lists: Of its trees, in their order.
    ///   - file: The manifest's name, for errors.
    /// - Throws: `SpecError.inconsistent`.
    public func check(_ lists: [TreeList], file: String) throws {
        var places = ImagePlaces(self)
        for (tree, list) in zip(trees, lists) { places.add(tree, list) }
        try places.check(file)
    }
}

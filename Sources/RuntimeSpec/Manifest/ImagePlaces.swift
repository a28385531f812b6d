/// The places in an image that a manifest puts something at: each is one thing's, nothing lies below what is no folder, and
/// nothing is put where no image has it.
struct ImagePlaces {
    /// What is put at a place.
    private enum Kind: Equatable {
        case initScript, file, link, folder
        /// Something of a folder beside the manifest, by its path there.
        case member(String, isFolder: Bool)

        var isFolder: Bool {
            switch self {
            case .folder, .member(_, isFolder: true): true
            default: false
            }
        }

        /// For errors.
        var phrase: String {
            switch self {
            case .initScript: "[init]"
            case .file: "a file"
            case .link: "a link"
            case .folder: "a folder"
            case .member(let path, _): "'\(path)'"
            }
        }
    }

    private struct Place {
        let path: String
        let kind: Kind
    }

    private let manifest: Manifest
    private var places: [Place]

    /// What the manifest names itself; of its trees their own places.
    init(_ manifest: Manifest) {
        self.manifest = manifest
        let start = manifest.initProgram == nil ? [] : [Place(path: InitScript.path, kind: .initScript)]
        places =
            start + manifest.files.map { Place(path: $0.target, kind: .file) }
            + manifest.links.map { Place(path: $0.target, kind: .link) }
            + manifest.folders.map { Place(path: $0.target, kind: .folder) }
            + manifest.trees.filter { $0.target != "/" }.map {
                Place(path: $0.target, kind: .member("\($0.source)/", isFolder: true))
            }
    }

    /// The same with what a tree holds.
    mutating func add(_ tree: TreeSource, _ list: TreeList) {
        places += list.entries.map { entry in
            Place(
                path: tree.place(of: entry.path),
                kind: .member("\(tree.source)/\(entry.path)", isFolder: entry.content == .folder))
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
            if place.kind.isFolder, other.kind.isFolder { continue }
            throw fail(
                place.kind == .file && other.kind == .file
                    ? "two files have the target '\(place.path)'"
                    : "\(other.kind.phrase) and \(place.kind.phrase) are both \(place.path)")
        }
        for place in places {
            var above = place.path.utf8.dropLast(0)
            while let slash = above.lastIndex(of: UInt8(ascii: "/")), slash != above.startIndex {
                above = above[..<slash]
                if let other = taken[Array(above)], !other.kind.isFolder {
                    throw fail(
                        "\(place.path) (\(place.kind.phrase)) would lie in \(other.path), which is \(other.kind.phrase)"
                    )
                }
            }
            try check(place, fail)
        }
    }

    private func check(_ place: Place, _ fail: (String) -> SpecError) throws {
        if place.kind == .initScript { return }
        if manifest.initProgram == .agent, ReservedPaths.isAtOrBelow(place.path, AgentSources.folder) {
            throw fail("'\(place.path)': the agent of [init] is in \(AgentSources.folder)")
        }
        // A folder that is emptied is there; what is in it isn't.
        let looked =
            place.kind.isFolder ? place.path.split(separator: "/").dropLast().map { "/\($0)" }.joined() : place.path
        if let reason = ReservedPaths.reason(looked, system: manifest.base.system, pruned: manifest.prune) {
            throw fail(
                "the \(place.kind.isFolder ? "folder" : "file") '\(place.path)' would not be in the image: \(reason)")
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

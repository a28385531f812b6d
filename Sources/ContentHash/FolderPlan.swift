/// The nodes of a UnixFS folder of files (profile unixfs-v1-2025), in the order of a CAR: root first, depth first.
///
/// A node's size depends on names and sizes alone, so it is known before any file is read.
struct FolderPlan: Sendable {
    static let profile = UnixFSProfile.v1_2025

    /// Something that has a name: both by their numbers.
    enum Target: Hashable, Sendable {
        case folder(Int)
        case file(Int)
    }

    /// Root first, depth first, in the order of the names' bytes, as dag-pb has links.
    let steps: [Target]
    /// What each folder has; the root's number is 0.
    private let folders: [[(name: String, target: Target)]]
    private let sizes: [Int]

    /// - Parameter files: In any order, of different paths: names with slashes between.
    init(_ files: [(path: String, size: Int)]) {
        let names = files.map { $0.path.split(separator: "/").map { Array($0.utf8) } }
        var (steps, folders): ([Target], [[(name: String, target: Target)]]) = ([.folder(0)], [[]])
        // The folders from the root to where the last file was put.
        var (open, openNames): ([Int], [[UInt8]]) = ([0], [])
        let sorted = files.indices.sorted {
            names[$0].lexicographicallyPrecedes(names[$1]) { $0.lexicographicallyPrecedes($1) }
        }
        for file in sorted {
            let path = names[file].dropLast()
            let common = zip(path, openNames).prefix { $0 == $1 }.count
            (open, openNames) = (Array(open.prefix(common + 1)), Array(openNames.prefix(common)))
            for name in path.dropFirst(common) {
                let target = Target.folder(folders.count)
                folders[open[open.count - 1]].append((String(decoding: name, as: UTF8.self), target))
                steps.append(target)
                open.append(folders.count)
                openNames.append(name)
                folders.append([])
            }
            let name = String(decoding: names[file].last ?? [], as: UTF8.self)
            folders[open[open.count - 1]].append((name, .file(file)))
            steps.append(.file(file))
        }
        (self.steps, self.folders, sizes) = (steps, folders, files.map(\.size))
    }

    /// How many leaves a file has.
    static func leafCount(_ size: Int) -> Int { max(1, (size + profile.chunkSize - 1) / profile.chunkSize) }

    /// The nodes, and the root as a parent would see it.
    /// - Parameters:
    ///   - layouts: Of the files that have more than one inner node, whose nodes are not among those that are given.
    ///   - leaves: The digests of each other file's leaves.
    func resolved(layouts: [Int: UnixFSLayout], leaves: (Int) -> some Collection<Digest>)
        -> (nodes: [Target: [UInt8]], root: DagPB.Child)
    {
        var nodes: [Target: [UInt8]] = [:]
        func child(of target: Target) -> DagPB.Child {
            switch target {
            case .file(let file):
                if let layout = layouts[file] { return layout.child(layout.root) }
                let children = leaves(file).enumerated().map { index, digest in
                    UnixFSTree.leaf(
                        digest, size: min(Self.profile.chunkSize, sizes[file] - index * Self.profile.chunkSize),
                        profile: Self.profile)
                }
                if children.count == 1 { return children[0] }
                let (node, totalSize, fileSize) = DagPB.innerNode(children)
                nodes[target] = node
                return DagPB.Child(
                    cid: CID(version: 1, codec: .dagPB, digest: .of(node)), totalSize: totalSize, fileSize: fileSize)
            case .folder(let folder):
                let (node, totalSize) = DagPB.folderNode(folders[folder].map { ($0.name, child(of: $0.target)) })
                nodes[target] = node
                return DagPB.Child(
                    cid: CID(version: 1, codec: .dagPB, digest: .of(node)), totalSize: totalSize, fileSize: 0)
            }
        }
        let root = child(of: .folder(0))
        return (nodes, root)
    }
}

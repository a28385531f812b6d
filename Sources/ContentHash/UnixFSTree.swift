/// The balanced tree above a file's leaves, built as they come.
///
/// Memory: one node a level.
///
///     leaf leaf leaf ... (width)   leaf leaf ...      level 0
///        \  |  /                     \  /
///         node          ...          node             level 1
///             \______      __________/
///                     root                            level 2
struct UnixFSTree {
    private let profile: UnixFSProfile
    private var levels: [[DagPB.Child]] = [[]]

    init(profile: UnixFSProfile) { self.profile = profile }

    /// Appends a leaf.
    /// - Parameters:
    ///   - digest: Of the leaf's block.
    ///   - size: File bytes in it.
    mutating func add(_ digest: Digest, size: Int) { add(Self.leaf(digest, size: size, profile: profile), level: 0) }

    /// A leaf as its parent sees it.
    static func leaf(_ digest: Digest, size: Int, profile: UnixFSProfile) -> DagPB.Child {
        if profile.rawLeaves {
            return DagPB.Child(
                cid: CID(version: 1, codec: .raw, digest: digest), totalSize: size, fileSize: size)
        }
        let (prefix, suffix) = DagPB.leafWrapping(size: size)
        return DagPB.Child(
            cid: CID(version: profile.cidVersion, codec: .dagPB, digest: digest),
            totalSize: prefix.count + size + suffix.count, fileSize: size)
    }

    /// The root's CID. There must have been a leaf: an empty file has an empty one.
    mutating func finish() -> CID {
        var level = 0
        while level + 1 < levels.count || levels[level].count > 1 {
            if !levels[level].isEmpty { collapse(level) }
            level += 1
        }
        return levels[level][0].cid
    }

    private mutating func add(_ child: DagPB.Child, level: Int) {
        if level == levels.count { levels.append([]) }
        levels[level].append(child)
        if levels[level].count == profile.width { collapse(level) }
    }

    /// Puts a parent above all that waits on a level.
    private mutating func collapse(_ level: Int) {
        let (node, totalSize, fileSize) = DagPB.innerNode(levels[level])
        let cid = CID(version: profile.cidVersion, codec: .dagPB, digest: .of(node))
        levels[level].removeAll(keepingCapacity: true)
        add(DagPB.Child(cid: cid, totalSize: totalSize, fileSize: fileSize), level: level + 1)
    }
}

/// The blocks of a file of known size in order, inner nodes and leaves. It ends after no more blocks than such a file can have,
/// whatever the nodes say: one that is linked again and again makes as many as anybody wishes.
package struct FileWalk {
    private let size: Int
    /// Still to be read, the next at the end.
    private var rest: [(cid: CID, depth: Int)]
    private var depth = 0
    private var leaves = 0
    private let mostLeaves: Int
    private let isOfProfile: Bool
    /// 1024^8 leaves are more than any file has.
    private static let deepest = 8
    /// Bytes of the smallest leaves that anybody makes of a large file.
    private static let leastChunk = 1 << 16

    /// - Parameters:
    ///   - root: The file's CID.
    ///   - size: Bytes that it must have.
    ///   - isOfProfile: Whether it must be laid out as unixfs-v1-2025 has it; else in any way that gives large files leaves of
    ///     64 KiB or more.
    package init(_ root: CID, size: Int, isOfProfile: Bool) {
        (self.size, rest, self.isOfProfile) = (size, [(root, 0)], isOfProfile)
        mostLeaves = isOfProfile ? FolderPlan.leafCount(size) : size / Self.leastChunk + 1
    }

    /// The next block's CID, whose `add` follows; nil at the end.
    /// - Throws: `CARError` where there were too few leaves.
    package mutating func next() throws(CARError) -> CID? {
        guard let (cid, depth) = rest.popLast() else {
            guard !isOfProfile || leaves == mostLeaves else {
                throw .unsupported("it has \(leaves) leaves, where \(size) bytes have \(mostLeaves)")
            }
            return nil
        }
        self.depth = depth
        return cid
    }

    /// Takes a raw leaf, whose bytes nobody has to look at for this.
    package mutating func addLeaf() { leaves += 1 }

    /// Takes a block.
    /// - Returns: The file's bytes in it.
    /// - Throws: `CARError` for a block that is no such node.
    package mutating func add(_ cid: CID, block: [UInt8]) throws(CARError) -> ArraySlice<UInt8> {
        if cid.codec == .raw {
            addLeaf()
            return block[...]
        }
        let node = try CARError.naming(cid) { () throws(UnixFSNode.Failure) in
            try UnixFSNode(codec: cid.codec, block: block)
        }
        guard depth > 0 || node.fileSize == size else {
            throw .lyingLength(cid, "\(node.fileSize) bytes, where there should be \(size)")
        }
        if node.links.isEmpty, !isOfProfile {
            addLeaf()
            return node.data
        }
        // Each node leads to a leaf, and so to an end.
        guard node.data.isEmpty, !node.links.isEmpty, depth < Self.deepest,
            leaves + rest.count + node.links.count <= mostLeaves
        else { throw .unsupported("the block \(cid) is none of a file's that is laid out as unixfs-v1-2025 has it") }
        rest += node.links.reversed().map { ($0, depth + 1) }
        return []
    }
}

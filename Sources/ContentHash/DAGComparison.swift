/// A file held against a DAG, by the layout that the DAG's own nodes state: what decides about a CID that no known
/// profile gives.
public struct DAGComparison {
    private let file: InputFile
    private let fileSize: Int
    private let blocks: (CID) async throws -> [UInt8]?

    /// What came of it.
    public enum Verdict: Equatable, Sendable {
        case same, different
        /// A block that is needed and isn't there, or is no file's.
        case undecided(String)
    }

    /// Blocks up to this size are exchanged by IPFS nodes; a larger link is an inner node's.
    private static let largestLeaf = 2 << 20
    /// A bound for DAGs that link empty files without end.
    private static let mostNodes = 1 << 22

    /// - Parameter blocks: Gives a block by its CID, nil where it has none. Its hash is checked here.
    /// - Throws: `FileReadError` for what can't be read twice.
    public init(file: InputFile, blocks: @escaping (CID) async throws -> [UInt8]?) throws {
        guard let size = file.size else {
            throw FileReadError(file: file.path, reason: "comparing it with a DAG takes a file, not a pipe")
        }
        (self.file, fileSize, self.blocks) = (file, size, blocks)
    }

    /// A node still to be compared.
    private struct Part {
        let cid: CID
        /// File bytes that its parent gives it; nil for the root.
        let size: Int?
    }

    /// Compares from the root down. Leaves need not be there: their hashes are computed from the file.
    public func compare(root: CID) async throws -> Verdict {
        var rest = [Part(cid: root, size: nil)]
        var (position, seen) = (0, 0)
        while let part = rest.popLast() {
            seen += 1
            guard seen <= Self.mostNodes else { return .undecided("the DAG has more nodes than any file's") }
            if let size = part.size, size <= Self.largestLeaf || part.cid.codec == .raw {
                guard size <= fileSize - position else { return .different }
                if try leafDigest(part.cid.codec, at: position, size: size) == part.cid.digest {
                    position += size
                    continue
                }
                // A raw leaf is its bytes, and these are others.
                if part.cid.codec == .raw { return .different }
            }
            guard let block = try await blocks(part.cid) else { return .undecided("the block \(part.cid) is missing") }
            guard Digest.of(block) == part.cid.digest else {
                return .undecided("the block given for \(part.cid) is another")
            }
            let node: UnixFSNode
            do {
                node = try UnixFSNode(codec: part.cid.codec, block: block)
            } catch .notAFile(let reason), .malformed(let reason), .lyingLength(let reason), .unsupported(let reason) {
                return .undecided("the block \(part.cid): \(reason)")
            }
            guard part.size == nil || part.size == node.fileSize else {
                return .undecided("the block \(part.cid) has \(node.fileSize) bytes, its parent says \(part.size ?? 0)")
            }
            guard part.size != nil || node.fileSize == fileSize, node.data.count <= fileSize - position else {
                return .different
            }
            if !node.data.isEmpty {
                guard try bytes(at: position, count: node.data.count)[...] == node.data else { return .different }
                position += node.data.count
            }
            rest += zip(node.links, node.linkSizes).reversed().map { Part(cid: $0, size: $1) }
        }
        return position == fileSize ? .same : .different
    }

    private func bytes(at position: Int, count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: position) }
        return bytes
    }

    /// The digest that a leaf of these bytes has.
    private func leafDigest(_ codec: CID.Codec, at position: Int, size: Int) throws -> Digest {
        var hasher = SHA256Hasher()
        let (prefix, suffix) = codec == .raw ? ([], []) : DagPB.leafWrapping(size: size)
        prefix.withUnsafeBytes { hasher.update($0) }
        for start in stride(from: 0, to: size, by: Self.largestLeaf) {
            let piece = try bytes(at: position + start, count: min(Self.largestLeaf, size - start))
            piece.withUnsafeBytes { hasher.update($0) }
        }
        suffix.withUnsafeBytes { hasher.update($0) }
        return hasher.finalize()
    }
}

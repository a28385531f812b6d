/// Something that hashes a stream, which it gets block by block, in order. One thread at a time calls it.
///
/// Every block but the last is a multiple of each lane's chunks, so that no chunk is ever in two.
protocol HashLane: AnyObject {
    func take(_ block: UnsafeRawBufferPointer)
}

/// SHA-256 of the whole stream.
final class DigestLane: HashLane {
    private var hasher = SHA256Hasher()

    func take(_ block: UnsafeRawBufferPointer) { hasher.update(block) }

    func finish() -> Digest { hasher.next() }
}

/// The CID of the whole stream where leaves are wrapped in dag-pb.
final class WrappedLeavesLane: HashLane {
    private let chunkSize: Int
    private var tree: UnixFSTree
    private var hasher = SHA256Hasher()
    private let full: (prefix: [UInt8], suffix: [UInt8])
    private var isEmpty = true

    init(profile: UnixFSProfile) {
        (chunkSize, tree) = (profile.chunkSize, UnixFSTree(profile: profile))
        full = DagPB.leafWrapping(size: profile.chunkSize)
    }

    func take(_ block: UnsafeRawBufferPointer) {
        for chunk in Chunks(block, size: chunkSize) { addLeaf(chunk) }
    }

    func finish() -> CID {
        if isEmpty { addLeaf(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return tree.finish()
    }

    private func addLeaf(_ chunk: UnsafeRawBufferPointer) {
        let (prefix, suffix) = chunk.count == chunkSize ? full : DagPB.leafWrapping(size: chunk.count)
        prefix.withUnsafeBytes { hasher.update($0) }
        hasher.update(chunk)
        suffix.withUnsafeBytes { hasher.update($0) }
        tree.add(hasher.next(), size: chunk.count)
        isEmpty = false
    }
}

/// The CIDs of the whole stream under profiles whose leaves are the bytes themselves.
///
/// A large chunk that begins where a small one does has its first bytes in common with it, so they are hashed once.
final class RawLeavesLane: HashLane {
    /// By chunk size, each a multiple of the one before.
    private let layouts: [Layout]

    private final class Layout {
        let chunkSize: Int
        var tree: UnixFSTree
        var hasher = SHA256Hasher()
        /// Bytes of the current chunk so far.
        var held = 0
        var isEmpty = true

        init(profile: UnixFSProfile) { (chunkSize, tree) = (profile.chunkSize, UnixFSTree(profile: profile)) }

        func endChunk() {
            tree.add(hasher.next(), size: held)
            (held, isEmpty) = (0, false)
        }
    }

    /// - Parameter profiles: In the order of their chunk sizes, each a multiple of the one before.
    init(profiles: [UnixFSProfile]) { layouts = profiles.map(Layout.init) }

    func take(_ block: UnsafeRawBufferPointer) {
        for piece in Chunks(block, size: layouts[0].chunkSize) {
            // By size, so that a chunk that begins here finds the next smaller one's state after this piece.
            for (index, layout) in layouts.enumerated() {
                if index > 0, layout.held == 0 {
                    layout.hasher.resume(from: layouts[index - 1].hasher)
                } else {
                    layout.hasher.update(piece)
                }
                layout.held += piece.count
            }
            for layout in layouts where layout.held == layout.chunkSize { layout.endChunk() }
        }
    }

    /// One CID a profile, in their order.
    func finish() -> [CID] {
        layouts.map { layout in
            if layout.held > 0 || layout.isEmpty { layout.endChunk() }
            return layout.tree.finish()
        }
    }
}

/// A buffer in pieces of one size, the last perhaps shorter.
private struct Chunks: Sequence, IteratorProtocol {
    private var rest: Slice<UnsafeRawBufferPointer>
    private let size: Int

    init(_ bytes: UnsafeRawBufferPointer, size: Int) { (rest, self.size) = (bytes[...], size) }

    mutating func next() -> UnsafeRawBufferPointer? {
        if rest.isEmpty { return nil }
        defer { rest = rest.dropFirst(size) }
        return UnsafeRawBufferPointer(rebasing: rest.prefix(size))
    }
}

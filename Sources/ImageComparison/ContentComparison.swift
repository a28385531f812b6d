import ContentHash
import FileTree
import Glibc
import SquashfsImage
import Synchronization

/// Finds the files whose bytes differ: by their stored blocks first, so that what is equal is not decompressed.
final class ContentComparison: Sendable {
    struct Pair: Sendable {
        /// Places in the two trees' entries.
        var a: Int
        var b: Int
    }

    private let a: any Tree
    private let b: any Tree
    /// The two as images, when their stored blocks can be compared: packed by the same compressor in blocks of one size.
    private let images: (a: SquashfsTree, b: SquashfsTree)?
    private let equalFragments = Mutex<[FragmentPair: Bool]>([:])

    private struct FragmentPair: Hashable {
        var a: Int
        var b: Int
    }

    init(_ a: any Tree, _ b: any Tree) {
        (self.a, self.b) = (a, b)
        if let x = a as? SquashfsTree, let y = b as? SquashfsTree,
            x.superblock.compressionID == y.superblock.compressionID,
            x.superblock.blockSize == y.superblock.blockSize
        {
            images = (x, y)
        } else {
            images = nil
        }
    }

    /// For each pair the offset of the first byte that differs, nil where none does.
    func firstDifferences(_ pairs: [Pair]) throws -> [Int?] {
        // In the order in which A stores them, so that both images are read forwards.
        let order = pairs.indices.map { (place: place(pairs[$0]), index: $0) }
            .sorted { $0.place < $1.place }.map(\.index)
        let parts = min(32, max(1, pairs.count))
        let results = Mutex([Int?](repeating: nil, count: pairs.count))
        try concurrently(parts) { part in
            let slice = order[(order.count * part / parts)..<(order.count * (part + 1) / parts)]
            let worker = try Worker(self)
            var found: [(Int, Int)] = []
            for index in slice {
                if let offset = try worker.firstDifference(a.entries[pairs[index].a], b.entries[pairs[index].b]) {
                    found.append((index, offset))
                }
            }
            results.withLock { for (index, offset) in found { $0[index] = offset } }
        }
        return results.withLock { $0 }
    }

    private func place(_ pair: Pair) -> Int {
        guard let file = images?.a.files[a.entries[pair.a].node] else { return pair.a }
        if file.blocks.isEmpty, let fragment = file.fragment { return images?.a.fragments[fragment.index].start ?? 0 }
        return file.start
    }

    /// One thread's buffers and open files.
    private final class Worker {
        private let comparison: ContentComparison
        private let readers: (a: any ContentReader, b: any ContentReader)
        private let blocks: (a: SquashfsBlocks, b: SquashfsBlocks)?
        private static let windowSize = 1 << 20
        private let window: (a: UnsafeMutableRawBufferPointer, b: UnsafeMutableRawBufferPointer)

        init(_ comparison: ContentComparison) throws {
            self.comparison = comparison
            readers = (try comparison.a.makeReader(), try comparison.b.makeReader())
            blocks = try comparison.images.map { (try $0.a.makeBlocks(), try $0.b.makeBlocks()) }
            window = (
                .allocate(byteCount: Self.windowSize, alignment: 4096),
                .allocate(byteCount: Self.windowSize, alignment: 4096)
            )
        }

        deinit {
            window.a.deallocate()
            window.b.deallocate()
        }

        func firstDifference(_ a: TreeEntry, _ b: TreeEntry) throws -> Int? {
            if try storedAlike(a, b) { return nil }
            var offset = 0
            while true {
                let count = try readers.a.read(a, from: offset, into: window.a)
                let other = try readers.b.read(b, from: offset, into: window.b)
                let common = min(count, other)
                if !bytesAlike(window.a, window.b, common) {
                    return offset + ((0..<common).first { window.a[$0] != window.b[$0] } ?? common)
                }
                if count != other { return offset + common }
                if count < window.a.count { return nil }
                offset += count
                offset = min(comparison.a.nextData(of: a, from: offset), comparison.b.nextData(of: b, from: offset))
            }
        }

        /// Whether the same stored bytes stand for both. False means only that it isn't known.
        private func storedAlike(_ a: TreeEntry, _ b: TreeEntry) throws -> Bool {
            guard let images = comparison.images, let blocks, let x = images.a.files[a.node],
                let y = images.b.files[b.node], x.size == y.size, x.blocks == y.blocks,
                (x.fragment == nil) == (y.fragment == nil)
            else { return false }
            if let f = x.fragment, let g = y.fragment {
                guard f.offset == g.offset, try fragmentsAlike(f.index, g.index, images, blocks) else { return false }
            }
            return try storedAlike(
                x.start, y.start, count: x.blocks.reduce(0) { $0 + Int($1 & 0xff_ffff) }, blocks)
        }

        private func fragmentsAlike(
            _ f: Int, _ g: Int, _ images: (a: SquashfsTree, b: SquashfsTree),
            _ blocks: (a: SquashfsBlocks, b: SquashfsBlocks)
        ) throws -> Bool {
            let pair = FragmentPair(a: f, b: g)
            if let known = comparison.equalFragments.withLock({ $0[pair] }) { return known }
            let (x, y) = (images.a.fragments[f], images.b.fragments[g])
            let alike =
                try x.size == y.size && storedAlike(x.start, y.start, count: Int(x.size & 0xff_ffff), blocks)
            comparison.equalFragments.withLock { $0[pair] = alike }
            return alike
        }

        private func storedAlike(_ x: Int, _ y: Int, count: Int, _ blocks: (a: SquashfsBlocks, b: SquashfsBlocks))
            throws
            -> Bool
        {
            var done = 0
            while done < count {
                let piece = min(Self.windowSize, count - done)
                let left = UnsafeMutableRawBufferPointer(rebasing: window.a[..<piece])
                let right = UnsafeMutableRawBufferPointer(rebasing: window.b[..<piece])
                try blocks.a.readStored(at: x + done, into: left)
                try blocks.b.readStored(at: y + done, into: right)
                if !bytesAlike(left, right, piece) { return false }
                done += piece
            }
            return true
        }
    }
}

extension Tree {
    /// The first place from `offset` on that may hold other bytes than zeros: sparse files may be larger than any disk.
    fileprivate func nextData(of entry: TreeEntry, from offset: Int) -> Int {
        guard let image = self as? SquashfsTree, let file = image.files[entry.node] else { return offset }
        let blockSize = image.superblock.blockSize
        var block = offset / blockSize
        guard block < file.blocks.count, file.blocks[block] == 0 else { return offset }
        while block < file.blocks.count, file.blocks[block] == 0 { block += 1 }
        return min(block * blockSize, file.size)
    }
}

/// Whether the first bytes of two buffers are the same.
func bytesAlike(_ a: UnsafeMutableRawBufferPointer, _ b: UnsafeMutableRawBufferPointer, _ count: Int) -> Bool {
    guard count > 0, let x = a.baseAddress, let y = b.baseAddress else { return true }
    return memcmp(x, y, count) == 0
}

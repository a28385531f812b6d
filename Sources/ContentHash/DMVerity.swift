import Glibc
import Host

/// The hash tree of dm-verity over an image, format 1 with SHA-256 and blocks of 4096 bytes
/// (https://docs.kernel.org/admin-guide/device-mapper/verity.html, and cryptsetup's on-disk format).
///
///     hash file   superblock | top level | ... | level 0       each in blocks of 4096 bytes
///     level 0     the digests of data blocks, 128 a hash block, zeros after the last
///     level n     the digests of level n - 1's hash blocks
///     root hash   the digest of the top level's one block
public struct DMVerity: Sendable {
    /// Bytes of a data block and of a hash block.
    public static let blockSize = 4096
    private static let digestsPerBlock = blockSize / Digest.count

    /// Bytes that every block's hash begins with; `veritysetup --salt=-` is none. At most 256.
    public let salt: [UInt8]
    /// 16 bytes, in the superblock only.
    public let uuid: [UInt8]

    /// The image can't be covered.
    public enum Failure: Error, CustomStringConvertible {
        case size(file: String, bytes: Int)
        case parameters(String)

        /// For people.
        public var description: String {
            switch self {
            case .size(let file, let bytes):
                bytes == 0
                    ? "\(file) is empty"
                    : "\(file) has \(bytes) bytes, no multiple of 4096: dm-verity would leave the last "
                        + "\(bytes % blockSize) unprotected; pad it with zeros (truncate -s %4096)"
            case .parameters(let reason): reason
            }
        }
    }

    /// - Parameters:
    ///   - salt: None by default, so that the root hash depends on the image alone.
    ///   - uuid: Zeros by default, for the same reason.
    /// - Throws: `Failure.parameters`.
    public init(salt: [UInt8] = [], uuid: [UInt8] = [UInt8](repeating: 0, count: 16)) throws {
        guard salt.count <= 256 else { throw Failure.parameters("a salt has at most 256 bytes, not \(salt.count)") }
        guard uuid.count == 16 else { throw Failure.parameters("a uuid has 16 bytes, not \(uuid.count)") }
        (self.salt, self.uuid) = (salt, uuid)
    }

    /// Hashes an image on all processors; memory is bounded whatever its size.
    /// - Parameter output: An empty file that gets the hash tree; nil for none.
    /// - Returns: The root hash.
    /// - Throws: `Failure.size`, `FileReadError`, `FileWriteError`.
    public func rootHash(of file: InputFile, writingTo output: (descriptor: CInt, name: String)? = nil) throws -> Digest
    {
        guard let size = file.size else { throw FileReadError(file: file.path, reason: "it is no regular file") }
        guard size > 0, size.isMultiple(of: Self.blockSize) else { throw Failure.size(file: file.path, bytes: size) }
        let dataBlocks = size / Self.blockSize
        let tree = Tree(hasher: BlockHasher(salt: salt), dataBlocks: dataBlocks, output: output)
        if let output { try write(superblock(dataBlocks: dataBlocks), at: 0, to: output) }
        if tree.levelOffsets.isEmpty {
            return try Self.digests(of: file, blocks: 0..<1, tree.hasher)[0]
        }
        // Each body makes one hash block of level 0; a round of them is taken up in order.
        let groups = (dataBlocks + Self.digestsPerBlock - 1) / Self.digestsPerBlock
        let round = 64
        for start in stride(from: 0, to: groups, by: round) {
            let count = min(round, groups - start)
            let hashes = try [Digest](unsafeUninitializedCapacity: count) { buffer, initialized in
                let shared = SharedBuffer(elements: buffer)
                try concurrently(count) { index in
                    let first = (start + index) * Self.digestsPerBlock
                    let blocks = first..<min(dataBlocks, first + Self.digestsPerBlock)
                    let digests = try Self.digests(of: file, blocks: blocks, tree.hasher)
                    let digest = try tree.write(digests, level: 0, number: start + index)
                    shared.elements.initializeElement(at: index, to: digest)
                }
                initialized = count
            }
            for hash in hashes { try tree.append(hash, level: 1) }
        }
        return try tree.finish()
    }

    private static func digests(of file: InputFile, blocks: Range<Int>, _ hasher: BlockHasher) throws -> [Digest] {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: blocks.count * blockSize, alignment: 4096)
        defer { bytes.deallocate() }
        try file.read(into: bytes, at: blocks.lowerBound * blockSize)
        return hasher.digests(ofBlocks: UnsafeRawBufferPointer(bytes))
    }

    /// The first 512 bytes of a hash file, little-endian.
    private func superblock(dataBlocks: Int) -> [UInt8] {
        func number(_ value: Int, _ bytes: Int) -> [UInt8] {
            (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        func padded(_ bytes: [UInt8], to count: Int) -> [UInt8] {
            bytes + [UInt8](repeating: 0, count: count - bytes.count)
        }
        let head = Array("verity\0\0".utf8) + number(1, 4) + number(1, 4) + uuid + padded(Array("sha256".utf8), to: 32)
        let sizes = number(Self.blockSize, 4) + number(Self.blockSize, 4) + number(dataBlocks, 8)
        return padded(head + sizes + number(salt.count, 2) + padded([], to: 6) + salt, to: Self.blockSize)
    }

    /// Hashes blocks, each with the salt before it.
    private struct BlockHasher: Sendable {
        let salt: [UInt8]

        func digests(ofBlocks bytes: UnsafeRawBufferPointer) -> [Digest] {
            var hasher = SHA256Hasher()
            return stride(from: 0, to: bytes.count, by: blockSize).map { offset in
                salt.withUnsafeBytes { hasher.update($0) }
                hasher.update(UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + blockSize)]))
                return hasher.next()
            }
        }
    }

    /// The levels above the data, of which one unfinished block each is held.
    private final class Tree: @unchecked Sendable {
        let hasher: BlockHasher
        /// Where each level begins in the hash file, in bytes.
        let levelOffsets: [Int]
        private let output: (descriptor: CInt, name: String)?
        private var unfinished: [[Digest]]
        private var finished: [Int]

        init(hasher: BlockHasher, dataBlocks: Int, output: (descriptor: CInt, name: String)?) {
            (self.hasher, self.output) = (hasher, output)
            var counts: [Int] = []
            var blocks = dataBlocks
            while blocks > 1 {
                blocks = (blocks + digestsPerBlock - 1) / digestsPerBlock
                counts.append(blocks)
            }
            // The superblock first, then the levels from the top down.
            levelOffsets = counts.indices.map { (1 + counts[($0 + 1)...].reduce(0, +)) * blockSize }
            unfinished = [[Digest]](repeating: [], count: counts.count + 1)
            finished = [Int](repeating: 0, count: counts.count + 1)
        }

        /// Writes a hash block, and gives its digest. Threads may do so at once.
        func write(_ digests: [Digest], level: Int, number: Int) throws -> Digest {
            var block = digests.flatMap(\.bytes)
            block += [UInt8](repeating: 0, count: blockSize - block.count)
            if let output {
                try DMVerity.write(block, at: levelOffsets[level] + number * blockSize, to: output)
            }
            return block.withUnsafeBytes { hasher.digests(ofBlocks: $0)[0] }
        }

        func append(_ digest: Digest, level: Int) throws {
            unfinished[level].append(digest)
            if unfinished[level].count == digestsPerBlock, level < levelOffsets.count { try collapse(level) }
        }

        private func collapse(_ level: Int) throws {
            let digest = try write(unfinished[level], level: level, number: finished[level])
            unfinished[level] = []
            finished[level] += 1
            try append(digest, level: level + 1)
        }

        /// The root hash.
        func finish() throws -> Digest {
            for level in levelOffsets.indices where !unfinished[level].isEmpty { try collapse(level) }
            return unfinished[levelOffsets.count][0]
        }
    }

    private func write(_ bytes: [UInt8], at offset: Int, to output: (descriptor: CInt, name: String)) throws {
        try Self.write(bytes, at: offset, to: output)
    }

    private static func write(_ bytes: [UInt8], at offset: Int, to output: (descriptor: CInt, name: String)) throws {
        do { try OpenFile.write(bytes, to: output.descriptor, at: offset) } catch {
            throw FileWriteError(file: output.name, reason: error.description)
        }
    }
}

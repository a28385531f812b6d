/// The CID of a stream, under one profile: cuts it into leaves and builds the balanced tree above them as it goes.
///
/// Memory: one chunk and one node a level.
///
///     leaf leaf leaf ... (width)   leaf leaf ...      level 0
///        \  |  /                     \  /
///         node          ...          node             level 1
///             \______      __________/
///                     root                            level 2
///
/// Sources: https://ipld.io/specs/codecs/dag-pb/spec/ and https://specs.ipfs.tech/unixfs/.
struct UnixFSHasher: ~Copyable {
    /// A node that awaits its parent.
    private struct Child {
        var cid: CID
        /// Serialized bytes of the node and of all below it.
        var totalSize: Int
        /// File bytes below it.
        var fileSize: Int
    }

    private let profile: UnixFSProfile
    private var chunk: [UInt8] = []
    private var levels: [[Child]] = [[]]

    init(profile: UnixFSProfile) {
        self.profile = profile
        chunk.reserveCapacity(profile.chunkSize)
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(profile.chunkSize - chunk.count)
            chunk.append(contentsOf: part)
            rest = rest.dropFirst(part.count)
            if chunk.count == profile.chunkSize { finishChunk() }
        }
    }

    consuming func finalize() -> CID {
        if !chunk.isEmpty || levels.allSatisfy(\.isEmpty) { finishChunk() }
        var level = 0
        while level + 1 < levels.count || levels[level].count > 1 {
            if !levels[level].isEmpty { collapse(level) }
            level += 1
        }
        return levels[level][0].cid
    }

    private mutating func finishChunk() {
        let leaf: Child
        if profile.rawLeaves {
            let cid = CID(version: profile.cidVersion, codec: .raw, digest: Self.digest(chunk, prefix: [], suffix: []))
            leaf = Child(cid: cid, totalSize: chunk.count, fileSize: chunk.count)
        } else {
            // UnixFS: type 2 (file), data unless empty, file size.
            let data: [UInt8] = chunk.isEmpty ? [] : [0x12] + Varint.encode(chunk.count)
            let suffix = [0x18] + Varint.encode(chunk.count)
            let unixFSSize = 2 + data.count + chunk.count + suffix.count
            let prefix = [0x0a] + Varint.encode(unixFSSize) + [0x08, 0x02] + data
            let digest = Self.digest(chunk, prefix: prefix, suffix: suffix)
            leaf = Child(
                cid: CID(version: profile.cidVersion, codec: .dagPB, digest: digest),
                totalSize: prefix.count + chunk.count + suffix.count, fileSize: chunk.count)
        }
        chunk.removeAll(keepingCapacity: true)
        add(leaf, level: 0)
    }

    private mutating func add(_ child: Child, level: Int) {
        if level == levels.count { levels.append([]) }
        levels[level].append(child)
        if levels[level].count == profile.width { collapse(level) }
    }

    /// Puts a parent above all that waits on a level.
    private mutating func collapse(_ level: Int) {
        var node: [UInt8] = []
        var unixFS: [UInt8] = [0x08, 0x02]
        var (totalSize, fileSize) = (0, 0)
        var blockSizes: [UInt8] = []
        for child in levels[level] {
            let hash = child.cid.bytes
            let link = [0x0a] + Varint.encode(hash.count) + hash + [0x12, 0x00, 0x18] + Varint.encode(child.totalSize)
            node += [0x12] + Varint.encode(link.count) + link
            blockSizes += [0x20] + Varint.encode(child.fileSize)
            totalSize += child.totalSize
            fileSize += child.fileSize
        }
        unixFS += [0x18] + Varint.encode(fileSize) + blockSizes
        node += [0x0a] + Varint.encode(unixFS.count) + unixFS
        let cid = CID(version: profile.cidVersion, codec: .dagPB, digest: .of(node))
        levels[level].removeAll(keepingCapacity: true)
        add(Child(cid: cid, totalSize: totalSize + node.count, fileSize: fileSize), level: level + 1)
    }

    private static func digest(_ chunk: [UInt8], prefix: [UInt8], suffix: [UInt8]) -> Digest {
        var hasher = SHA256Hasher()
        prefix.withUnsafeBytes { hasher.update($0) }
        chunk.withUnsafeBytes { hasher.update($0) }
        suffix.withUnsafeBytes { hasher.update($0) }
        return hasher.finalize()
    }
}

/// Unsigned variable-length integers, seven bits a byte, least significant first
/// (https://github.com/multiformats/unsigned-varint).
enum Varint {
    static func encode(_ value: Int) -> [UInt8] {
        var (rest, bytes) = (UInt64(value), [UInt8]())
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}

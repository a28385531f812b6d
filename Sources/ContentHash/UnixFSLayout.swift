/// A file's whole balanced tree as digests, so that any of its nodes can be written again.
///
/// Memory: 32 bytes a leaf.
struct UnixFSLayout: Sendable {
    let profile: UnixFSProfile
    let fileSize: Int
    /// The digests of each level's nodes; the last level is the root.
    private(set) var levels: [[Digest]]
    /// Tsize of each inner node, by level - 1.
    private var totalSizes: [[Int]] = []

    /// Reads a file whole, its leaves on all processors.
    /// - Throws: `FileReadError`.
    init(file: InputFile, size: Int, profile: UnixFSProfile) throws {
        (self.profile, fileSize) = (profile, size)
        let chunkSize = profile.chunkSize
        let count = max(1, (size + chunkSize - 1) / chunkSize)
        // Some leaves each time, so that a body is worth its while.
        let run = max(1, (1 << 21) / chunkSize)
        let leaves = try [Digest](unsafeUninitializedCapacity: count) { buffer, initialized in
            let shared = SharedBuffer(elements: buffer)
            try concurrently((count + run - 1) / run) { part in
                let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkSize, alignment: 4096)
                defer { chunk.deallocate() }
                for index in (part * run)..<min(count, (part + 1) * run) {
                    let bytes = try Self.read(index, of: file, size: size, chunkSize: chunkSize, into: chunk)
                    shared.elements.initializeElement(at: index, to: Self.digest(ofLeaf: bytes, profile: profile))
                }
            }
            initialized = count
        }
        levels = [leaves]
        while levels[levels.count - 1].count > 1 { addLevel() }
    }

    private mutating func addLevel() {
        let level = levels.count
        let count = (levels[level - 1].count + profile.width - 1) / profile.width
        var (digests, sizes): ([Digest], [Int]) = ([], [])
        for index in 0..<count {
            let (node, totalSize, _) = DagPB.innerNode(children(of: index, level: level).map(child))
            digests.append(.of(node))
            sizes.append(totalSize)
        }
        levels.append(digests)
        totalSizes.append(sizes)
    }

    /// A node's place: level 0 holds the leaves.
    struct Place {
        var level: Int
        var index: Int
    }

    var root: Place { Place(level: levels.count - 1, index: 0) }

    func digest(of place: Place) -> Digest { levels[place.level][place.index] }

    func cid(of place: Place) -> CID { child(place).cid }

    func children(of place: Place) -> [Place] { children(of: place.index, level: place.level) }

    private func children(of index: Int, level: Int) -> [Place] {
        let first = index * profile.width
        return (first..<min(first + profile.width, levels[level - 1].count)).map { Place(level: level - 1, index: $0) }
    }

    /// An inner node's block.
    func block(of place: Place) -> [UInt8] { DagPB.innerNode(children(of: place).map(child)).node }

    /// A leaf's block, read anew.
    /// - Throws: `FileReadError`, also when the bytes are no longer those that were hashed.
    func leafBlock(_ index: Int, of file: InputFile) throws -> [UInt8] {
        let size = fileBytes(in: Place(level: 0, index: index))
        let (prefix, suffix) = profile.rawLeaves ? ([], []) : DagPB.leafWrapping(size: size)
        var block = prefix + [UInt8](repeating: 0, count: size) + suffix
        try block.withUnsafeMutableBytes { bytes in
            let chunk = UnsafeMutableRawBufferPointer(rebasing: bytes[prefix.count..<(prefix.count + size)])
            try file.read(into: chunk, at: index * profile.chunkSize)
        }
        guard Digest.of(block) == levels[0][index] else {
            throw FileReadError(file: file.path, reason: "it changed while it was read")
        }
        return block
    }

    /// The inner nodes that stand before a leaf and after the one before it, root first, depth first.
    func innerPlaces(before leaf: Int) -> [Place] {
        var (places, span): ([Place], Int) = ([], 1)
        for level in levels.indices.dropFirst() {
            span *= profile.width
            guard leaf.isMultiple(of: span) else { break }
            places.append(Place(level: level, index: leaf / span))
        }
        return places.reversed()
    }

    /// A node as its parent's link holds it.
    func child(_ place: Place) -> DagPB.Child {
        if place.level == 0 {
            return UnixFSTree.leaf(digest(of: place), size: fileBytes(in: place), profile: profile)
        }
        return DagPB.Child(
            cid: CID(version: profile.cidVersion, codec: .dagPB, digest: digest(of: place)),
            totalSize: totalSizes[place.level - 1][place.index], fileSize: fileBytes(in: place))
    }

    private func fileBytes(in place: Place) -> Int {
        // A span past the file's end is as good as the file's size.
        var span = profile.chunkSize
        for _ in 0..<place.level where span < fileSize { span *= profile.width }
        return min(fileSize, (place.index + 1) * span) - place.index * span
    }

    private static func read(
        _ index: Int, of file: InputFile, size: Int, chunkSize: Int, into chunk: UnsafeMutableRawBufferPointer
    ) throws -> UnsafeRawBufferPointer {
        let bytes = UnsafeMutableRawBufferPointer(rebasing: chunk[..<min(chunkSize, size - index * chunkSize)])
        try file.read(into: bytes, at: index * chunkSize)
        return UnsafeRawBufferPointer(bytes)
    }

    private static func digest(ofLeaf bytes: UnsafeRawBufferPointer, profile: UnixFSProfile) -> Digest {
        var hasher = SHA256Hasher()
        let (prefix, suffix) = profile.rawLeaves ? ([], []) : DagPB.leafWrapping(size: bytes.count)
        prefix.withUnsafeBytes { hasher.update($0) }
        hasher.update(bytes)
        suffix.withUnsafeBytes { hasher.update($0) }
        return hasher.finalize()
    }
}

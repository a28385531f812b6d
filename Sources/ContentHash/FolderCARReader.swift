import Host

/// The CAR of a UnixFS folder, from anywhere, its blocks in any order. A block is compared with its CID when it is read, and not
/// before: opening one reads the CIDs alone.
///
/// Memory: 50 bytes a block.
package final class FolderCARReader: Sendable {
    /// The one root that the header names.
    package let root: CID
    /// As it was given.
    package let path: String
    /// A block that stands there more than once.
    package let repeated: CID?
    private let file: InputFile
    private let size: Int
    private let digests: DigestIndex
    private let offsets: PagedArray<Int>

    /// Folders in folders, the root counted, of what rtverify writes.
    private static let deepestFolder = 3
    /// The most that nodes of the network exchange.
    package static let largestBlock = 2 << 20
    /// Bytes of the longest length and CID.
    private static let headSize = 9 + 40

    /// Reads the CIDs of all blocks.
    /// - Throws: `CARError`, `FileReadError`.
    package init(file: InputFile) throws {
        guard let size = file.size else {
            throw FileReadError(file: file.path, reason: "a CAR is read in no order, so not from a pipe")
        }
        var position = 0
        guard let header = try CARReader.section(of: file, at: &position, end: size), header.count <= 4096 else {
            throw CARError.malformed("it is no CAR: it has no header")
        }
        root = try CARHeader(bytes: CARReader.read(header, of: file)).root
        var (digests, offsets, repeated) = (DigestIndex(), PagedArray<Int>(), CID?.none)
        while case let start = position, let section = try CARReader.section(of: file, at: &position, end: size) {
            var head = [UInt8](repeating: 0, count: min(Self.headSize, section.count))
            try head.withUnsafeMutableBytes { try file.read(into: $0, at: section.lowerBound) }
            let cid = try CARReader.split(head, at: start).cid
            if digests.insert(cid.digest).isNew { offsets.append(start) } else { repeated = repeated ?? cid }
        }
        (self.file, self.size, path) = (file, size, file.path)
        (self.digests, self.offsets, self.repeated) = (digests, offsets, repeated)
    }

    /// Whether a file of so many bytes is one raw block, of its own SHA-256.
    package static func isOneBlock(_ size: Int) -> Bool { size <= FolderPlan.profile.chunkSize }

    /// Whether it has a CID's block, or what says that it is.
    package func has(_ cid: CID) -> Bool { cid.inlined != nil || digests.number(of: cid.digest) != nil }

    /// A block that isn't among those that are used.
    package func block(besides used: Set<Digest>) -> Digest? {
        (0..<digests.count).lazy.map { self.digests[$0] }.first { !used.contains($0) }
    }

    /// Reads a block, and compares it with its CID.
    /// - Throws: `CARError`, `FileReadError`.
    package func block(_ cid: CID) throws -> [UInt8] {
        var block = [UInt8]()
        try read(cid) { size in
            guard size <= Self.largestBlock else { throw CARError.malformed("the block \(cid) has \(size) bytes") }
            block = [UInt8](repeating: 0, count: size)
        } into: { range in
            try block.withUnsafeMutableBytes { try file.read(into: $0, at: range.lowerBound) }
        }
        if let inlined = cid.inlined { return inlined }
        guard Digest.of(block) == cid.digest else { throw wrongBlock(cid) }
        return block
    }

    /// Reads a leaf of so many bytes without comparing it with its CID, which the caller does.
    /// - Throws: `CARError`, `FileReadError`.
    package func read(leaf cid: CID, into buffer: UnsafeMutableRawBufferPointer) throws {
        if let inlined = cid.inlined, inlined.count == buffer.count { return buffer.copyBytes(from: inlined) }
        try read(cid) { size in
            guard size == buffer.count else {
                throw CARError.lyingLength(cid, "\(buffer.count) bytes, where it has \(size)")
            }
        } into: { range in
            try file.read(into: buffer, at: range.lowerBound)
        }
    }

    /// The error of a block that isn't its CID's.
    package func wrongBlock(_ cid: CID) -> CARError {
        .wrongBlock(cid, offset: digests.number(of: cid.digest).map { offsets[$0] } ?? 0)
    }

    private func read(_ cid: CID, check: (Int) throws -> Void, into body: (Range<Int>) throws -> Void) throws {
        guard cid.inlined == nil else { return }
        guard let number = digests.number(of: cid.digest) else { throw CARError.missing(cid) }
        var position = offsets[number]
        guard let section = try CARReader.section(of: file, at: &position, end: size) else {
            throw CARError.missing(cid)
        }
        var head = [UInt8](repeating: 0, count: min(Self.headSize, section.count))
        try head.withUnsafeMutableBytes { try file.read(into: $0, at: section.lowerBound) }
        let rest = try CARReader.split(head, at: offsets[number]).block
        let start = section.lowerBound + rest.startIndex
        try check(section.upperBound - start)
        try body(start..<section.upperBound)
    }

    // MARK: The tree

    /// What a path names; nil where there is no such name.
    /// - Throws: `CARError`, `FileReadError`.
    package func cid(at path: String) throws -> CID? {
        var cid = root
        for name in path.split(separator: "/") {
            guard let next = try folder(cid).links.first(where: { $0.name == name })?.cid else { return nil }
            cid = next
        }
        return cid
    }

    /// The leaves of a file in order, whose blocks are its bytes.
    /// - Parameters:
    ///   - size: Bytes that it must have: no more leaves are looked for than those have.
    ///   - used: Gets every block of it.
    /// - Throws: `CARError`, `FileReadError`.
    package func leaves(of cid: CID, size: Int, used: (CID) -> Void = { _ in }) throws -> [CID] {
        var (leaves, walk) = ([CID](), FileWalk(cid, size: size, isOfProfile: true))
        while let cid = try walk.next() {
            used(cid)
            if cid.codec == .raw {
                guard has(cid) else { throw CARError.missing(cid) }
                leaves.append(cid)
                walk.addLeaf()
            } else {
                _ = try walk.add(cid, block: try block(cid))
            }
        }
        return leaves
    }

    /// The bytes of a file, piece by piece, each block compared with its CID, in whatever way the file is laid out.
    /// - Throws: `CARError`, `FileReadError`, and what `body` throws.
    package func read(_ cid: CID, size: Int, body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var walk = FileWalk(cid, size: size, isOfProfile: false)
        while let cid = try walk.next() {
            try Array(try walk.add(cid, block: try block(cid))).withUnsafeBytes(body)
        }
    }

    /// Every file below the root, by its path and CID; nothing of a file is read but what tells it from a folder.
    /// - Parameters:
    ///   - used: Gets every folder's block.
    ///   - isOver: Asked at each folder whether nobody wants it any more.
    /// - Throws: `CARError`, `FileReadError`, `CancellationError`.
    package func files(used: (CID) -> Void = { _ in }, isOver: () -> Bool = { false }) throws -> [(
        path: String, cid: CID
    )] {
        var (files, seen, others) = ([(path: String, cid: CID)](), Set<Digest>(), Set<Digest>())
        func inner(_ cid: CID) throws -> UnixFSFolder? {
            if cid.codec != .dagPB || others.contains(cid.digest) { return nil }
            let block = try block(cid)
            do { return try UnixFSFolder(codec: cid.codec, block: block) } catch {
                // Read once, however often it is linked.
                others.insert(cid.digest)
                return nil
            }
        }
        func visit(_ folder: UnixFSFolder, _ cid: CID, _ path: String, _ depth: Int) throws {
            if isOver() { throw CancellationError() }
            // One that is in several folders, or in itself, makes as many paths as anybody wishes.
            guard seen.insert(cid.digest).inserted else { throw CARError.malformed("the folder \(cid) is there twice") }
            used(cid)
            for link in folder.links {
                let place = path.isEmpty ? link.name : "\(path)/\(link.name)"
                if depth < Self.deepestFolder, let inner = try inner(link.cid) {
                    try visit(inner, link.cid, place, depth + 1)
                } else {
                    files.append((place, link.cid))
                }
            }
        }
        try visit(try folder(root), root, "", 1)
        return files
    }

    private func folder(_ cid: CID) throws -> UnixFSFolder {
        let block = try block(cid)
        return try CARError.naming(cid) { () throws(UnixFSNode.Failure) in
            try UnixFSFolder(codec: cid.codec, block: block)
        }
    }
}

extension FolderCARReader {
    /// What is to be read of a file, and what it must be.
    package struct Wanted: Sendable {
        let cid: CID
        let size: Int
        let sha256: Digest

        /// - Parameter size: Bytes.
        package init(_ cid: CID, size: Int, sha256: Digest) {
            (self.cid, self.size, self.sha256) = (cid, size, sha256)
        }
    }

    /// Reads files one after the other, each block compared with its CID and each file with its SHA-256, on several threads.
    ///
    /// Memory: eight leaves.
    /// - Parameters:
    ///   - write: Gets each file's bytes in order, with its number in `files`. It is called by one thread at a time.
    ///   - finish: Is told that a file is whole, and right.
    ///   - wrong: Makes the error of a file that isn't right, or of one of its blocks, by its number.
    ///   - isOver: Asked at each leaf whether nobody wants it any more.
    /// - Throws: What `wrong` makes, what `write` and `finish` throw, `CARError`, `FileReadError`, `CancellationError`.
    package func extract(
        _ files: [Wanted], write: @escaping (Int, UnsafeRawBufferPointer) throws -> Void,
        finish: @escaping (Int) throws -> Void, wrong: @escaping (Int, CARError?) -> any Error, isOver: () -> Bool
    ) throws {
        let progress = FolderCARProgress()
        let pipeline = HashPipeline(
            lanes: [
                LeafLane(progress),
                WholeFileLane(
                    progress, isRight: { files[$0].sha256 == $1 },
                    changed: { wrong($0, $1.map(self.wrongBlock)) }),
                FileLane(progress, write: write, finish: finish),
            ], following: [1: 0, 2: 1], blockSize: FolderPlan.profile.chunkSize, depth: 8,
            threads: max(2, processorCount))
        defer { pipeline.end() }
        for (number, file) in files.enumerated() {
            let leaves: [CID]
            do { leaves = try self.leaves(of: file.cid, size: file.size) } catch let error as CARError {
                throw wrong(number, error)
            }
            for (index, cid) in leaves.enumerated() {
                if isOver() { throw CancellationError() }
                if let error = progress.error { throw error }
                let block = pipeline.nextBlock()
                let size = min(block.count, file.size - index * block.count)
                do {
                    try read(leaf: cid, into: UnsafeMutableRawBufferPointer(rebasing: block[..<size]))
                } catch let error as CARError { throw wrong(number, error) }
                progress.add(
                    .init(file: number, isFirst: index == 0, isLast: index == leaves.count - 1, cid: cid))
                pipeline.submit(size)
            }
        }
        pipeline.end()
        if let error = progress.error { throw error }
    }
}

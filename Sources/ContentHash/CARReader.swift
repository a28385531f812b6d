/// A CARv1 from anywhere: every block checked against its CID, in whatever order they come, and the file that the root
/// names.
///
/// Memory: one block, and 64 bytes for each.
public struct CARReader {
    /// The one root that the header names.
    public let root: CID
    /// Distinct blocks; a CAR may hold one several times.
    public var blocks: Int { digests.count }
    /// Sections whose CID has a hash function or a codec that isn't known here: nothing is said of them.
    public private(set) var uncheckedSections = 0

    private let file: InputFile
    private let size: Int
    private var digests = DigestIndex()
    /// Where each block's section begins, by its number in `digests`.
    private var offsets = PagedArray<Int>()
    /// File bytes below each block, once they are known.
    private var fileSizes = PagedArray<Int>()

    /// IPFS nodes exchange blocks of up to 2 MiB; nothing needs one larger than this.
    private static let largestBlock = 8 << 20
    /// No importer nests a file's nodes deeper: 174^8 chunks are more than 2^63 bytes.
    private static let deepest = 128

    /// Reads the whole CAR and hashes each of its blocks.
    /// - Throws: `CARError`, `FileReadError`.
    public init(file: InputFile) throws {
        guard let size = file.size else {
            throw FileReadError(file: file.path, reason: "a CAR is read in no order, so not from a pipe")
        }
        (self.file, self.size) = (file, size)
        var position = 0
        guard let header = try Self.section(of: file, at: &position, end: size), header.count <= 4096 else {
            throw CARError.malformed("it is no CAR: it has no header")
        }
        root = try CARHeader(bytes: Self.read(header, of: file)).root
        while case let start = position, let section = try Self.section(of: file, at: &position, end: size) {
            try add(section, at: start)
        }
    }

    /// The bytes of the section that begins at `position`, which moves past it; nil at the end.
    static func section(of file: InputFile, at position: inout Int, end: Int) throws -> Range<Int>? {
        if position == end { return nil }
        var bytes = [UInt8](repeating: 0, count: min(9, end - position))
        try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: position) }
        var rest = bytes[...]
        guard let length = Varint.decode(&rest), length > 0 else {
            throw CARError.malformed("at byte \(position) stands no length (was something appended?)")
        }
        let start = position + rest.startIndex
        guard length <= end - start else {
            throw CARError.malformed(
                "the section at byte \(position) has \(length) bytes, but only \(end - start) are left")
        }
        guard length <= largestBlock else {
            throw CARError.malformed("the section at byte \(position) has \(length) bytes, more than any block")
        }
        position = start + length
        return start..<position
    }

    static func read(_ range: Range<Int>, of file: InputFile) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: range.lowerBound) }
        return bytes
    }

    private mutating func add(_ section: Range<Int>, at start: Int) throws {
        guard let cid = try checked(section) else {
            uncheckedSections += 1
            return
        }
        guard digests.insert(cid.digest).isNew else { return }
        offsets.append(start)
        fileSizes.append(Self.unknown)
    }

    /// The CID of a section whose block is its own; nil where it is of a kind that isn't known here.
    private func checked(_ section: Range<Int>) throws -> CID? {
        let bytes = try Self.read(section, of: file)
        do {
            let part = try Self.split(bytes, at: section.lowerBound)
            guard part.block.withUnsafeBytes(Digest.of) == part.cid.digest else {
                throw CARError.wrongBlock(part.cid, offset: section.lowerBound)
            }
            return part.cid
        } catch CARError.unsupported {
            return nil
        }
    }

    static func split(_ section: [UInt8], at offset: Int) throws -> (cid: CID, block: ArraySlice<UInt8>) {
        var rest = section[...]
        do {
            let cid = try CID(readingFrom: &rest)
            return (cid, rest)
        } catch CIDError.unsupported(let reason) {
            throw CARError.unsupported("the section at byte \(offset): \(reason)")
        } catch {
            throw CARError.malformed("the section at byte \(offset) begins with no CID: \(error)")
        }
    }

    /// The block of a CID, read and hashed again, for the file may have changed since; nil where there is none.
    /// - Throws: `CARError`, `FileReadError`.
    public func block(_ cid: CID) throws -> [UInt8]? {
        if let inlined = cid.inlined { return inlined }
        guard let number = digests.number(of: cid.digest) else { return nil }
        var position = offsets[number]
        guard let section = try Self.section(of: file, at: &position, end: size) else { throw CARError.missing(cid) }
        let (_, block) = try Self.split(try Self.read(section, of: file), at: section.lowerBound)
        guard block.withUnsafeBytes(Digest.of) == cid.digest else {
            throw CARError.wrongBlock(cid, offset: section.lowerBound)
        }
        return Array(block)
    }

    private func node(_ cid: CID) throws -> UnixFSNode {
        guard let block = try block(cid) else { throw CARError.missing(cid) }
        return try CARError.naming(cid) { () throws(UnixFSNode.Failure) in
            try UnixFSNode(codec: cid.codec, block: block)
        }
    }

    /// A block's number; one that its CID holds gets one when it is met.
    private mutating func number(of cid: CID) throws -> Int {
        if let number = digests.number(of: cid.digest) { return number }
        guard cid.inlined != nil else { throw CARError.missing(cid) }
        _ = digests.insert(cid.digest)
        offsets.append(Self.unknown)
        fileSizes.append(Self.unknown)
        return try number(of: cid)
    }

    /// A node between the root and where the walk stands.
    private struct Step {
        let cid: CID
        let number: Int
        let node: UnixFSNode
        var next = 0
    }

    private static let unknown = -1
    private static let underway = -2

    /// Checks that everything below the root is there, is a file's, and has the lengths that are given for it. Each
    /// block is looked at once, however often it is linked.
    /// - Returns: The file's size in bytes.
    /// - Throws: `CARError`, `FileReadError`.
    public mutating func checkTree() throws -> Int {
        let rootNumber = try number(of: root)
        var path: [Step] = []
        func step(_ cid: CID, _ number: Int) throws -> Step {
            guard path.count < Self.deepest else { throw CARError.malformed("its tree is deeper than any file's") }
            return Step(cid: cid, number: number, node: try node(cid))
        }
        if fileSizes[rootNumber] == Self.unknown { path.append(try step(root, rootNumber)) }
        while var last = path.popLast() {
            fileSizes[last.number] = Self.underway
            if last.next == last.node.links.count {
                fileSizes[last.number] = last.node.fileSize
                continue
            }
            let cid = last.node.links[last.next]
            let child = try number(of: cid)
            switch fileSizes[child] {
            case Self.unknown:
                path += [last]
                path.append(try step(cid, child))
            case Self.underway:
                throw CARError.malformed("the block \(cid) is below itself")
            case let size:
                guard size == last.node.linkSizes[last.next] else {
                    throw CARError.lyingLength(
                        last.cid, "\(last.node.linkSizes[last.next]) bytes below \(cid), which has \(size)")
                }
                last.next += 1
                path.append(last)
            }
        }
        return fileSizes[rootNumber]
    }

    /// Writes the file that the root names. `checkTree` should have found it whole.
    /// - Throws: `CARError`, `FileReadError`, `FileWriteError`.
    public func extract(to descriptor: CInt, name: String) throws {
        var output = OutputFile(descriptor: descriptor, name: name)
        guard let rootNumber = digests.number(of: root.digest) else { throw CARError.missing(root) }
        // Still to be written, the next at the end.
        var rest = [root]
        while let cid = rest.popLast() {
            let node = try node(cid)
            try output.write(node.data)
            rest += node.links.reversed()
        }
        try output.flush()
        guard output.size == fileSizes[rootNumber] else {
            throw CARError.lyingLength(root, "\(fileSizes[rootNumber]) bytes, where \(output.size) came out")
        }
    }
}

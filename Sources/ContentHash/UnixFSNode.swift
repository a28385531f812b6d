/// A node of a UnixFS file, read: links and data (https://specs.ipfs.tech/unixfs/, https://ipld.io/specs/codecs/dag-pb/).
package struct UnixFSNode {
    var links: [CID] = []
    /// File bytes below each link.
    var linkSizes: [Int] = []
    /// File bytes in the node itself, which come before those below its links.
    var data: ArraySlice<UInt8> = []
    /// File bytes in all.
    var fileSize: Int

    /// File bytes in all, its own and those below its links.
    package var size: Int { fileSize }

    /// Why a block is no such node.
    package enum Failure: Error {
        /// Something else: a directory, a link.
        case notAFile(String)
        case malformed(String)
        case lyingLength(String)
        /// It has a link whose hash function or codec isn't known here.
        case unsupported(String)
    }

    /// Reads a block.
    /// - Throws: `Failure`.
    package init(codec: CID.Codec, block: [UInt8]) throws(Failure) {
        if codec == .raw {
            (data, fileSize) = (block[...], block.count)
            return
        }
        var unixFS: ArraySlice<UInt8>?
        var fields = ProtobufFields(block[...])
        while let field = try fields.next() {
            switch field {
            case (2, .bytes(let link)):
                links.append(try Self.link(link))
            case (1, .bytes(let data)) where unixFS == nil:
                unixFS = data
            default: throw .malformed("is no dag-pb node")
            }
        }
        guard let unixFS else { throw .notAFile("is a dag-pb node without UnixFS data") }
        fileSize = 0
        try readUnixFS(unixFS)
    }

    private static func link(_ bytes: ArraySlice<UInt8>) throws(Failure) -> CID {
        var fields = ProtobufFields(bytes)
        guard case (1, .bytes(let hash))? = try fields.next() else { throw .malformed("has a link without a hash") }
        do {
            return try CID(bytes: Array(hash))
        } catch CIDError.unsupported(let reason) {
            throw .unsupported("has a link of which \(reason)")
        } catch {
            throw .malformed("has a link that is \(error)")
        }
    }

    private mutating func readUnixFS(_ bytes: ArraySlice<UInt8>) throws(Failure) {
        var (type, declared): (Int?, Int?) = (nil, nil)
        var fields = ProtobufFields(bytes)
        while let field = try fields.next() {
            switch field {
            case (1, .number(let value)): type = value
            case (2, .bytes(let bytes)): data = bytes
            case (3, .number(let value)): declared = value
            case (4, .number(let value)): linkSizes.append(value)
            case (4, .bytes(var packed)):
                while !packed.isEmpty {
                    guard let value = Varint.decode(&packed) else { throw .malformed("is no UnixFS node") }
                    linkSizes.append(value)
                }
            // Hash type and fan-out of a directory, mode and time of any.
            case (5...8, _): continue
            default: throw .malformed("is no UnixFS node")
            }
        }
        switch type {
        case 0, 2: break
        case 1: throw .notAFile("is a directory's")
        case 4: throw .notAFile("is a symbolic link's")
        case 5: throw .notAFile("is a large directory's (a HAMT shard)")
        default: throw .notAFile("is a UnixFS node of type \(type.map { "\($0)" } ?? "none")")
        }
        guard links.count == linkSizes.count else {
            throw .lyingLength("\(links.count) links and \(linkSizes.count) sizes")
        }
        fileSize = data.count
        for size in linkSizes {
            let (sum, overflow) = fileSize.addingReportingOverflow(size)
            if overflow { throw .lyingLength("more than 2^63 bytes") }
            fileSize = sum
        }
        if let declared, declared != fileSize {
            throw .lyingLength("\(declared) bytes in all, \(fileSize) in its parts")
        }
    }
}

/// The node of a UnixFS folder that isn't sharded, read.
package struct UnixFSFolder {
    /// What it has, each by its name.
    package private(set) var links: [(name: String, cid: CID)] = []

    /// Reads a block. Names are UTF-8, each of one part of a path, and each once.
    /// - Throws: `UnixFSNode.Failure`.
    package init(codec: CID.Codec, block: [UInt8]) throws(UnixFSNode.Failure) {
        guard codec == .dagPB else { throw .malformed("is a file's, where a folder should be") }
        var type: Int?
        var fields = ProtobufFields(block[...])
        while let field = try fields.next() {
            switch field {
            case (2, .bytes(let link)): links.append(try Self.link(link))
            case (1, .bytes(let data)) where type == nil:
                var data = ProtobufFields(data)
                while let (number, value) = try data.next() {
                    if number == 1, case .number(let found) = value { type = found }
                }
            default: throw .malformed("is no dag-pb node")
            }
        }
        guard type == 1 else {
            throw .unsupported(
                "is no folder's" + (type == 5 ? " that rtverify reads: it is a large one's, a HAMT shard" : ""))
        }
        guard Set(links.map { Array($0.name.utf8) }).count == links.count else { throw .malformed("has a name twice") }
    }

    private static func link(_ bytes: ArraySlice<UInt8>) throws(UnixFSNode.Failure) -> (name: String, cid: CID) {
        var (name, hash): (String?, CID?) = (nil, nil)
        var fields = ProtobufFields(bytes)
        while let field = try fields.next() {
            switch field {
            case (1, .bytes(let bytes)):
                do { hash = try CID(bytes: Array(bytes)) } catch { throw .unsupported("has a link that is \(error)") }
            case (2, .bytes(let bytes)): name = String(validating: bytes, as: UTF8.self)
            case (3, .number): continue
            default: throw .malformed("is no dag-pb node")
            }
        }
        guard let hash, let name, !name.isEmpty, name != ".", name != "..",
            !name.utf8.contains(where: { $0 == 0 || $0 == 0x2f })
        else { throw .malformed("has a link without a name, or with one that is none") }
        return (name, hash)
    }
}

/// The fields of a protobuf message in their order (https://protobuf.dev/programming-guides/encoding/).
private struct ProtobufFields {
    enum Value {
        case number(Int)
        case bytes(ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() throws(UnixFSNode.Failure) -> (number: Int, value: Value)? {
        if rest.isEmpty { return nil }
        guard let tag = Varint.decode(&rest), let value = Varint.decode(&rest) else {
            throw .malformed("is cut short")
        }
        switch tag & 7 {
        case 0: return (tag >> 3, .number(value))
        case 2:
            guard value <= rest.count else { throw .malformed("is cut short") }
            defer { rest = rest.dropFirst(value) }
            return (tag >> 3, .bytes(rest.prefix(value)))
        default: throw .malformed("has a field of wire type \(tag & 7)")
        }
    }
}

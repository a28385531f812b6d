/// Writes a file's DAG as a CARv1 (https://ipld.io/specs/transport/car/carv1/): one root, root first and depth first,
/// each block once, which is the order of `ipfs dag export`.
///
///     header    varint length, dag-cbor {"roots": [CID], "version": 1}
///     section   varint length, CID, block                                  (one a block)
public struct CARWriter {
    private let file: InputFile
    private let layout: UnixFSLayout

    /// What was written.
    public struct Summary: Equatable, Sendable {
        /// The CID of the whole file.
        public var root: CID
        /// How many blocks were written, each once.
        public var blocks: Int
        /// Bytes of the CAR.
        public var size: Int
    }

    /// Reads the file once, for its tree.
    /// - Throws: `FileReadError`, also for a file that can't be read twice.
    public init(file: InputFile, profile: UnixFSProfile) throws {
        guard let size = file.size else {
            throw FileReadError(file: file.path, reason: "a CAR takes a file that can be read twice, not a pipe")
        }
        self.file = file
        layout = try UnixFSLayout(file: file, size: size, profile: profile)
    }

    /// Reads the file a second time and writes the CAR.
    /// - Throws: `FileReadError`, also when the file changed in between; `FileWriteError`.
    public func write(to descriptor: CInt, name: String) throws -> Summary {
        var output = OutputFile(descriptor: descriptor, name: name)
        let root = layout.cid(of: layout.root)
        let header = CARHeader(root: root).bytes
        try output.write(Varint.encode(header.count))
        try output.write(header)
        var written = DigestIndex()
        // Places still to be written, the next at the end.
        var rest = [layout.root]
        while let place = rest.popLast() {
            guard written.insert(layout.digest(of: place)).isNew else { continue }
            let cid = layout.cid(of: place).bytes
            let block: [UInt8]
            if place.level == 0 {
                block = try layout.leafBlock(place.index, of: file)
            } else {
                block = layout.block(of: place)
                rest += layout.children(of: place).reversed()
            }
            try output.write(Varint.encode(cid.count + block.count))
            try output.write(cid)
            try output.write(block)
        }
        try output.flush()
        return Summary(root: root, blocks: written.count, size: output.size)
    }
}

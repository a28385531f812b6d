/// A content identifier of a file: version, codec and SHA-256 multihash (https://github.com/multiformats/cid).
public struct CID: Hashable, Sendable, CustomStringConvertible {
    /// What the hashed block holds: its number in the multicodec table.
    public enum Codec: UInt8, Sendable {
        /// The file's own bytes.
        case raw = 0x55
        /// A UnixFS node.
        case dagPB = 0x70
    }

    /// 0 or 1.
    public let version: Int
    /// What the block is encoded as (multicodec).
    public let codec: Codec
    /// SHA-256 of the block.
    public let digest: Digest
    /// The block itself, where the CID holds it (multihash identity).
    package let inlined: [UInt8]?

    /// - Parameter version: 0 or 1; 0 is of dag-pb alone.
    package init(version: Int, codec: Codec, digest: Digest) {
        (self.version, self.codec, self.digest, inlined) = (version, codec, digest, nil)
    }

    /// That of a block which is a file's bytes, of version 1.
    package init(raw digest: Digest) { self.init(version: 1, codec: .raw, digest: digest) }

    private init(codec: Codec, inlined: [UInt8]) {
        (version, self.codec, digest, self.inlined) = (1, codec, .of(inlined), inlined)
    }

    /// The bytes that a link holds: a bare multihash for version 0, else version, codec, multihash.
    public var bytes: [UInt8] {
        if let inlined { return [1, codec.rawValue, 0] + Varint.encode(inlined.count) + inlined }
        let multihash = [Self.sha256, UInt8(Digest.count)] + digest.bytes
        return version == 0 ? multihash : [1, codec.rawValue] + multihash
    }

    /// How many bytes those are.
    var byteCount: Int { inlined == nil ? version == 0 ? 34 : 36 : bytes.count }

    /// The usual spelling: base58btc for version 0, base32 in lower case for version 1.
    public var description: String {
        version == 0 ? Multibase.base58.encode(bytes) : "b" + Multibase.base32.encode(bytes)
    }

    /// SHA-256's number in the multihash table.
    private static let sha256: UInt8 = 0x12
}

/// Why a text or some bytes are no CID of a file.
public enum CIDError: Error, Equatable, CustomStringConvertible {
    /// Not a CID at all.
    case malformed(String)
    /// A CID of something that isn't a file, or whose hash this program doesn't compute.
    case unsupported(String)

    /// For people.
    public var description: String {
        switch self {
        case .malformed(let reason): "not a CID: \(reason)"
        case .unsupported(let reason): "a CID that can't name a file here: \(reason)"
        }
    }
}

extension CID {
    /// Reads a CID in any multibase spelling of base58btc, base32, base36 and base16, or a version 0 one.
    ///
    /// That a CID is well-formed doesn't say that its block is a file: one with codec dag-pb may be a directory, which
    /// only the block itself tells.
    /// - Throws: `CIDError`.
    public init(_ text: some StringProtocol) throws {
        guard (8...256).contains(text.utf8.count) else {
            throw CIDError.malformed("it has \(text.utf8.count) characters")
        }
        if text.utf8.count == 46, text.hasPrefix("Qm") {
            try self.init(bytes: try Multibase.base58.decode(text.utf8))
            guard version == 0 else { throw CIDError.malformed("version 1 needs a multibase prefix") }
            return
        }
        let (base, digits) = try Multibase.named(by: text)
        try self.init(bytes: try base.decode(digits))
        // A multibase prefix is version 1's; version 0 has one spelling (CID specification, Decoding Algorithm).
        guard version == 1 else { throw CIDError.malformed("a version 0 CID has no multibase prefix") }
    }

    /// Reads the binary form.
    /// - Throws: `CIDError`.
    public init(bytes: [UInt8]) throws {
        var rest = bytes[...]
        try self.init(readingFrom: &rest)
        guard rest.isEmpty else { throw CIDError.malformed("\(rest.count) bytes too many") }
    }

    /// Reads the binary form at the beginning of `rest`, and moves `rest` past it.
    init(readingFrom rest: inout ArraySlice<UInt8>) throws {
        if rest.starts(with: [Self.sha256, UInt8(Digest.count)]) {
            self.init(version: 0, codec: .dagPB, digest: try Self.digest(&rest))
            return
        }
        guard let version = Varint.decode(&rest), let number = Varint.decode(&rest) else {
            throw CIDError.malformed("it is cut short")
        }
        guard version == 1 else { throw CIDError.malformed("its version is \(version)") }
        guard let codec = UInt8(exactly: number).flatMap(Codec.init(rawValue:)) else {
            throw CIDError.unsupported(
                "its codec is \(Self.codecNames[number] ?? "0x" + String(number, radix: 16)), not raw or dag-pb")
        }
        if rest.first == 0 {
            rest.removeFirst()
            // kubo inlines blocks of up to 128 bytes; 32 is its own default.
            guard let count = Varint.decode(&rest), count <= 128, count <= rest.count else {
                throw CIDError.malformed("its inlined block is cut short, or has more than 128 bytes")
            }
            self.init(codec: codec, inlined: Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
            return
        }
        self.init(version: 1, codec: codec, digest: try Self.digest(&rest))
    }

    private static func digest(_ rest: inout ArraySlice<UInt8>) throws -> Digest {
        guard let function = Varint.decode(&rest), let count = Varint.decode(&rest) else {
            throw CIDError.malformed("it is cut short")
        }
        guard function == Int(sha256) else {
            throw CIDError.unsupported(
                "its hash function is \(hashNames[function] ?? "0x" + String(function, radix: 16)), not sha2-256")
        }
        guard count == Digest.count else { throw CIDError.malformed("its SHA-256 has \(count) bytes, not 32") }
        guard rest.count >= count else { throw CIDError.malformed("it is cut short") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).withUnsafeBytes(Digest.init)
    }

    /// Names of the multicodec table that a person may meet (https://github.com/multiformats/multicodec).
    private static let codecNames = [
        0x51: "cbor", 0x71: "dag-cbor", 0x72: "libp2p-key (an IPNS name)", 0x78: "git-raw", 0x90: "eth-block",
        0x0129: "dag-json", 0x0200: "json", 0x0202: "car",
    ]
    private static let hashNames = [
        0x11: "sha1", 0x13: "sha2-512", 0x16: "sha3-256", 0x1b: "keccak-256",
        0x1e: "blake3", 0x56: "dbl-sha2-256", 0xb220: "blake2b-256",
    ]
}

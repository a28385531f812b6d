import Host
/// A name that a file may have: its SHA-256, or a CID.
public enum ContentName: Hashable, Sendable, CustomStringConvertible {
    case sha256(Digest)
    case cid(CID)

    /// Reads 64 hexadecimal digits, or a CID in any spelling.
    /// - Throws: `CIDError`.
    public init(_ text: some StringProtocol) throws {
        if text.utf8.count == 2 * Digest.count, let digest = Digest(hex: text.lowercased()) {
            self = .sha256(digest)
        } else {
            self = .cid(try CID(text))
        }
    }

    /// In its usual spelling.
    public var description: String {
        switch self {
        case .sha256(let digest): digest.hex
        case .cid(let cid): cid.description
        }
    }

    /// Whether a file has this name.
    public enum Match: Equatable, Sendable {
        /// It has; `profile` is the one that gives a CID.
        case same(profile: UnixFSProfile?)
        /// It has not, whatever the layout.
        case different
        /// No profile that was tried gives this CID. Another may: a CID names a file and how it was cut.
        case undecided(tried: [UnixFSProfile])
    }

    /// The profiles to try for this name.
    public var profiles: [UnixFSProfile] {
        // The root of one chunk, or any block, in codec raw: its hash is the file's own.
        if case .cid(let cid) = self, cid.codec == .dagPB { UnixFSProfile.known } else { [] }
    }

    /// Compares a file, hashed under `profiles` at least.
    public func answer(for identity: FileIdentity) -> Match {
        switch self {
        case .sha256(let digest): return digest == identity.sha256 ? .same(profile: nil) : .different
        case .cid(let cid) where cid.codec == .raw:
            return cid.digest == identity.sha256 ? .same(profile: nil) : .different
        case .cid(let cid):
            // The version is only a spelling: `ipfs cid base32` makes a version 1 CID of the same block.
            let found = identity.cids.first { $0.cid.codec == cid.codec && $0.cid.digest == cid.digest }
            return found.map { .same(profile: $0.profile) } ?? .undecided(tried: identity.cids.map(\.profile))
        }
    }
}

/// A list of names to check, one `HASH  PATH` a line, as sha256sum(1) writes it; a CID may stand in the hash's place.
public struct HashList: Sendable {
    /// A line.
    public struct Entry: Equatable, Sendable {
        /// What the file must be.
        public var name: ContentName
        /// As the list spells it, relative to this process's folder.
        public var path: String
    }

    /// The lines that are a name and a path, in their order.
    public private(set) var entries: [Entry] = []
    /// Lines that are no entry, by number from 1, and why.
    public private(set) var malformed: [(line: Int, reason: String)] = []

    /// Reads a list. Empty lines and those that begin with `#` are passed over.
    public init(text: some BidirectionalCollection<UInt8>) {
        // By bytes: to Swift, "\r\n" is one character and no line's end.
        for (number, line) in text.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let line = Array(line.last == 13 ? line.dropLast() : line)
            if line.isEmpty || line[0] == UInt8(ascii: "#") { continue }
            do {
                entries.append(try Self.entry(line[...]))
            } catch {
                malformed.append((number + 1, "\(error)"))
            }
        }
    }

    private static func entry(_ line: ArraySlice<UInt8>) throws -> Entry {
        let line = line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        // sha256sum marks a name with escapes by a backslash before the hash.
        let isEscaped = line.first == UInt8(ascii: "\\")
        return try entry(isEscaped ? line.dropFirst() : line, isEscaped: isEscaped)
    }

    /// `SHA256 (PATH) = HASH`, as BSD's tools and `--tag` write it.
    private static func taggedEntry(_ line: ArraySlice<UInt8>, isEscaped: Bool) throws -> Entry? {
        guard line.starts(with: "SHA256 (".utf8) || line.starts(with: "SHA256(".utf8) else { return nil }
        let open = line.firstIndex(of: UInt8(ascii: "(")) ?? line.startIndex
        let mark = Array(") = ".utf8), other = Array(")= ".utf8)
        for sign in [mark, other] {
            let ends = line.indices.filter { line[$0...].starts(with: sign) }
            guard let end = ends.last, end > open else { continue }
            let path = line[(open + 1)..<end]
            return Entry(
                name: try ContentName(String(decoding: line[(end + sign.count)...], as: UTF8.self)),
                path: String(path: isEscaped ? unescaped(path) : Array(path)))
        }
        throw CIDError.malformed("a tagged line is SHA256 (PATH) = HASH")
    }

    private static func entry(_ line: ArraySlice<UInt8>, isEscaped: Bool) throws -> Entry {
        if let entry = try taggedEntry(line, isEscaped: isEscaped) { return entry }
        let hash = line.prefix { $0 != UInt8(ascii: " ") }
        // Two spaces, or a space and the asterisk of binary mode.
        let rest = line.dropFirst(hash.count).dropFirst()
        guard let mark = rest.first, [UInt8(ascii: " "), UInt8(ascii: "*")].contains(mark), rest.count > 1 else {
            throw CIDError.malformed("a line is HASH, two spaces, PATH")
        }
        let path = isEscaped ? unescaped(rest.dropFirst()) : Array(rest.dropFirst())
        return Entry(
            name: try ContentName(String(decoding: hash, as: UTF8.self)), path: String(path: path))
    }

    private static func unescaped(_ path: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var isEscape = false
        for byte in path {
            if isEscape {
                result.append(byte == UInt8(ascii: "n") ? 10 : byte == UInt8(ascii: "r") ? 13 : byte)
                isEscape = false
            } else if byte == UInt8(ascii: "\\") {
                isEscape = true
            } else {
                result.append(byte)
            }
        }
        return result
    }
}

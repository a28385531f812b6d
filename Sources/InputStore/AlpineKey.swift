import Archives
import ContentHash
import RuntimeSpec

/// A public key that signs Alpine's indexes.
public struct AlpineKey: Sendable {
    /// Its file's name in /etc/apk/keys, by which signatures name it.
    public let name: String
    /// PEM (RFC 7468).
    public let bytes: [UInt8]

    /// - Parameter bytes: PEM (RFC 7468).
    public init(name: String, bytes: [UInt8]) { (self.name, self.bytes) = (name, bytes) }

    /// The keys that a minirootfs has in /etc/apk/keys.
    /// - Throws: `ArchiveError`.
    public static func all(inMinirootfs bytes: [UInt8]) throws -> [AlpineKey] {
        try SmallTar.files(try Compressed.bytes(of: bytes, limit: 1 << 30)).compactMap { entry in
            let parts = entry.path.split(separator: "/").filter { $0 != "." }
            guard parts.count == 4, parts[..<3].elementsEqual(["etc", "apk", "keys"]) else { return nil }
            return AlpineKey(name: String(parts[3]), bytes: entry.bytes)
        }
    }
}

extension Store {
    /// Keeps a key of a lock's index that its minirootfs has.
    /// - Returns: Whether it has it.
    public func keepKey(_ input: Lockfile.Input, of alpine: Lockfile.Alpine) throws -> Bool {
        guard let bytes = try bytes(of: alpine.minirootfs) else { return false }
        guard let key = try AlpineKey.all(inMinirootfs: bytes).first(where: { Digest.of($0.bytes) == input.sha256 })
        else { return false }
        _ = try keep(key.bytes)
        return true
    }
}

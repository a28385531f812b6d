import ContentHash
import Glibc
import Host

/// The content of a STORE message that would publish a file, in the serialization of Aleph's own clients: Python's json
/// without spaces, keys in the order of the message's schema, absent ones left out.
public struct StorePreparation: Sendable {
    /// The text that would be hashed and sent as `item_content`.
    public let content: String
    /// The item hash that the message then has.
    public let itemHash: String
    /// What the message would publish.
    public let file: ItemHash

    /// Of a file at hand.
    /// - Parameters:
    ///   - address: The owner.
    ///   - time: Seconds since 1970-01-01 UTC; nil for now.
    ///   - ref: The item hash that this one amends.
    ///   - onIPFS: Whether it is published by CID on IPFS rather than by SHA-256 on Aleph's storage.
    /// - Throws: `FileReadError`, `MessageError`.
    public static func of(
        _ path: String, address: String, time: Double?, ref: ItemHash?, onIPFS: Bool
    ) async throws -> StorePreparation {
        let identity = try await onThread { try FileIdentity(path: path) }
        let name = onIPFS ? identity.cid(.v0_2015)?.description ?? "" : identity.sha256.hex
        guard let file = ItemHash(name) else { throw FileReadError(file: path, reason: "it has no name") }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let moment = Double(now.tv_sec) + Double(now.tv_nsec / 1_000_000) / 1000
        return try StorePreparation(file: file, address: address, time: time ?? moment, ref: ref)
    }

    /// - Parameters:
    ///   - address: The owner.
    ///   - time: Seconds since 1970-01-01 UTC.
    ///   - ref: The item hash that this one amends.
    /// - Throws: `MessageError.malformed` for an address that JSON would have to escape.
    public init(file: ItemHash, address: String, time: Double, ref: ItemHash?) throws(MessageError) {
        guard !address.isEmpty, address.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c })
        else { throw .malformed("'\(address)' is no address") }
        guard time.isFinite, time >= 0, time < 1e12 else { throw .malformed("\(time) is no time") }
        var fields = [
            ("address", "\"\(address)\""), ("time", "\(time)"),
            ("item_type", file.isSHA256 ? "\"storage\"" : "\"ipfs\""), ("item_hash", "\"\(file)\""),
        ]
        if let ref { fields.append(("ref", "\"\(ref)\"")) }
        content = "{" + fields.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
        itemHash = Digest.of(Array(content.utf8)).hex
        self.file = file
    }
}

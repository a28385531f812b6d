import ContentHash

/// The content of a STORE message that would publish a file, in the serialization of Aleph's own clients: Python's json
/// without spaces, keys in the order of the message's schema, absent ones left out.
public struct StorePreparation: Sendable {
    /// The text that would be hashed and sent as `item_content`.
    public let content: String
    /// The item hash that the message then has.
    public let itemHash: String
    public let file: ItemHash

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

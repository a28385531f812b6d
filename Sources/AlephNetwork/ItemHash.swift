import ContentHash

/// The name of a message or of a file on the Aleph network, in its one spelling: 64 lower-case hexadecimal digits
/// (SHA-256), `Qm` and 44 base58 digits (CIDv0), or `bafy` and 55 base32 digits (CIDv1, dag-pb).
public struct ItemHash: Hashable, Sendable, CustomStringConvertible {
    /// What it is: a SHA-256, or a CID.
    public let name: ContentName
    /// In its one spelling.
    public let description: String

    /// nil for any other spelling.
    public init?(_ text: String) {
        guard [64, 46, 59].contains(text.utf8.count), let name = try? ContentName(text),
            name.description.utf8.elementsEqual(text.utf8)
        else { return nil }
        (self.name, description) = (name, text)
    }

    /// A file's name that may not be a message's: a CID of codec raw, say.
    init(name: ContentName) { (self.name, description) = (name, name.description) }

    /// Whether it is SHA-256 rather than a CID.
    public var isSHA256: Bool { if case .sha256 = name { true } else { false } }

    /// The `item_type` that names content by such a hash.
    func fits(itemType: String) -> Bool {
        isSHA256 ? itemType == "storage" || itemType == "inline" : itemType == "ipfs"
    }
}

import ContentHash

/// What a published hash leads to: the name of a file, and how well that is proven.
public struct ContentClaim: Sendable {
    /// A message's signature and who made it.
    public struct Signature: Codable, Equatable, Sendable {
        /// `SignatureStatus`'s word.
        public var status: String
        /// The message's `chain`.
        public var chain: String
        /// Who is said to have signed.
        public var sender: String
    }

    /// The file that the hash names; nil where the chain broke before.
    public internal(set) var file: ItemHash?
    /// Each link of the chain as it was found.
    public internal(set) var links: [VerificationLink] = []
    /// What its signature is worth; nil where there is no message.
    public internal(set) var signature: Signature?
    /// Whether the sender is one that the user named.
    public internal(set) var isSenderPinned = false
    /// Whether the hash is that of the file itself rather than of a message.
    public let isContentHash: Bool
    /// Whether the file is the newest amend's: nodes can hide a newer one.
    public internal(set) var restsOnAmends = false
    /// Whether no message of that hash is known.
    public internal(set) var isUnknownMessage = false

    /// What the hashed content says that rebuilds the file; nil where the chain broke before, or it is no message's.
    public internal(set) var rebuild: Result<RebuildSource, MessageError>?

    /// Whether nothing in the chain is left open.
    public var isProven: Bool { file != nil && !links.contains { $0.mark == .open || $0.mark == .no } }

    init(isContentHash: Bool) { self.isContentHash = isContentHash }

    /// The claim that a file has a name of its own, without a message.
    public static func contentHash(_ text: String) -> ContentClaim {
        var claim = ContentClaim(isContentHash: true)
        do {
            let name = try ContentName(text)
            // In its one spelling, whatever multibase it was given in.
            claim.file = ItemHash(name.description) ?? ItemHash(name: name)
            claim.add("content hash", .note, "\(name), taken as it was given: no message was asked for")
        } catch {
            claim.add("content hash", .open, "'\(text.prefix(100))' is \(error)")
        }
        return claim
    }

    mutating func add(_ name: String, _ mark: VerificationLink.Mark, _ text: String) {
        links.append(VerificationLink(name, mark, text))
    }
}

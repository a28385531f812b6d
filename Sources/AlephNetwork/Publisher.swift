import ContentHash

/// Who must have published a message.
public struct PublisherPins: Sendable {
    /// Addresses of which one must have signed.
    public var senders: [String]
    /// Addresses of which one must be the content's owner.
    public var owners: [String]

    /// Addresses, of which one must be it; none are no demand.
    public init(senders: [String] = [], owners: [String] = []) { (self.senders, self.owners) = (senders, owners) }

    var isEmpty: Bool { senders.isEmpty && owners.isEmpty }

    func namesSender(_ message: AlephMessage) -> Bool {
        senders.contains { Chain.sameAddress($0, message.sender) }
    }

    func namesOwner(_ owner: String, chain: String) -> Bool {
        owners.contains { Chain.sameAddress($0, owner) }
    }
}

/// Whether an owner lets others publish in their name: the `security` aggregate, from the owner's own signed messages.
struct SecurityAggregate {
    let nodes: NodeSet

    /// Whether the owner's newest settings, as all nodes show them, authorise a message's sender.
    /// - Throws: `MessageError`, also when nodes disagree.
    func authorises(_ message: AlephMessage, owner: String) async throws -> Bool {
        let lists = try await nodes.lists(
            "msgType=AGGREGATE&addresses=\(QueryText.escaped(owner))&contentKeys=security&pagination=200&sort_order=-1")
        var answers: Set<Bool> = []
        for list in lists { answers.insert(try await Self.authorises(message, owner: owner, by: list, nodes)) }
        guard answers.count < 2 else {
            throw MessageError.disagreement("nodes show different security settings of \(owner)")
        }
        return answers.first ?? false
    }

    private static func authorises(
        _ message: AlephMessage, owner: String, by list: [AlephMessage], _ nodes: NodeSet
    ) async throws -> Bool {
        var newest: (time: Double, authorizations: StrictJSON)?
        let keys = KnownKeys(list + [message])
        for candidate in list where candidate.type == "AGGREGATE" {
            guard Chain.sameAddress(candidate.sender, owner) else { continue }
            let status = MessageSignature.check(candidate)
            switch status {
            case .valid: break
            case .undecidable where keys.contains(owner): continue
            // A grant, or a withdrawal of one.
            case .notChecked, .undecidable:
                throw MessageError.unavailable(
                    "settings in the owner's name are signed in a way that can't be checked here: \(status.explanation)"
                )
            case .unproven, .missing: continue
            }
            // The owner's own: what it says counts, so it must be read. It may take an authorisation back.
            let content = try await nodes.content(of: candidate)
            guard let address = content["address"]?.text, Chain.sameAddress(address, owner),
                content["key"]?.text == "security"
            else { continue }
            guard let time = content["time"]?.number else {
                throw MessageError.malformed("the owner's settings have no time")
            }
            // A later message replaces the keys that it has and leaves the others.
            guard let authorizations = content["content"]?["authorizations"] else { continue }
            if newest.map({ $0.time < time }) ?? true { newest = (time, authorizations) }
        }
        let covers = (newest?.authorizations.elements ?? []).map { Self.covers($0, message) }
        if covers.contains(.yes) { return true }
        guard !covers.contains(.unsigned) else {
            throw MessageError.unavailable(
                "the authorisation is limited to channels, and nobody signs which channel a message is in")
        }
        return false
    }

    private enum Cover { case yes, no, unsigned }

    /// An authorisation names an address and may be limited to a chain, types and channels.
    private static func covers(_ authorization: StrictJSON, _ message: AlephMessage) -> Cover {
        guard let address = authorization["address"]?.text,
            Chain.sameAddress(address, message.sender)
        else { return .no }
        if let chain = authorization["chain"]?.nonNull, chain.text != message.chain { return .no }
        func allows(_ key: String, _ isAllowed: (String) -> Bool) -> Bool {
            guard let limit = authorization[key]?.nonNull else { return true }
            guard let allowed = limit.elements else { return false }
            return allowed.isEmpty || allowed.compactMap(\.text).contains(where: isAllowed)
        }
        guard allows("types", { $0 == message.type }) else { return .no }
        return allows("channels", { _ in false }) ? .yes : .unsigned
    }
}

/// Text in a URL's query (RFC 3986 2.1).
enum QueryText {
    static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || [0x2d, 0x2e, 0x5f, 0x7e].contains(byte)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + Hex.encode([byte]).uppercased()
        }.joined()
    }
}

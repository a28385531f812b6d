/// What a node has of a message, by its own word; nobody signs that.
public enum MessageState: Equatable, Sendable {
    /// The node has never heard of it.
    case unknown
    /// It waits: for the file, say, or for what it refers to.
    case pending
    case processed
    /// Refused, with the node's reason.
    case rejected(String)
    /// Its owner had it forgotten, and its file deleted.
    case forgotten
    /// It was processed, and its file goes or is gone, because nobody pays for it: `removing`, `removed`.
    case removed(String)
    /// A word that no node said when this was written: nothing is decided.
    case other(String)

    /// Whether it is decided that it isn't published.
    public var isRefused: Bool {
        switch self {
        case .rejected, .forgotten, .removed: true
        case .unknown, .pending, .processed, .other: false
        }
    }

    /// Whether the network has the message, and may yet process it.
    public var isTaken: Bool {
        switch self {
        case .pending, .processed, .other: true
        case .unknown, .rejected, .forgotten, .removed: false
        }
    }

    /// Of an answer to `GET /api/v0/messages/HASH`.
    /// - Parameter hash: The message's that was asked for.
    /// - Throws: `MessageError.malformed`, also when it is another message.
    package init(_ bytes: [UInt8], of hash: ItemHash) throws {
        let json: StrictJSON
        do { json = try StrictJSON(bytes) } catch {
            throw MessageError.malformed("it is refused by the strict reader: \(error)")
        }
        guard let status = json["status"]?.text else { throw MessageError.malformed("it has no status") }
        for named in [json["item_hash"], json["message"]?["item_hash"]].compactMap({ $0?.nonNull }) {
            guard named.text == hash.description else {
                throw MessageError.malformed("it is about another message, \(named.summary)")
            }
        }
        switch status {
        case "pending": self = .pending
        case "processed": self = .processed
        case "rejected": self = .rejected(Self.reason(json))
        case "forgotten": self = .forgotten
        case "removing", "removed": self = .removed(status)
        default: self = .other(VerificationLink.printable(String(status.prefix(40))))
        }
    }

    /// Error codes of pyaleph that a STORE message can meet (aleph/types/message_status.py).
    private static let reasons = [
        -1: "an error inside of the node", 0: "its form is wrong", 1: "its signature is wrong",
        2: "the sender may not publish in the owner's name", 3: "its content can't be had",
        4: "its file can't be had", 5: "the owner doesn't hold enough tokens", 6: "the owner hasn't enough credit",
        200: "there is no message that its ref names", 201: "its ref names a message that amends another itself",
        202: "payment by holding tokens is refused since 2027: let it be paid by credit",
    ]

    private static func reason(_ json: StrictJSON) -> String {
        var parts: [String] = []
        if let code = json["error_code"]?.number.flatMap({ Int(exactly: $0) }) {
            parts.append("\(reasons[code] ?? "for a reason that isn't known here") (error code \(code))")
        }
        if let details = json["details"]?.nonNull { parts.append(details.text(limit: 300)) }
        return VerificationLink.printable(parts.isEmpty ? "it gives no reason" : parts.joined(separator: ": "))
    }

    /// For people: what the network has now.
    public var sentence: String {
        switch self {
        case .unknown: "the network knows nothing of it"
        case .pending: "it is pending: the network has the message and hasn't processed it yet"
        case .processed: "it is processed"
        case .rejected(let reason): "it is rejected: \(reason)"
        case .forgotten: "it is forgotten: its owner had it deleted"
        case .removed(let word): "it is \(word): nobody pays for its file any more"
        case .other(let word): "the network calls it '\(word)'"
        }
    }

    /// The state in one word, as JSON has it.
    public var word: String {
        switch self {
        case .unknown: "unknown"
        case .pending: "pending"
        case .processed: "processed"
        case .rejected: "rejected"
        case .forgotten: "forgotten"
        case .removed(let word), .other(let word): word
        }
    }
}

extension StrictJSON {
    /// A value as text for people, cut.
    func text(limit: Int) -> String {
        let whole: String =
            switch self {
            case .null: "null"
            case .bool(let flag): "\(flag)"
            case .number(let text, _): text
            case .string(let text): text
            case .array(let elements): elements.prefix(20).map { $0.text(limit: limit) }.joined(separator: ", ")
            case .object(let members):
                members.prefix(20).map { "\($0.key.prefix(40)): \($0.value.text(limit: limit))" }.joined(
                    separator: ", ")
            }
        return whole.count > limit ? "\(whole.prefix(limit))…" : whole
    }
}

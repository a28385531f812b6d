/// Any message by itself: what it says, and what of it holds.
public struct MessageExamination: Sendable {
    /// What was examined.
    public let message: AlephMessage
    /// The node's word for it (`processed`); nil for a saved message without one.
    public let status: String?
    /// What its signature is worth.
    public let signature: SignatureStatus
    /// Each check as it was found.
    public let links: [VerificationLink]
    /// The owner that the hashed content names.
    public let owner: String?
    /// The file that a STORE message publishes.
    public let file: ItemHash?

    /// Whether all that its kind allows was checked and holds.
    public var isVerified: Bool { links.allSatisfy { $0.mark == .ok || $0.mark == .note } }

    /// Examines a message that was saved.
    /// - Throws: `MessageError` when it is no message.
    public static func of(saved bytes: [UInt8], nodes: NodeSet) async throws -> MessageExamination {
        try await MessageExamination(try NodeAnswer(bytes, wanted: nil), nodes: nodes)
    }

    /// Examines a message that the nodes have.
    /// - Throws: `MessageError`.
    public static func of(_ text: String, nodes: NodeSet) async throws -> MessageExamination {
        guard let hash = ItemHash(text) else {
            throw MessageError.malformed(
                "'\(text.prefix(100))' is no item hash: 64 hexadecimal digits, Qm... or bafy...")
        }
        return try await MessageExamination(try await nodes.message(hash), nodes: nodes)
    }

    private init(_ answer: NodeAnswer, nodes: NodeSet) async throws {
        guard let message = answer.message else {
            throw MessageError.unavailable(
                answer.status.map { "there is no whole message, and its status is '\($0.prefix(40))'" }
                    ?? "there is no message in it")
        }
        (self.message, status) = (message, answer.status)
        signature = MessageSignature.check(message)
        var links: [VerificationLink] = []
        if let status = answer.status {
            let mark: VerificationLink.Mark = answer.counts ? .note : .open
            links.append(VerificationLink("status", mark, "'\(status.prefix(40))', says the node; nobody signs that"))
        }
        var content: StrictJSON?
        do {
            content = try await nodes.content(of: message)
            links.append(VerificationLink("hashed content", .ok, "hashes to the item hash"))
        } catch let error as MessageError {
            if case .wrongContent = error {
                links.append(VerificationLink("hashed content", .no, "\(error)"))
            } else {
                links.append(VerificationLink("hashed content", .open, "\(error)"))
            }
        }
        links.append(
            VerificationLink(
                "signature", signature == .valid ? .ok : .open,
                signature == .valid ? "\(message.sender) signed it" : signature.explanation))
        owner = content?["address"]?.text
        if message.type == "STORE", let content {
            do {
                file = try StoreContent(content).file
            } catch {
                file = nil
                links.append(VerificationLink("content hash", .open, "\(error)"))
            }
        } else {
            file = nil
        }
        self.links = links
    }
}

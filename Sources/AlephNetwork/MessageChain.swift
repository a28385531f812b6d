import Host

/// Follows an item hash to the content hash of the file that it publishes, and trusts nobody on the way.
///
///     item hash -> message -> hashed content -> signature -> publisher -> content hash
public struct MessageChain: Sendable {
    /// What must hold besides the hashes.
    public struct Demands: Sendable {
        /// Who may have signed, and who may own.
        public var pins = PublisherPins()
        /// Without the sender's valid signature nothing is proven.
        public var signature = true
        /// Somebody must be pinned.
        public var publisher = false
        /// The newest amend is what counts.
        public var latest = false
        /// The hash is a PROGRAM message's, whose runtime counts, or an INSTANCE's, whose root filesystem's parent does.
        public var program = false

        /// What is demanded where nobody says otherwise.
        public init() {}
    }

    let nodes: NodeSet
    let demands: Demands
    /// A message saved earlier, as a node answered; nil to ask the nodes.
    private let saved: [UInt8]?

    /// - Parameter saved: A message as a node answered it earlier, in place of the nodes' answer.
    public init(nodes: NodeSet, demands: Demands, saved: [UInt8]? = nil) {
        (self.nodes, self.demands, self.saved) = (nodes, demands, saved)
    }

    /// A break of the chain, which its last link tells.
    private struct Broken: Error {}

    /// Follows the chain as far as it holds. Never throws: what went wrong is a link.
    public func follow(_ text: String) async -> ContentClaim {
        // Each answer has its limit; a node that leads to ever more of them has this one.
        let limit = 6 * nodes.timeout
        do {
            return try await withDeadline(seconds: limit) { await followWithoutLimit(text) }
        } catch {
            var claim = ContentClaim(isContentHash: false)
            claim.add("message", .open, "the chain was not followed to its end in \(limit) s")
            return claim
        }
    }

    private func followWithoutLimit(_ text: String) async -> ContentClaim {
        var claim = ContentClaim(isContentHash: false)
        do {
            guard let hash = ItemHash(text) else {
                try broken(
                    &claim, "item hash",
                    "'\(text.prefix(100))' is no item hash: 64 lower-case hexadecimal digits, Qm... or bafy...")
            }
            claim.add("item hash", .note, "\(hash)")
            try await demands.program
                ? program(hash, &claim) : store(hash, &claim, latest: demands.latest, saved: saved)
        } catch is Broken {
            // The link that broke is the claim's last.
        } catch {
            claim.add("message", .open, "\(error)")
        }
        return claim
    }

    func broken(_ claim: inout ContentClaim, _ name: String, _ reason: String) throws -> Never {
        claim.add(name, .open, reason)
        throw Broken()
    }

    /// A message whose content has been hashed here.
    struct Verified {
        let message: AlephMessage
        let content: StrictJSON
        let owner: String
    }

    private func program(_ hash: ItemHash, _ claim: inout ContentClaim) async throws {
        let program = try await message(hash, types: ["PROGRAM", "INSTANCE"], &claim, saved: saved)
        try checkSignature(program.message, &claim)
        let isInstance = program.message.type == "INSTANCE"
        let runtime = try link(&claim, isInstance ? "parent" : "runtime") {
            guard isInstance else { return try ProgramReference(program.content, "runtime") }
            guard let rootfs = program.content["rootfs"]?.nonNull else {
                throw MessageError.malformed("its content names no rootfs")
            }
            return try ProgramReference(rootfs, "parent")
        }
        claim.add(
            isInstance ? "parent" : "runtime", .ok,
            isInstance
                ? "the instance's root filesystem is a copy of \(runtime.ref)"
                    + (runtime.usesLatest ? ", of its newest amend" : "")
                : "the program names \(runtime.ref)" + (runtime.usesLatest ? " and runs its newest amend" : ""))
        try await store(runtime.ref, &claim, latest: runtime.usesLatest || demands.latest, saved: nil)
    }

    private func store(_ hash: ItemHash, _ claim: inout ContentClaim, latest: Bool, saved: [UInt8]?) async throws {
        var published = try await message(hash, types: ["STORE"], &claim, saved: saved)
        if latest { published = try await newestAmend(of: published, hash, &claim) }
        let content = try link(&claim, "content hash") { try StoreContent(published.content) }
        try checkSignature(published.message, &claim)
        try await checkPublisher(published, &claim)
        noteShownContent(published.message, published.content, &claim)
        claim.file = content.file
        do { claim.rebuild = .success(try RebuildSource(content: published.content)) } catch {
            claim.rebuild = .failure(error)
        }
        claim.add("content hash", .ok, "\(content.file) (\(content.itemType)), from the hashed content")
    }

    private func link<Value>(_ claim: inout ContentClaim, _ name: String, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch { try broken(&claim, name, "\(error)") }
    }

    /// A message, its status and its content.
    private func message(
        _ hash: ItemHash, types: [String], _ claim: inout ContentClaim, saved: [UInt8]?
    ) async throws -> Verified {
        let answer: NodeAnswer
        do {
            if let saved {
                answer = try NodeAnswer(saved, wanted: hash)
            } else {
                answer = try await nodes.message(hash)
            }
        } catch {
            claim.isUnknownMessage = true
            try broken(&claim, "message", "\(error)")
        }
        guard answer.counts else {
            try broken(&claim, "message", "the network calls it '\(answer.status?.prefix(40) ?? "")'")
        }
        guard let message = answer.message else {
            claim.isUnknownMessage = true
            try broken(&claim, "message", "there is no message \(hash)")
        }
        let source = saved != nil ? "a file" : nodes.apis.joined(separator: ", ")
        claim.add("message", .ok, "\(message.type) by \(message.sender) (\(message.chain)), from \(source)")
        let content: StrictJSON
        do {
            content = try await nodes.content(of: message)
        } catch {
            try broken(&claim, "hashed content", "\(error)")
        }
        claim.add("hashed content", .ok, "hashes to the item hash")
        guard types.contains(message.type) else {
            let found = "it is a \(message.type.prefix(20)) message"
            let advice =
                switch message.type {
                case "PROGRAM": "; --program verifies the runtime that it names"
                case "INSTANCE": "; --program verifies the parent of its root filesystem"
                case "STORE": ": without --program it is the image's own"
                default: ""
                }
            try broken(&claim, "type", "\(found), not a \(types.joined(separator: " or an "))\(advice)")
        }
        guard let owner = content["address"]?.text else {
            try broken(&claim, "hashed content", "it names no owner (address)")
        }
        return Verified(message: message, content: content, owner: owner)
    }

    private func checkSignature(_ message: AlephMessage, _ claim: inout ContentClaim) throws {
        let status = MessageSignature.check(message)
        claim.signature = .init(status: status.word, chain: message.chain, sender: message.sender)
        let mark: VerificationLink.Mark = status == .valid ? .ok : demands.signature ? .open : .note
        claim.add("signature", mark, status == .valid ? "\(message.sender) signed it" : status.explanation)
    }

    private func checkPublisher(_ published: Verified, _ claim: inout ContentClaim) async throws {
        let (message, owner, pins) = (published.message, published.owner, demands.pins)
        let isSigned = claim.signature?.status == SignatureStatus.valid.word
        claim.isSenderPinned = isSigned && pins.namesSender(message)
        if pins.isEmpty {
            let isOwn = Chain.sameAddress(message.sender, owner)
            let signer = isSigned ? "\(message.sender) signed it" : "\(message.sender) is said to have sent it"
            let who = isOwn ? "" : " The content names \(owner) as owner, and \(signer)."
            claim.add(
                "publisher", demands.publisher ? .open : .note,
                "not checked: the bytes are those that the message names, whoever published it (--sender, --owner).\(who)"
            )
            return
        }
        guard isSigned else { return claim.add("publisher", .open, "without a valid signature nobody is proven") }
        if !pins.senders.isEmpty, !claim.isSenderPinned {
            return claim.add("publisher", .open, "the sender \(message.sender) is none of those given with --sender")
        }
        if !pins.owners.isEmpty, !pins.namesOwner(owner, chain: message.chain) {
            return claim.add("publisher", .open, "the owner \(owner) is none of those given with --owner")
        }
        if claim.isSenderPinned {
            return claim.add("publisher", .ok, "the sender \(message.sender) is one that you named")
        }
        let standing = try await self.standing(of: message, owner: owner)
        claim.add("publisher", standing.isGood ? .ok : .open, standing.text)
    }

    /// Whether a sender may publish in an owner's name.
    private func standing(of message: AlephMessage, owner: String) async throws -> (isGood: Bool, text: String) {
        if Chain.sameAddress(message.sender, owner) {
            return (true, "the owner \(owner) signed it")
        }
        do {
            let authorised = try await SecurityAggregate(nodes: nodes).authorises(message, owner: owner)
            return authorised
                ? (true, "the owner \(owner) authorises the sender \(message.sender) (security aggregate, verified)")
                : (false, "the owner \(owner) does not authorise the sender \(message.sender)")
        } catch {
            return (false, "whether the owner \(owner) authorises the sender can't be told: \(error)")
        }
    }

    /// The server's parsed copy counts for nothing; that it says something else is worth knowing.
    private func noteShownContent(_ message: AlephMessage, _ content: StrictJSON, _ claim: inout ContentClaim) {
        guard case .object(let all)? = message.shownContent, case .object(let members) = content else { return }
        let shown = StrictJSON.byKey(all)
        for member in members {
            guard let value = shown[Array(member.key.utf8)]?.nonNull, member.value != .null,
                !value.isSame(as: member.value)
            else {
                continue
            }
            claim.add(
                "server's copy", .note,
                "its '\(member.key.prefix(40))' is \(value.summary), the hashed content's \(member.value.summary)")
        }
    }
}

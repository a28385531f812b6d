import Host

/// A message that others have amended since: the newest counts.
extension MessageChain {
    /// The newest of a message and those that amend it: a flat set, as the network refuses an amend of an amend.
    func newestAmend(of original: Verified, _ hash: ItemHash, _ claim: inout ContentClaim) async throws
        -> Verified
    {
        // A name of the owner's own: all that have it are of one row, and the newest counts.
        var name: String?
        if let ref = original.content["ref"]?.nonNull {
            if let text = ref.text, ItemHash(text) == nil { name = text }
            if name == nil {
                try broken(
                    &claim, "latest",
                    "it amends \(ref.summary): ask for the newest of that, amends of amends don't count")
            }
        }
        if let name, name.contains(",") {
            // Nodes take a comma for the end of a name, and show nothing.
            try broken(&claim, "latest", "its name '\(name.prefix(100))' has a comma: nodes can't be asked for it")
        }
        let ref = name ?? hash.description
        let query =
            "msgType=STORE&sort_order=-1&pagination=200&refs=\(QueryText.escaped(ref))&owners="
            + QueryText.escaped(original.owner)
        let lists: [[AlephMessage]]
        var newest: [Verified] = []
        do {
            lists = try await nodes.lists(query)
            for list in lists { newest.append(try await self.newest(original, list, ref: ref)) }
        } catch {
            try broken(&claim, "latest", "\(error)")
        }
        guard let first = newest.first, newest.allSatisfy({ $0.message.itemHash == first.message.itemHash }) else {
            try broken(&claim, "latest", "nodes show different newest amends")
        }
        claim.restsOnAmends = true
        let nodeCount = nodes.apis.count == 1 ? "1 node" : "\(nodes.apis.count) nodes"
        let row = name.map { " of the owner's '\($0.prefix(100))'" } ?? ""
        claim.add(
            "latest", .ok,
            first.message.itemHash == hash
                ? "\(name == nil ? "no amend counts: " : "")it is the newest\(row) that \(nodeCount) showed"
                : "\(first.message.itemHash) is the newest\(row) that \(nodeCount) showed")
        return first
    }

    /// - Throws: `MessageError` where an amend by somebody who may amend can't be read: it might be the newest.
    private func newest(_ original: Verified, _ list: [AlephMessage], ref wanted: String) async throws -> Verified {
        var best = (time: try StoreContent(original.content).time, verified: original)
        var standings: [[String]: Bool] = [:]
        let keys = KnownKeys([original.message] + list)
        for message in list where message.type == "STORE" {
            // Who signed comes first: nothing is fetched for strangers.
            let status = MessageSignature.check(message)
            switch status {
            case .unproven, .missing: continue
            case .undecidable where keys.contains(message.sender): continue
            default: break
            }
            if !demands.pins.namesSender(message), !Chain.sameAddress(message.sender, original.owner) {
                let key = [message.sender, message.chain]
                let known = standings[key]
                let authorised =
                    if let known { known } else {
                        try await SecurityAggregate(nodes: nodes).authorises(message, owner: original.owner)
                    }
                standings[key] = authorised
                guard authorised else { continue }
            }
            guard status == .valid else {
                throw MessageError.unavailable(
                    "an amend in the name of \(message.sender) (\(message.chain)), who may amend, is signed in a way that "
                        + "can't be checked here: \(status.explanation)")
            }
            let content = try await nodes.content(of: message)
            guard let ref = content["ref"]?.nonNull, let owner = content["address"]?.text,
                ref.text?.utf8.elementsEqual(wanted.utf8) != false,
                Chain.sameAddress(owner, original.owner)
            else { continue }
            let store = try StoreContent(content)
            if store.time > best.time {
                best = (store.time, Verified(message: message, content: content, owner: store.owner))
            }
        }
        return best.verified
    }
}

import ContentHash

/// A message of the Aleph network as somebody shows it: nothing in it is believed until it is checked.
public struct AlephMessage: Sendable {
    /// The address that is said to have signed it, as its chain spells addresses.
    public let sender: String
    /// The chain whose addresses and signatures it has: `ETH`.
    public let chain: String
    /// `STORE`, `PROGRAM`, `INSTANCE` and so on.
    public let type: String
    /// What it is named by: the hash of its content.
    public let itemHash: ItemHash
    /// `inline`, `storage` or `ipfs`.
    public let itemType: String
    /// The hashed text of an inline message.
    public let itemContent: String?
    let signature: StrictJSON?
    /// What the server says the content is. Only the hashed text counts.
    let shownContent: StrictJSON?

    /// - Parameter isWhole: Whether its content must be there; a forgotten message has lost it.
    /// - Throws: `MessageError.malformed`.
    init(_ json: StrictJSON, isWhole: Bool = true) throws(MessageError) {
        func text(_ key: String) throws(MessageError) -> String {
            guard let text = json[key]?.text else { throw .malformed("its '\(key)' is no text") }
            return text
        }
        let hash = try text("item_hash")
        guard let itemHash = ItemHash(hash) else {
            throw .malformed("its item_hash '\(hash.prefix(80))' is not in the one spelling of an item hash")
        }
        (sender, chain, type) = (try text("sender"), try text("chain"), try text("type"))
        // The signed text is lines: a line break in a field would move what it says from one to the next.
        for field in [sender, chain, type] where field.utf8.contains(10) {
            throw .malformed("a field holds a line break")
        }
        self.itemHash = itemHash
        itemContent = try json["item_content"]?.nonNull.map { value throws(MessageError) in
            guard let text = value.text else { throw .malformed("its 'item_content' is no text") }
            return text
        }
        if let value = json["item_type"]?.nonNull {
            guard let name = value.text else { throw .malformed("its 'item_type' is no text") }
            itemType = name
        } else {
            // Messages of the first years have no item_type.
            itemType = itemContent != nil || !isWhole ? "inline" : itemHash.isSHA256 ? "storage" : "ipfs"
        }
        guard ["inline", "storage", "ipfs"].contains(itemType), itemHash.fits(itemType: itemType) else {
            throw .malformed("its item_type '\(itemType.prefix(20))' doesn't fit its item hash")
        }
        guard (itemType == "inline") == (itemContent != nil) || (!isWhole && itemContent == nil) else {
            throw .malformed(
                itemType == "inline"
                    ? "it is inline and has no item_content" : "it has an item_content beside item_type \(itemType)")
        }
        signature = json["signature"]?.nonNull
        shownContent = json["content"]?.nonNull
    }

    /// What was signed, hashed and shown, so that two nodes' answers can be compared.
    var identity: [String] { [sender, chain, type, itemHash.description, itemType] }
}

/// Why a message says nothing.
public enum MessageError: Error, Equatable, CustomStringConvertible {
    case malformed(String)
    /// The content is not what the item hash names.
    case wrongContent(expected: String, found: String)
    /// Nobody has it, or not in time.
    case unavailable(String)
    /// Nodes say different things.
    case disagreement(String)

    /// For people.
    public var description: String {
        switch self {
        case .malformed(let reason): reason
        case .wrongContent(let expected, let found): "its content hashes to \(found), not to \(expected)"
        case .unavailable(let reason): reason
        case .disagreement(let reason): reason
        }
    }
}

/// What a node answers when it is asked for a message.
public struct NodeAnswer: Sendable {
    /// `processed`, `pending`, `forgotten`, `rejected`, ...; nil where the answer has none.
    public let status: String?
    /// nil where the node knows the hash and gives no message.
    public let message: AlephMessage?

    /// Whether the network counts the message. Nobody signs this.
    var counts: Bool { status == nil || status == "processed" }

    /// Reads any of the forms that nodes answer in, or a message by itself.
    /// - Parameter wanted: The message that was asked for; nil where the answer says which one it is.
    /// - Throws: `MessageError.malformed`, also when it is another message than asked for.
    init(_ bytes: [UInt8], wanted: ItemHash?) throws {
        let json: StrictJSON
        do {
            json = try StrictJSON(bytes)
        } catch {
            throw MessageError.malformed("it is refused by the strict reader: \(error)")
        }
        status = json["status"]?.text
        let found: StrictJSON?
        if let list = json["messages"]?.elements {
            guard list.count <= 1 else { throw MessageError.malformed("\(list.count) messages instead of one") }
            found = list.first
        } else {
            found = json["message"]?.nonNull ?? (json["sender"] == nil ? nil : json)
        }
        if let status, status != "processed" {
            message = try found.map { try AlephMessage($0, isWhole: false) }
        } else if let found {
            message = try AlephMessage(found)
        } else {
            message = nil
        }
        if let wanted, let message, message.itemHash != wanted {
            throw MessageError.malformed("it is another message, \(message.itemHash)")
        }
    }
}

/// A STORE message's content, from the hashed text.
struct StoreContent {
    let owner: String
    let time: Double
    let file: ItemHash
    let itemType: String
    /// The item hash that this one amends.
    let ref: String?
    /// `credit` or `hold`; nil where it isn't said.
    let payment: String?

    init(_ json: StrictJSON) throws(MessageError) {
        guard let owner = json["address"]?.text, let time = json["time"]?.number else {
            throw .malformed("its content has no address or no time")
        }
        guard let itemType = json["item_type"]?.text, let hash = json["item_hash"]?.text else {
            throw .malformed("its content has no item_type or no item_hash")
        }
        guard let file = ItemHash(hash), itemType != "inline", file.fits(itemType: itemType) else {
            throw .malformed("its content's item_hash '\(hash.prefix(80))' is no \(itemType.prefix(20)) hash")
        }
        if let ref = json["ref"]?.nonNull, ref.text == nil { throw .malformed("its content's ref is no text") }
        (self.owner, self.time, self.file, self.itemType) = (owner, time, file, itemType)
        ref = json["ref"]?.text
        payment = json["payment"]?["type"]?.text
    }
}

extension AlephMessage {
    /// The content, from bytes that hash to the item hash; `fetched` are those of a message that isn't inline.
    /// - Throws: `MessageError`.
    func content(fetched: [UInt8]?) throws(MessageError) -> StrictJSON {
        let bytes = itemContent.map { Array($0.utf8) } ?? fetched
        guard let bytes else { throw .unavailable("its content isn't there") }
        guard Self.bytes(bytes, have: itemHash.name) else {
            throw .wrongContent(expected: itemHash.description, found: Digest.of(bytes).hex)
        }
        do {
            let json = try StrictJSON(bytes)
            guard json.isObject else { throw MessageError.malformed("its content is no JSON object") }
            return json
        } catch let error as StrictJSON.Failure {
            throw .malformed("its content is refused by the strict reader: \(error)")
        } catch let error as MessageError {
            throw error
        } catch {
            throw .malformed("\(error)")
        }
    }

    /// Whether bytes have a name, under any profile.
    static func bytes(_ bytes: [UInt8], have name: ContentName) -> Bool {
        let hasher = ContentHasher(profiles: name.profiles)
        bytes.withUnsafeBytes { hasher.update($0) }
        if case .same = name.answer(for: hasher.finalize()) { return true }
        return false
    }
}

import ContentHash
import Glibc
import Host

/// A STORE message without its signature: what would publish a file, in the serialization of Aleph's own clients (Python's
/// json without spaces, keys in the order of aleph-message's StoreContent, absent ones left out). The same parts give the same
/// bytes, so that the item hash is known before anybody signs.
public struct StoreDraft: Equatable, Sendable {
    /// How the network is paid for keeping a file.
    public enum Payment: String, CaseIterable, Codable, Sendable {
        case credit
        /// By tokens that the owner holds; nodes refuse it from `holdEnd` on.
        case hold

        /// 2027-01-01T00:00:00Z, seconds since 1970.
        static let holdEnd = 1_798_761_600.0
    }

    /// What a message says besides the file.
    public struct Terms: Sendable {
        /// Who signs.
        public var sender: String
        /// In whose name.
        public var owner: String
        /// The sender's chain.
        public var chain: String
        /// Seconds since 1970-01-01 UTC.
        public var time: Double
        /// The item hash that this one amends, or a name of the owner's own.
        public var ref: String?
        /// Who pays, and how.
        public var payment: Payment
        /// One application's; nobody signs it.
        public var channel: String

        /// - Parameters:
        ///   - owner: nil for the sender.
        ///   - time: nil for now, in whole milliseconds.
        /// - Throws: `MessageError.malformed` for what no node takes.
        public init(
            sender: String, owner: String? = nil, chain: String = "ETH", time: Double? = nil, ref: String? = nil,
            payment: Payment = .credit, channel: String = StoreDraft.defaultChannel
        ) throws(MessageError) {
            self.sender = try Chain.address(sender, on: chain)
            self.owner =
                try owner.map { owner throws(MessageError) in
                    // An owner may be of another chain than who signs for them.
                    if Chain.isEthereumAddress(owner) { return try Chain.address(owner, on: "ETH") }
                    return try Chain.address(owner, on: Chain.scheme(of: chain) == .ethereum ? "SOL" : chain)
                } ?? self.sender
            self.chain = chain
            self.time = time ?? StoreDraft.now
            (self.ref, self.payment, self.channel) = (ref, payment, channel)
            try check()
        }

        private func check() throws(MessageError) {
            guard time.isFinite, time >= 0, time < 1e12 else { throw .malformed("\(time) is no time") }
            guard payment != .hold || time < Payment.holdEnd else {
                throw .malformed("nodes refuse payment by holding tokens from 2027 on: let it be paid by credit")
            }
            guard !channel.isEmpty, channel.utf8.count <= 128, channel.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
            else { throw .malformed("a channel has 1 to 128 printable characters of ASCII") }
            if let ref { try Self.check(ref: ref) }
        }

        /// A name that looks like an item hash, and is none, would amend nothing.
        private static func check(ref: String) throws(MessageError) {
            if ItemHash(ref) != nil { return }
            let isHexadecimal = ref.utf8.count >= 32 && Hex.decode(ref.lowercased()) != nil
            let isCID = (ref.utf8.count == 46 && Base58.decode(ref) != nil) || (try? CID(ref)) != nil
            guard !isHexadecimal, !isCID else {
                throw .malformed("the ref '\(ref.prefix(100))' looks like an item hash and is none in its one spelling")
            }
            // Nodes take a comma for the end of a name, and would never find it again.
            guard (1...128).contains(ref.utf8.count), !ref.contains(","), ref.pathBytes.elementsEqual(ref.utf8),
                !ref.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f })
            else {
                throw .malformed(
                    "a ref is an item hash, or a name of 1 to 128 bytes of UTF-8 without commas and control characters")
            }
        }
    }

    /// The channel of Aleph's own clients.
    public static let defaultChannel = "ALEPH-CLOUDSOLUTIONS"
    /// What a message names itself.
    static let type = "STORE"

    /// Who signs, as its chain spells addresses.
    public let sender: String
    /// In whose name.
    public let owner: String
    /// The sender's chain.
    public let chain: String
    /// Seconds since 1970-01-01 UTC.
    public let time: Double
    /// Nobody signs it.
    public let channel: String
    /// How it is paid for; nil in a message of somebody else's making that doesn't say.
    public let payment: String?
    /// What it amends: an item hash, or a name of the owner's own.
    public let ref: String?
    /// What its metadata says that rebuilds the file.
    public let rebuild: RebuildSource?
    /// What it publishes.
    public let file: ItemHash
    /// The text that is hashed, and sent as `item_content`.
    public let content: String
    /// The item hash that the message has: SHA-256 of `content`.
    public let itemHash: ItemHash

    /// - Parameter rebuild: What rebuilds the file, said in the message's metadata.
    /// - Throws: `MessageError.malformed`.
    public init(file: ItemHash, terms: Terms, rebuild: RebuildSource? = nil) throws(MessageError) {
        var fields = [
            ("address", PythonJSON.text(terms.owner)), ("time", "\(terms.time)"),
            ("item_type", "\"\(StorageEngine(of: file).rawValue)\""), ("item_hash", "\"\(file)\""),
        ]
        if let ref = terms.ref { fields.append(("ref", PythonJSON.text(ref))) }
        if let rebuild { fields.append(("metadata", "{\"rtverify\":\(rebuild.json)}")) }
        let payment = PythonJSON.object([
            ("chain", PythonJSON.text(terms.chain)), ("type", "\"\(terms.payment.rawValue)\""),
        ])
        content = PythonJSON.object(fields + [("payment", payment)])
        guard let hash = ItemHash(Digest.of(Array(content.utf8)).hex) else { throw .malformed("it has no item hash") }
        itemHash = hash
        (sender, owner, chain) = (terms.sender, terms.owner, terms.chain)
        (time, channel, self.payment) = (terms.time, terms.channel, terms.payment.rawValue)
        (self.file, ref, self.rebuild) = (file, terms.ref, rebuild)
    }

    /// A message as `json` wrote it, or as another program did.
    /// - Throws: `MessageError`, also where its hash is another than its content's.
    public init(_ bytes: [UInt8]) throws(MessageError) {
        let json: StrictJSON
        do { json = try StrictJSON(bytes) } catch {
            throw .malformed("it is refused by the strict reader: \(error)")
        }
        let message = try AlephMessage(json)
        guard message.type == Self.type, message.itemType == "inline", let text = message.itemContent else {
            throw .malformed("it is no STORE message with its content inside")
        }
        let parsed = try message.content(fetched: nil)
        let store = try StoreContent(parsed)
        guard let channel = json["channel"]?.text else { throw .malformed("its channel is no text") }
        self.channel = channel
        (sender, chain, content, itemHash) = (message.sender, message.chain, text, message.itemHash)
        (owner, time, file) = (store.owner, store.time, store.file)
        (payment, ref) = (store.payment, store.ref)
        rebuild = parsed["metadata"]?["rtverify"]?.nonNull == nil ? nil : try RebuildSource(content: parsed)
    }

    /// Where nodes keep the file.
    public var engine: StorageEngine { StorageEngine(of: file) }

    /// What a wallet signs (as EIP-191's personal_sign takes it, without its prefix; Solana's as it is).
    public var signedText: String { "\(chain)\n\(sender)\n\(Self.type)\n\(itemHash)" }

    /// Now, in whole milliseconds.
    static var now: Double {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return (Double(now.tv_sec) * 1000 + Double(now.tv_nsec / 1_000_000)) / 1000
    }

    /// Why nodes wouldn't take it now; nil where they would. A message keeps for a year, and may be a day ahead.
    public var staleness: String? {
        let now = Self.now
        if time < now - 365 * 86_400 { return "its time is more than a year ago" }
        if time > now + 86_400 { return "its time is more than a day ahead" }
        if payment ?? "hold" == Payment.hold.rawValue, max(time, now) >= Payment.holdEnd {
            return "it is to be paid by holding tokens, which nodes refuse from 2027 on"
        }
        return nil
    }

    /// The message without a signature, a line of JSON.
    public var json: String { json(signature: nil) + "\n" }

    /// The message with its signature, as nodes take it.
    public func signed(_ signature: StoreSignature) -> String { json(signature: signature.text) }

    private func json(signature: String?) -> String {
        var fields = [("sender", PythonJSON.text(sender)), ("chain", PythonJSON.text(chain))]
        if let signature { fields.append(("signature", PythonJSON.text(signature))) }
        return PythonJSON.object(
            fields + [
                ("type", "\"\(Self.type)\""), ("item_hash", "\"\(itemHash)\""), ("item_type", "\"inline\""),
                ("item_content", PythonJSON.text(content)), ("time", "\(time)"), ("channel", PythonJSON.text(channel)),
            ])
    }

    /// The message by which a node says what a file of so many bytes costs before it has it: with its size in MiB, and a
    /// signature of zeros.
    package func estimate(size: Int) -> String {
        let sized = content.dropLast() + ",\"estimated_size_mib\":\((size + 1 << 20 - 1) >> 20)}"
        return PythonJSON.object([
            ("sender", PythonJSON.text(sender)), ("chain", PythonJSON.text(chain)),
            ("signature", "\"0x\(String(repeating: "0", count: 130))\""), ("type", "\"\(Self.type)\""),
            ("item_hash", "\"\(Digest.of(Array(sized.utf8)).hex)\""), ("item_type", "\"inline\""),
            ("item_content", PythonJSON.text(String(sized))), ("content", String(sized)), ("time", "\(time)"),
            ("channel", PythonJSON.text(channel)),
        ])
    }
}

/// JSON as Python's json module writes it without spaces: what Aleph's clients hash.
package enum PythonJSON {
    /// A string; what isn't ASCII is escaped as UTF-16.
    package static func text(_ text: String) -> String {
        var escaped = "\""
        for unit in text.utf16 {
            switch unit {
            case 0x22: escaped += "\\\""
            case 0x5c: escaped += "\\\\"
            case 0x0a: escaped += "\\n"
            case 0x0d: escaped += "\\r"
            case 0x09: escaped += "\\t"
            case 0x08: escaped += "\\b"
            case 0x0c: escaped += "\\f"
            case 0x20...0x7e: escaped.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            default:
                let digits = String(unit, radix: 16)
                escaped += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            }
        }
        return escaped + "\""
    }

    /// An object, of values that are JSON already.
    static func object(_ fields: [(String, String)]) -> String {
        "{" + fields.map { "\(text($0.0)):\($0.1)" }.joined(separator: ",") + "}"
    }
}

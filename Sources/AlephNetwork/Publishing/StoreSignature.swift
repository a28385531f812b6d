import ContentHash
import Host

/// A signature that somebody made elsewhere, in the form that messages carry.
public struct StoreSignature: Sendable {
    /// As it stands in the message: `0x` and hexadecimal digits, or a JSON object in a string (SOL).
    public let text: String
    /// What it is worth over the draft that it was read for.
    public let status: SignatureStatus

    /// Why a text is no signature.
    public struct Refused: Error, CustomStringConvertible {
        /// For people; the text isn't in it.
        public let description: String
    }

    /// - Parameters:
    ///   - text: What a wallet gave: hexadecimal digits with or without `0x`; for SOL base58, or the object with `signature`
    ///     and `publicKey`.
    /// - Throws: `Refused`, without showing what may be a secret.
    public init(_ text: String, over draft: StoreDraft) throws {
        let given = text.trimmingASCIISpace
        guard !given.isEmpty, given.utf8.count <= 65_536 else {
            throw Refused(description: given.isEmpty ? "there is no signature" : "no signature is that long")
        }
        if KeyTraces.isSecret(given, beside: draft.chain) { throw Self.secret }
        self.text =
            switch Chain.scheme(of: draft.chain) {
            case .ethereum: try Self.ethereum(given)
            case .solana: try Self.solana(given, sender: draft.sender)
            case .unknown: given
            }
        status = try Self.status(of: self.text, over: draft)
    }

    private static func ethereum(_ given: String) throws -> String {
        let digits = given.hasPrefix("0x") || given.hasPrefix("0X") ? String(given.dropFirst(2)) : given
        guard let bytes = Hex.decode(digits.lowercased()), !bytes.isEmpty else {
            throw Refused(description: "the signature is not hexadecimal")
        }
        return "0x" + Hex.encode(bytes)
    }

    private static func solana(_ given: String, sender: String) throws -> String {
        var (signature, key) = (given, sender)
        if given.hasPrefix("{") {
            // Nothing else that may be in it is sent.
            guard let object = try? StrictJSON(Array(given.utf8)), let own = object["signature"]?.text,
                let publicKey = object["publicKey"]?.text
            else { throw Refused(description: "the signature is no JSON object with signature and publicKey") }
            (signature, key) = (own, publicKey)
        }
        guard Base58.decode(signature) != nil else { throw Refused(description: "the signature is not base58") }
        return PythonJSON.object([("publicKey", PythonJSON.text(key)), ("signature", PythonJSON.text(signature))])
    }

    private static var secret: Refused {
        Refused(
            description:
                "that is no signature: it looks like a private key. If it is one, it is in this shell's history now: move what it "
                + "guards to another key. rtverify never takes a private key; it takes what a wallet signed")
    }

    private static func status(of text: String, over draft: StoreDraft) throws -> SignatureStatus {
        do {
            let message = PythonJSON.object([
                ("sender", PythonJSON.text(draft.sender)), ("chain", PythonJSON.text(draft.chain)),
                ("type", PythonJSON.text(StoreDraft.type)), ("item_hash", "\"\(draft.itemHash)\""),
                ("item_type", "\"inline\""), ("item_content", PythonJSON.text(draft.content)),
                ("signature", PythonJSON.text(text)),
            ])
            return MessageSignature.check(try AlephMessage(try StrictJSON(Array(message.utf8))))
        } catch { throw Refused(description: "the signature can't be read: \(error)") }
    }
}

extension String {
    /// Without blanks and line breaks at either end.
    fileprivate var trimmingASCIISpace: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0.isNewline }
        var text = self[...]
        while let first = text.first, isSpace(first) { text.removeFirst() }
        while let last = text.last, isSpace(last) { text.removeLast() }
        return String(text)
    }
}

import AlephNetwork
import Host

/// What `rtverify message` prints.
enum MessageReport {
    private struct MessageAnswer: Encodable {
        var itemHash: String
        var type: String
        var chain: String
        var sender: String
        var owner: String?
        var contentHash: String?
        var status: String?
        var signature: String
        var verified: Bool
        var links: [VerificationLink]
    }

    static func print(_ examination: MessageExamination, json: Bool) {
        let message = examination.message
        if json {
            return printLine(
                JSONText.of(
                    MessageAnswer(
                        itemHash: message.itemHash.description, type: message.type, chain: message.chain,
                        sender: message.sender, owner: examination.owner, contentHash: examination.file?.description,
                        status: examination.status, signature: examination.signature.word,
                        verified: examination.isVerified, links: examination.links)))
        }
        printLine(message.itemHash)
        for (name, text) in [
            ("type", message.type), ("chain", message.chain), ("sender", message.sender),
            ("owner", examination.owner ?? ""),
        ] where !text.isEmpty {
            printLine("  \(name)\(String(repeating: " ", count: 9 - name.count))\(VerificationLink.printable(text))")
        }
        if let file = examination.file { printLine("  content  \(file)") }
        for link in examination.links {
            printLine("\(mark(link)) \(link.name): \(link.text)")
        }
    }

    /// What became of a link, in one sign.
    static func mark(_ link: VerificationLink) -> String {
        switch link.mark {
        case .ok: "✓"
        case .no: "✗"
        case .open: "?"
        case .note: "·"
        }
    }
}

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
            let mark =
                switch link.mark {
                case .ok: "✓"
                case .no: "✗"
                case .open: "?"
                case .note: "·"
                }
            printLine("\(mark) \(link.name): \(link.text)")
        }
    }

    private struct Prepared: Encodable {
        var itemContent: String
        var itemHash: String
        var contentHash: String
        var commands: [String]
    }

    static func print(_ prepared: StorePreparation, image: String, ref: String?, json: Bool) {
        let amend = ref.map { " --ref \($0)" } ?? ""
        let commands =
            prepared.file.isSHA256
            ? ["aleph file upload \(image) --storage-engine storage\(amend)"]
            : ["ipfs add --cid-version=0 \(image)", "aleph file pin \(prepared.file)\(amend)"]
        if json {
            return printLine(
                JSONText.of(
                    Prepared(
                        itemContent: prepared.content, itemHash: prepared.itemHash,
                        contentHash: prepared.file.description, commands: commands)))
        }
        printLine("item_content  \(prepared.content)\nitem_hash     \(prepared.itemHash)")
        printLine(
            "\nThe item hash holds for exactly this content, its time too. Aleph's client stamps its own time, so")
        printLine("send this text as it is, or take the item hash that the client prints and verify that:")
        for command in commands { printLine("  \(command)") }
    }
}

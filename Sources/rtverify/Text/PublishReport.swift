import AlephNetwork
import Host

/// What the publish commands print.
enum PublishReport {
    /// What a node says of something that it doesn't have yet.
    struct Estimate {
        var node: String
        /// Of the bundle, where there is one, and of the image.
        var prices: [StoragePrice] = []
        /// Files that it doesn't take, and how many bytes it takes.
        var tooLarge: [(path: String, largest: Int)] = []
        /// Why there is no price.
        var failure: String?

        init(node: String) { self.node = node }

        var isTooLarge: Bool { !tooLarge.isEmpty }
    }

    /// A message that was prepared.
    struct Preparation {
        var prepared: PublicationFolder.Prepared
        var bundle: PublicationFolder.Prepared?
        var folder: String
        var golden: String?
        var faults: [String]
        var estimate: Estimate?
    }

    private struct PreparedAnswer: Encodable {
        var folder: String
        var itemHash: String
        var contentHash: String
        var engine: String
        var size: Int
        var sha256: String
        var itemContent: String
        var toSign: String
        var signed: Bool
        @OrNull var golden: String?
        @OrNull var inputs: Inputs?
        @OrNull var cost: String?
        @OrNull var payment: String?
        var faults: [String]

        struct Inputs: Encodable {
            var itemHash: String
            var contentHash: String
            var toSign: String
        }
    }

    static func print(_ found: Preparation, json: Bool) {
        let (draft, identity) = (found.prepared.draft, found.prepared.identity)
        if json {
            let price = found.estimate?.prices.last
            return printLine(
                JSONText.of(
                    PreparedAnswer(
                        folder: found.folder, itemHash: draft.itemHash.description, contentHash: draft.file.description,
                        engine: engine(draft), size: identity.size, sha256: identity.sha256.hex,
                        itemContent: draft.content, toSign: draft.signedText,
                        signed: found.prepared.signature != nil, golden: found.golden,
                        inputs: found.bundle.map {
                            .init(
                                itemHash: $0.draft.itemHash.description, contentHash: $0.draft.file.description,
                                toSign: $0.draft.signedText)
                        }, cost: price?.cost, payment: price?.payment, faults: found.faults)))
        }
        printLine(found.prepared.path)
        var rows = [
            ("size", "\(identity.size)"), ("sha256", identity.sha256.hex), ("file", "\(draft.file) (\(engine(draft)))"),
            ("item hash", "\(draft.itemHash)"),
        ]
        if let bundle = found.bundle { rows.append(("inputs", "\(bundle.draft.itemHash), of \(bundle.path)")) }
        if let golden = found.golden { rows.append(("golden", "the image of \(golden)")) }
        rows += found.faults.map { ("anyway", $0) }
        if let staleness = draft.staleness { rows.append(("time", "no node takes it now: \(staleness)")) }
        if let estimate = found.estimate { rows += Self.rows(estimate) }
        rows.append(("folder", found.folder))
        for (name, text) in rows {
            printLine("  \(name)\(String(repeating: " ", count: 11 - name.count))\(TerminalText.safe(text))")
        }
        if found.prepared.signature != nil {
            return printLine("\nIt is signed. Next: rtverify publish send \(word(found.folder))")
        }
        signing(found)
    }

    private static func rows(_ estimate: Estimate) -> [(String, String)] {
        let prices = estimate.prices.map { "\($0.cost) (\($0.payment))" }
        let price =
            prices.isEmpty ? [] : [("price", "\(prices.joined(separator: " for the inputs, ")), says \(estimate.node)")]
        return price + (estimate.failure.map { [("price", "not known: \($0)")] } ?? [])
            + estimate.tooLarge.map { path, largest in
                ("too large", "\(path): \(estimate.node) takes \(largest) bytes; another node may take more (--api)")
            }
    }

    /// A word for a shell.
    private static func word(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
                || "/._-+".utf8.contains($0)
        }
        return isPlain ? text : "'\(text.replacing("'", with: "'\\''"))'"
    }

    /// How to sign, for those who have a wallet, the key file of Aleph's own client, or a program that signs.
    private static func signing(_ found: Preparation) {
        let draft = found.prepared.draft
        let folders = (found.bundle == nil ? [] : ["\(found.folder)/\(PublicationFolder.inputsName)"]) + [found.folder]
        let drafts = [found.bundle?.draft, draft].compactMap { $0 }
        printLine("\nTo sign, as \(draft.sender) (\(draft.chain)):")
        printLine("- with a wallet, hardware or in a browser: the text between the lines (\(wallet(draft.chain)))")
        for (draft, folder) in zip(drafts, folders) {
            printLine("---- \(folder)/to-sign.txt, without a line break at its end")
            printLine(draft.signedText)
            printLine("----")
        }
        if let snippet = snippet(draft.chain) {
            printLine(
                "- with the key file of Aleph's own client (ALEPH_PRIVATE_KEY_FILE names another), in its Python environment:"
            )
            for folder in folders {
                printLine("python3 - \(word("\(folder)/to-sign.txt")) <<'END'\n\(snippet)\nEND")
            }
        }
        printLine("- with any command that reads the text and prints the signature: send --sign-with COMMAND")
        let inputs = found.bundle == nil ? "" : " --inputs-signature SIGNATURE-OF-INPUTS"
        printLine("\nNext: rtverify publish send \(word(found.folder)) --signature SIGNATURE\(inputs)")
    }

    private static func wallet(_ chain: String) -> String {
        switch chain {
        case "SOL", "ES": "signMessage"
        case "TEZOS", "DOT", "NULS", "NULS2", "CSDK", "NEO": "as that chain's wallets sign a message"
        default: "personal_sign"
        }
    }

    /// Three lines for Aleph's own Python client; nil for chains that it has no key file for.
    private static func snippet(_ chain: String) -> String? {
        switch chain {
        case "SOL", "ES":
            """
            import asyncio, base58, sys; from aleph.sdk.chains.solana import get_fallback_account
            text = open(sys.argv[1], "rb").read()
            print(base58.b58encode(asyncio.run(get_fallback_account().sign_raw(text))).decode())
            """
        case "TEZOS", "DOT", "NULS", "NULS2", "CSDK", "NEO": nil
        default:
            """
            import asyncio, sys; from aleph.sdk.chains.ethereum import get_fallback_account
            text = open(sys.argv[1], "rb").read()
            print("0x" + asyncio.run(get_fallback_account().sign_raw(text)).hex())
            """
        }
    }

    private static func engine(_ draft: StoreDraft) -> String { draft.file.isSHA256 ? "storage" : "ipfs" }
}

// MARK: - What was sent

extension PublishReport {
    /// What became of a publication.
    struct Outcome {
        var node: String
        var items: [SentItem]
        var isDryRun = false

        init(node: String, items: [SentItem]) { (self.node, self.items) = (node, items) }

        /// Nothing was sent, and nothing was to be.
        func with(_ word: NotSent) -> Outcome {
            var outcome = self
            outcome.isDryRun = true
            return outcome
        }

        enum NotSent { case notSent }

        /// 0 when the network serves all of it, byte for byte.
        var exitStatus: Int32 {
            if isDryRun { return 0 }
            let verdicts = items.map { $0.verdict?.verdict ?? .undecided }
            return verdicts.contains(.mismatch) ? 1 : verdicts.allSatisfy { $0 == .match } ? 0 : 2
        }
    }

    private struct SentAnswer: Encodable {
        var name: String
        var itemHash: String
        var contentHash: String
        var size: Int
        var sha256: String
        var node: String
        @OrNull var sent: Bool?
        @OrNull var verdict: String?
        var links: [VerificationLink]
    }

    private struct SentAnswers: Encodable {
        var itemHash: String
        var dryRun: Bool
        var published: Bool
        var items: [SentAnswer]
    }

    static func print(_ outcome: Outcome, json: Bool) {
        let isPublished = outcome.exitStatus == 0 && !outcome.isDryRun
        guard let image = outcome.items.last else { return }
        if json {
            return printLine(
                JSONText.of(
                    SentAnswers(
                        itemHash: image.item.draft.itemHash.description, dryRun: outcome.isDryRun,
                        published: isPublished,
                        items: outcome.items.map {
                            SentAnswer(
                                name: $0.name, itemHash: $0.item.draft.itemHash.description,
                                contentHash: $0.item.draft.file.description, size: $0.identity.size,
                                sha256: $0.identity.sha256.hex, node: outcome.node, sent: $0.isSent,
                                verdict: $0.verdict?.verdict.rawValue, links: $0.verdict?.links ?? [])
                        })))
        }
        if outcome.isDryRun { return printLine("a dry run: nothing was sent") }
        for item in outcome.items {
            guard let verdict = item.verdict else {
                printLine("\(item.name) \(item.item.draft.itemHash): not sent")
                continue
            }
            let how = item.isSent == true ? "sent to \(outcome.node)" : "the network had it, nothing was sent"
            printLine("\(item.name) \(item.item.draft.itemHash): \(how)")
            for link in verdict.links { printLine("  \(MessageReport.mark(link)) \(link.name): \(link.text)") }
        }
        guard isPublished else {
            printLine(
                "undecided: what the network serves is not proven to be what was prepared; see the links marked ? above"
            )
            return
        }
        printLine("published: the network serves it, byte for byte")
        snippets(image)
    }

    /// What others write to use it.
    private static func snippets(_ image: SentItem) {
        let draft = image.item.draft
        let name = String(image.item.file.path.split(separator: "/").last ?? "")
        printLine("\nIn a program's message:")
        printLine(
            #"  "runtime": {"ref": "\#(draft.itemHash)", "use_latest": false, "comment": "\#(JSONWord.of(name))"}"#)
        printLine("In gate.toml:")
        printLine("  item-hash = \"\(draft.itemHash)\"")
        printLine("  sender = [\"\(draft.sender)\"]")
    }

    /// What stands in a string of JSON as it is.
    private enum JSONWord {
        static func of(_ text: String) -> String {
            String(text.map { $0.isASCII && $0 != "\"" && $0 != "\\" && !$0.isNewline ? $0 : "_" })
        }
    }
}

// MARK: - What the network has

extension PublishReport {
    /// What a node has of a message.
    struct State {
        var name: String
        var itemHash: ItemHash
        var node: String
        var state: Result<MessageState, any Error>

        var exitStatus: Int32 {
            switch state {
            case .success(.processed): 0
            case .success(.rejected), .success(.forgotten), .success(.other): 1
            default: 2
            }
        }
    }

    private struct StateAnswer: Encodable {
        var name: String
        var itemHash: String
        var node: String
        @OrNull var status: String?
        var text: String
    }

    static func print(_ states: [State], json: Bool) {
        func text(_ state: State) -> String {
            switch state.state {
            case .success(let found): found.sentence
            case .failure(let error): "\(error)"
            }
        }
        if json {
            return printLine(
                JSONText.of(
                    states.map {
                        StateAnswer(
                            name: $0.name, itemHash: $0.itemHash.description, node: $0.node,
                            status: (try? $0.state.get())?.word, text: text($0))
                    }))
        }
        for state in states {
            printLine("\(state.name) \(state.itemHash)")
            printLine("  \(state.node): \(VerificationLink.printable(text(state)))")
        }
    }
}

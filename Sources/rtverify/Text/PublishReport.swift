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
                        engine: draft.engine.rawValue, size: identity.size, sha256: identity.sha256.hex,
                        itemContent: draft.content, toSign: draft.signedText,
                        signed: found.prepared.signature != nil, golden: found.golden,
                        inputs: found.bundle.map {
                            .init(
                                itemHash: $0.draft.itemHash.description, contentHash: $0.draft.file.description,
                                toSign: $0.draft.signedText)
                        }, cost: price?.cost, payment: price?.payment, faults: found.faults)))
        }
        printLine(TerminalText.safe(found.prepared.path))
        var rows = [
            ("size", "\(identity.size)"), ("sha256", identity.sha256.hex),
            ("file", "\(draft.file) (\(draft.engine.rawValue))"),
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
        // What begins with a hyphen would be an option.
        let path = text.hasPrefix("-") ? "./\(text)" : text
        return isPlain ? path : TerminalText.safe("'\(path.replacing("'", with: "'\\''"))'")
    }

    /// How to sign, for those who have a wallet, the key file of Aleph's own client, or a program that signs.
    private static func signing(_ found: Preparation) {
        let draft = found.prepared.draft
        let folders = (found.bundle == nil ? [] : ["\(found.folder)/\(PublicationFolder.inputsName)"]) + [found.folder]
        let drafts = [found.bundle?.draft, draft].compactMap { $0 }
        printLine("\nTo sign, as \(draft.sender) (\(draft.chain)):")
        printLine("- with a wallet, hardware or in a browser: the text between the lines (\(wallet(draft.chain)))")
        for (draft, folder) in zip(drafts, folders) {
            printLine("---- \(TerminalText.safe(folder))/to-sign.txt, without a line break at its end")
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
}

import AlephNetwork
import Host

extension PublishReport {
    /// What became of a publication.
    struct Outcome {
        var node: String
        var items: [SentItem]
        var isDryRun: Bool

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
        var before: String
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
                                sha256: $0.identity.sha256.hex, node: outcome.node, before: $0.known.word,
                                sent: $0.isSent,
                                verdict: $0.verdict?.verdict.rawValue, links: $0.verdict?.links ?? [])
                        })))
        }
        if outcome.isDryRun {
            for item in outcome.items { printLine("\(item.name) \(item.item.draft.itemHash): \(item.known.sentence)") }
            return printLine("a dry run: nothing was sent")
        }
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
            case .success(.rejected), .success(.forgotten), .success(.removed): 1
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

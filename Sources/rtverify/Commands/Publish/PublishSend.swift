import AlephNetwork
import ArgumentParser
import ContentHash
import Glibc
import Host
import Mirrors

extension PublishCommand {
    struct Send: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a prepared and signed message with its image, and verify what the network then serves.",
            discussion: """
                It looks first: what the network has isn't sent again, so that sending again is harmless. Exit status 0 only when the \
                network serves the image, byte for byte, under the item hash; 1 refused or rejected, 2 not decided.

                EXAMPLES:
                  rtverify publish send minimal.publish --signature 0x... --yes
                  rtverify publish send minimal.publish --sign-with 'my-wallet sign' --dry-run
                """)

        @Argument(help: "The folder that `publish prepare` wrote.")
        var folder: String
        @Option(help: ArgumentHelp("What the wallet gave (default: the folder's).", valueName: "signature"))
        var signature: String?
        @Option(help: ArgumentHelp("The same for the bundle's message.", valueName: "signature"))
        var inputsSignature: String?
        @Option(
            help: ArgumentHelp(
                "Sign with this: sh -c COMMAND gets the text on its standard input and prints the signature.",
                valueName: "command"))
        var signWith: String?
        @Flag(help: "Send a signature that can't be checked offline.")
        var uncheckedSignature = false
        @Option(help: ArgumentHelp("The image, where it isn't where it was prepared.", valueName: "file"))
        var image: String?
        @Flag(help: "Ask nothing.")
        var yes = false
        @Flag(help: "Everything but sending.")
        var dryRun = false
        @Option(help: ArgumentHelp("Seconds until the network must have processed it.", valueName: "seconds"))
        var wait = 600
        @Option(help: ArgumentHelp("Seconds that the image's download may take in all.", valueName: "seconds"))
        var imageTimeout = 1800
        @OptionGroup var network: NodeOptions
        @OptionGroup var gateways: GatewayOptions
        @OptionGroup var out: OutputOptions

        func validate() throws {
            guard (1...86_400).contains(wait) else { throw ValidationError("--wait is from 1 to 86400 seconds.") }
            guard imageTimeout > 0 else { throw ValidationError("--image-timeout is at least a second.") }
            if signWith != nil, signature != nil { throw ValidationError("Give --signature or --sign-with.") }
        }

        func run() async throws {
            let display = out.display
            try await exiting(display) {
                let items = try await items(display)
                let node = network.publishingNode()
                do {
                    let outcome = try await Interruption.cancelling { try await publish(items, to: node, display) }
                    await node.shutdown()
                    display.finish()
                    PublishReport.print(outcome, json: out.json)
                    if outcome.exitStatus != 0 { throw ExitCode(outcome.exitStatus) }
                } catch {
                    await node.shutdown()
                    if let interrupted = error as? Interrupted {
                        display.finish()
                        await tell(items, interrupted)
                        throw ExitCode(128 + interrupted.signal)
                    }
                    throw error
                }
            }
        }

        /// The bundle's, where there is one, and the image's: signed, and the files what the messages say.
        private func items(_ display: ProgressDisplay) async throws -> [SentItem] {
            let image = try PublicationFolder(path: folder)
            let inputs = try image.inputs()
            if inputs == nil, inputsSignature != nil {
                throw ValidationError("\(folder) has no bundle that --inputs-signature could be for.")
            }
            if let inputs, inputs.draft.itemHash != image.draft.rebuild?.inputs {
                throw PublishError.notPrepared(
                    "\(inputs.path) is not the bundle that the image's message names: prepare it anew")
            }
            var items: [SentItem] = []
            for (name, folder, given) in [("inputs", inputs, inputsSignature), ("image", image, signature)] {
                guard let folder else { continue }
                if let staleness = folder.draft.staleness {
                    throw PublishError.notPrepared("\(folder.path): \(staleness). Prepare it anew")
                }
                let signature = try await signature(of: folder, given, isInputs: name == "inputs", display)
                try signature.require(for: folder.draft, mayBeUnchecked: uncheckedSignature)
                display.report(.phase(name: "hash \(folder.filePath)", total: 0))
                let (file, identity) = try await folder.open(name == "image" ? self.image : nil)
                items.append(
                    SentItem(
                        name: name,
                        item: .init(draft: folder.draft, signature: signature, file: file, size: identity.size),
                        identity: identity))
            }
            display.finish()
            return items
        }

        private func signature(
            of folder: PublicationFolder, _ given: String?, isInputs: Bool, _ display: ProgressDisplay
        ) async throws -> StoreSignature {
            if let given { return try StoreSignature(given, over: folder.draft) }
            if let signWith { return try await SigningCommand(command: signWith).sign(folder.draft, display) }
            if let own = folder.signature { return try StoreSignature(own, over: folder.draft) }
            throw PublishError.undecided(
                "\(folder.path) isn't signed: sign the bytes of \(folder.path)/to-sign.txt as \(folder.draft.sender), and give what the "
                    + "wallet says with --\(isInputs ? "inputs-" : "")signature, or a command that signs (--sign-with)")
        }

        private func publish(
            _ items: [SentItem], to node: PublishingNode, _ display: ProgressDisplay
        ) async throws -> PublishReport.Outcome {
            var items = items
            for index in items.indices {
                let state = try await node.state(of: items[index].item.draft.itemHash)
                switch state {
                case .forgotten, .removed: throw PublishError.notPublished(items[index].item.draft, state)
                default: items[index].known = state
                }
            }
            try await checkNamedInputs(items, node)
            var outcome = PublishReport.Outcome(node: node.name, items: items, isDryRun: dryRun)
            let unsent = items.filter { $0.known != .processed }
            if !unsent.isEmpty {
                let offer = try await offer(unsent, node)
                display.finish()
                for line in offer { printError(line) }
            }
            if dryRun { return outcome }
            if !unsent.isEmpty { try await ask() }
            let publication = Publication(node: node, patience: wait, events: display.report)
            for (index, item) in items.enumerated() {
                outcome.items[index].isSent = try await publication.publish(item.item, known: item.known)
                outcome.items[index].verdict = try await verified(item, display)
                // An image isn't sent that names a bundle which nobody gets.
                guard outcome.items[index].verdict?.verdict == .match else { break }
            }
            return outcome
        }

        /// A bundle that an image's message names, and that isn't sent with it, must be there.
        private func checkNamedInputs(_ items: [SentItem], _ node: PublishingNode) async throws {
            guard let named = items.last?.item.draft.rebuild?.inputs,
                !items.contains(where: { $0.item.draft.itemHash == named })
            else { return }
            let state = try await node.state(of: named)
            guard state == .processed else {
                throw PublishError.notPrepared(
                    "the image's message names the inputs \(named), which \(folder) doesn't have: \(state.sentence)")
            }
        }

        /// What will be stored, for how much: lines for people.
        private func offer(
            _ items: [SentItem], _ node: PublishingNode
        ) async throws -> [String] {
            let limits = try await node.limits() ?? StorageLimits()
            var lines: [String] = []
            for sent in items {
                let item = sent.item
                let engine = item.draft.engine
                guard item.size <= limits.largest(engine) else {
                    throw PublishError.refused(
                        "\(item.file.path) has \(item.size) bytes, and \(node.name) takes \(limits.largest(engine)) by \(engine.rawValue): "
                            + (engine == .storage ? "prepare it with --engine ipfs" : "ask another node (--api)"))
                }
                let price: String
                do {
                    let found = try await node.price(of: item.draft, size: item.size)
                    price = "\(found.cost) (\(found.payment))"
                } catch { price = "not known: \(error)" }
                lines += [
                    "\(sent.name): \(item.file.path), \(readableByteCount(item.size)), to \(node.name) by \(engine.rawValue)",
                    "  item hash  \(item.draft.itemHash)", "  file       \(item.draft.file)",
                    "  signed by  \(item.draft.sender) (\(item.draft.chain))"
                        + (item.draft.owner == item.draft.sender ? "" : ", for \(item.draft.owner)"),
                    "  channel    \(item.draft.channel)", "  price      \(price)",
                ]
                if let ref = item.draft.ref { lines.append("  amends     \(ref)") }
                if let named = item.draft.rebuild { lines.append("  inputs     \(named.inputs)") }
                if sent.known != .unknown { lines.append("  now        \(sent.known.sentence)") }
            }
            return lines
        }

        /// - Throws: `ValidationError` where nobody can be asked, `PublishError.undecided` where the answer is no.
        private func ask() async throws {
            if yes { return }
            guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else {
                throw ValidationError(
                    "Nothing was sent: without a terminal to ask on, say --yes (or look with --dry-run).")
            }
            ProgressDisplay.leaveTerminal()
            _ = "Send it? [y/N] ".utf8CString.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count - 1) }
            // Ctrl-C is heard while somebody thinks.
            var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            while poll(&input, 1, 0) == 0 { try await Task.sleep(for: .milliseconds(100)) }
            try Task.checkCancellation()
            guard ["y", "yes"].contains((readLine() ?? "").lowercased()) else {
                throw PublishError.undecided("nothing was sent")
            }
        }

        /// What the network serves under the item hash, held against the image here.
        private func verified(_ sent: SentItem, _ display: ProgressDisplay) async throws -> ImageVerdict {
            let draft = sent.item.draft
            var demands = MessageChain.Demands()
            demands.pins = PublisherPins(senders: [draft.sender], owners: [draft.owner])
            demands.signature = sent.item.signature.status == .valid
            if !demands.signature { demands.pins = PublisherPins() }
            let nodes = network.nodes(gateways)
            let end = ContinuousClock.now + .seconds(wait)
            while true {
                display.report(.phase(name: "verify \(sent.name) from the network", total: 0))
                let claim = await MessageChain(nodes: nodes, demands: demands).follow(draft.itemHash.description)
                let published = PublishedImage(
                    of: claim, nodes: nodes,
                    settings: .init(
                        timeout: network.timeout, imageTimeout: imageTimeout, car: nil, asksGateways: false,
                        environment: environmentValue))
                let identity = await published.identity(of: nil, events: { _ in }) { printError("rtverify: \($0)") }
                let verdict = ImageVerdict(claim, identity: identity, served: true)
                // Nodes tell one another, and gateways find a file, a while after it was taken.
                let isEarly =
                    verdict.verdict == .undecided && identity == nil && (claim.file != nil || claim.isUnknownMessage)
                guard isEarly, ContinuousClock.now < end else {
                    try Task.checkCancellation()
                    return verdict
                }
                try await Task.sleep(for: .seconds(5))
            }
        }

        /// After Ctrl-C: what the network has now.
        private func tell(_ items: [SentItem], _ interrupted: Interrupted) async {
            let node = network.publishingNode(timeout: min(5, network.timeout))
            printError("rtverify: interrupted")
            for sent in items {
                let hash = sent.item.draft.itemHash
                let state =
                    (try? await node.state(of: hash))?.sentence ?? "what the network has of it can't be told now"
                printError("  \(sent.name) \(hash): \(state)")
            }
            printError("Look with: rtverify publish status \(folder). Sending it again is harmless: it looks first.")
            await node.shutdown()
        }
    }
}

/// What is sent, and what became of it.
struct SentItem {
    /// `image` or `inputs`.
    let name: String
    let item: Publication.Item
    let identity: FileIdentity
    /// What the network had of it before.
    var known = MessageState.unknown
    /// Whether anything was sent now; nil where that wasn't tried.
    var isSent: Bool?
    /// What the network serves of it.
    var verdict: ImageVerdict?

    init(name: String, item: Publication.Item, identity: FileIdentity) {
        (self.name, self.item, self.identity) = (name, item, identity)
    }
}

import AlephNetwork
import ArgumentParser
import ContentHash
import Glibc
import Host
import ImageBuild
import ImageComparison
import InputStore
import Mirrors
import RuntimeSpec

extension StorageEngine: ExpressibleByArgument {}
extension StoreDraft.Payment: ExpressibleByArgument {}

extension PublishCommand {
    struct Prepare: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the message that publishes an image, its item hash, and what to sign.",
            discussion: """
                Nothing is sent. The image must pass `audit`, and be one that a golden file has: the one in golden/ with its bytes, or \
                --golden. With everything fixed, --time too, the same image gives the same bytes and the same item hash.

                EXAMPLES:
                  rtverify publish prepare minimal.squashfs --address 0x101d8D16372dBf5f1614adaE95Ee5CCE61998Fc9
                  rtverify publish prepare minimal.squashfs --address 0x101d8D16372dBf5f1614adaE95Ee5CCE61998Fc9 --inputs minimal.car \
                --time 1790000000 -o release.publish
                """)

        @Argument(help: "The image: a file.")
        var image: String
        @Option(help: "Who signs: an address of the chain.")
        var address: String
        @Option(help: ArgumentHelp("In whose name, where that is somebody else.", valueName: "address"))
        var owner: String?
        @Option(help: ArgumentHelp("The chain of the address: ETH, SOL, BASE, ...", valueName: "name"))
        var chain = "ETH"
        @Option(help: ArgumentHelp("The item hash that it amends, or a name of the owner's own.", valueName: "ref"))
        var ref: String?
        @Option(help: "How the network is paid for keeping it.")
        var payment = StoreDraft.Payment.credit
        @Option(help: "Where nodes keep it (default: storage up to 4 MiB, else ipfs).")
        var engine: StorageEngine?
        @Option(help: ArgumentHelp("The message's time, in seconds since 1970 (default: now).", valueName: "seconds"))
        var time: Double?
        @Option(help: ArgumentHelp("The message's channel; nobody signs it.", valueName: "name"))
        var channel = StoreDraft.defaultChannel
        @Option(help: ArgumentHelp("The golden file of the image (default: the one in golden/).", valueName: "file"))
        var golden: String?
        @Option(
            help: ArgumentHelp(
                "The lock whose [[allow]] entries the audit takes (default: the golden file's in lockfiles/, or the bundle's).",
                valueName: "file"))
        var lock: String?
        @Option(help: ArgumentHelp("Publish this bundle of the lock's inputs too, and name it.", valueName: "car"))
        var inputs: String?
        @Flag(help: "Also an image that fails the audit, or that no golden file has.")
        var anyway = false
        @Option(
            help: ArgumentHelp(
                "Sign with this: sh -c COMMAND gets the text on its standard input and prints the signature.",
                valueName: "command"))
        var signWith: String?
        @Option(
            name: .shortAndLong, help: ArgumentHelp("The folder to write (default: IMAGE.publish).", valueName: "dir"))
        var output: String?
        @Flag(help: "Ask no node for its limits and the price.")
        var offline = false
        @OptionGroup var network: NodeOptions
        @OptionGroup var out: OutputOptions

        func validate() throws {
            if image == "-" || RemoteFile.isURL(image) { throw ValidationError("The image is a file here.") }
            if network.api.count > 1 { throw ValidationError("One node is asked for its price: give one --api.") }
            do { _ = try terms() } catch { throw ValidationError("\(error).") }
        }

        private func terms() throws -> StoreDraft.Terms {
            try StoreDraft.Terms(
                sender: address, owner: owner, chain: chain, time: time, ref: ref, payment: payment, channel: channel)
        }

        func run() async throws {
            let display = out.display
            try await exiting(display) {
                // One moment for all of it.
                let terms = try terms()
                var bundleTerms = terms
                bundleTerms.ref = nil
                let folder = output ?? "\(image).publish"
                let checked = try await Interruption.cancelling { try await checkedImage(display) }
                var bundle: PublicationFolder.Prepared?
                var source: RebuildSource?
                if let inputs = checked.bundle {
                    let file = try name(of: inputs.identity)
                    let draft = try StoreDraft(file: file, terms: bundleTerms)
                    bundle = .init(draft: draft, path: inputs.path, identity: inputs.identity)
                    source = RebuildSource(
                        lockSHA256: inputs.lockSHA256, inputsCID: inputs.root, inputs: draft.itemHash,
                        recipe: inputs.recipe)
                }
                let draft = try StoreDraft(file: try name(of: checked.identity), terms: terms, rebuild: source)
                var prepared = PublicationFolder.Prepared(draft: draft, path: image, identity: checked.identity)
                // A wallet isn't asked for nothing.
                _ = try PublicationFolder.isThere(prepared, inputs: bundle, in: folder)
                if let signWith {
                    let signing = SigningCommand(command: signWith)
                    if let draft = bundle?.draft { bundle?.signature = try await signing.sign(draft, display) }
                    prepared.signature = try await signing.sign(draft, display)
                    for item in [bundle, prepared].compactMap({ $0 }) {
                        try item.signature?.require(for: item.draft, mayBeUnchecked: true)
                    }
                }
                let estimate = await estimate([bundle, prepared].compactMap { $0 }, display)
                try PublicationFolder.write(prepared, inputs: bundle, to: folder)
                display.finish()
                PublishReport.print(
                    .init(
                        prepared: prepared, bundle: bundle, folder: folder, golden: checked.golden,
                        faults: checked.faults, estimate: estimate), json: out.json)
                if estimate?.isTooLarge == true { throw ExitCode(1) }
            }
        }

        private func name(of identity: FileIdentity) throws -> ItemHash {
            let isIPFS = (engine ?? StorageEngine(forSize: identity.size)) == .ipfs
            let text = isIPFS ? identity.cid(.v0_2015)?.description ?? "" : identity.sha256.hex
            guard let name = ItemHash(text) else { throw FileReadError(file: image, reason: "it has no name") }
            return name
        }

        /// What a node says of the price, and whether it takes files of that size; nil where none was asked.
        private func estimate(
            _ items: [PublicationFolder.Prepared], _ display: ProgressDisplay
        ) async -> PublishReport.Estimate? {
            guard !offline else { return nil }
            let node = network.publishingNode()
            var estimate = PublishReport.Estimate(node: node.name)
            do {
                if let limits = try await node.limits() {
                    for item in items {
                        let largest = limits.largest(item.draft.engine)
                        if item.identity.size > largest { estimate.tooLarge.append((item.path, largest)) }
                    }
                }
                for item in items {
                    estimate.prices.append(try await node.price(of: item.draft, size: item.identity.size))
                }
            } catch {
                estimate.prices = []
                estimate.failure = "\(error)"
            }
            await node.shutdown()
            return estimate
        }
    }
}

// MARK: - Whether the image may be published

extension PublishCommand.Prepare {
    /// An image that may be published, or that is prepared anyway.
    fileprivate struct CheckedImage {
        var identity: FileIdentity
        var golden: String?
        var bundle: CheckedBundle?
        /// Why it should not be, a line each.
        var faults: [String] = []
    }

    /// Why an image should not be published.
    fileprivate struct Fault: DecidedError {
        var reason: String
        var advice: String
        var isDecided: Bool
        var image = ""
        var description: String { "\(image): \(reason). \(advice), or prepare it --anyway" }

        func of(_ image: String) -> Fault {
            var fault = self
            fault.image = image
            return fault
        }
    }

    /// A bundle that is whole, and its lock the image's.
    fileprivate struct CheckedBundle {
        var path: String
        var identity: FileIdentity
        var root: CID
        var lockSHA256: Digest
        var recipe: Int
    }

    private func checkedImage(_ display: ProgressDisplay) async throws -> CheckedImage {
        let image = image
        display.report(.phase(name: "hash \(image)", total: 0))
        let identity = try await onThread { try FileIdentity(path: image) }
        var checked = CheckedImage(identity: identity)
        let (found, fault) = try goldenFile(of: identity)
        checked.golden = found?.path
        if let fault {
            guard anyway else { throw fault.of(image) }
            checked.faults.append(fault.reason)
        }
        var lockfile: (lock: Lockfile, sha256: Digest)?
        if let path = lock ?? found.flatMap({ Self.lock(of: $0.path, $0.file) }) {
            let runtime = try ImageBuilder.LockedRuntime(path: path)
            lockfile = (runtime.lock, runtime.sha256)
        }
        if let inputs {
            let expected = found.flatMap { Digest(hex: $0.file.lockSHA256) } ?? lockfile?.sha256
            let (bundle, lock) = try await checkedBundle(inputs, expected: expected, display)
            checked.bundle = bundle
            lockfile = lockfile ?? (lock, bundle.lockSHA256)
        }
        display.report(.phase(name: "audit \(image)", total: 0))
        if let fault = await audit(lockfile?.lock) {
            guard anyway else { throw fault.of(image) }
            checked.faults.append(fault.reason)
        }
        return checked
    }

    private func goldenFile(
        of identity: FileIdentity
    ) throws -> (found: (path: String, file: GoldenFile)?, fault: Fault?) {
        guard let golden else {
            if let found = GoldenFile.find(identity, in: "golden") { return (found, nil) }
            return (
                nil,
                Fault(
                    reason: "no file in golden/ has it: nobody has said that it reproduces",
                    advice: "Name its golden file (--golden), make one (`rtverify build --json`)", isDecided: false)
            )
        }
        let file = try GoldenFile(path: golden)
        if file.sha256 == identity.sha256.hex, file.size == identity.size { return ((golden, file), nil) }
        return (
            nil,
            Fault(
                reason: "it is not the image of \(golden): its SHA-256 is \(identity.sha256), not \(file.sha256)",
                advice: "Build it again (`rtverify build --golden`)", isDecided: true)
        )
    }

    /// The lock of a golden file, where it lies as `gate` has it.
    private static func lock(of golden: String, _ file: GoldenFile) -> String? {
        let name = golden.split(separator: "/").last.map { $0.dropLast(".json".count) } ?? ""
        let path = "\(Paths.parent(of: Paths.parent(of: golden)))/lockfiles/\(name).lock"
        guard let bytes = try? SmallFile.bytes(path), Digest.of(bytes).hex == file.lockSHA256 else { return nil }
        return path
    }

    private func checkedBundle(
        _ path: String, expected: Digest?, _ display: ProgressDisplay
    ) async throws -> (CheckedBundle, Lockfile) {
        let bundle = try BundleImport(path: path)
        let lock = Digest.of(Array(bundle.lockText.utf8))
        if let expected, lock != expected {
            throw PublishError.notPrepared(
                "\(path) is the bundle of another lock (\(lock)): the image's is \(expected)")
        }
        display.report(.phase(name: "check \(path)", total: 0))
        try await interruptible { try bundle.verify(isOver: $0) }
        let identity = try await onThread { try FileIdentity(path: path) }
        return (
            CheckedBundle(
                path: path, identity: identity, root: bundle.root, lockSHA256: lock,
                recipe: bundle.lock.format.recipe), bundle.lock
        )
    }

    private func audit(_ lock: Lockfile?) async -> Fault? {
        do {
            let report = try await Examination.audit(
                image,
                options: .init(
                    allowed: lock?.contents.allowed ?? [], sourceDateEpoch: lock?.sourceDateEpoch,
                    builderWords: HostTraces.words(environment: environmentValue)))
            guard let first = report.findings.first else { return nil }
            let others = report.findings.count > 1 ? ", and \(report.findings.count - 1) more" : ""
            return Fault(
                reason: "it fails the audit: \(first.finding) \(first.path)\(others)",
                advice: "See `rtverify audit \(image)`, give the lock that says what is meant (--lock)", isDecided: true
            )
        } catch {
            return Fault(reason: "it can't be audited: \(error)", advice: "Give an image", isDecided: false)
        }
    }
}

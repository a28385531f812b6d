import AlephNetwork
import ArgumentParser
import ContentHash
import Glibc
import Host
import ImageBuild
import Mirrors

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Verify that an image is what a published item hash names, and who published it.",
        discussion: """
            Follows item hash, message, hashed content, signature and publisher to the file's own hash, each link checked \
            here, and compares the image. Exit status: 0 it is, 1 it is proven to be another, 2 it could not be decided.

            IMAGE is a file, - or an http(s) URL; with --from-network it is what the node or gateway serves.

            EXAMPLES:
              rtverify verify image.squashfs --item-hash \
            63f07193e6ee9d207b7d1fcf8286f9aee34e6f12f101d2ec77c1229f92964696 --sender \
            0x101d8D16372dBf5f1614adaE95Ee5CCE61998Fc9
              rtverify verify --from-network --item-hash \
            63f07193e6ee9d207b7d1fcf8286f9aee34e6f12f101d2ec77c1229f92964696 --rebuild
              rtverify verify minimal.squashfs --content-hash QmPivdUuDnCfJNLJRwBPMEbu1SjZywwdeMQJz9bjrtfuv9
            """)

    @Argument(help: "The image; none with --from-network.")
    var image: String?
    @Option(help: ArgumentHelp("The item hash of the message that publishes the image.", valueName: "hash"))
    var itemHash: String?
    @Option(help: ArgumentHelp("The image's own published hash: SHA-256 or CID.", valueName: "hash"))
    var contentHash: String?
    @Flag(
        help:
            "The item hash is a program's or an instance's: verify the runtime, or the root filesystem, that it names.")
    var program = false
    @Flag(help: "Follow amends: the newest is what counts.")
    var latest = false
    @Option(help: ArgumentHelp("One of these must have signed. May be repeated.", valueName: "address"))
    var sender: [String] = []
    @Option(help: ArgumentHelp("One of these must be the owner. May be repeated.", valueName: "address"))
    var owner: [String] = []
    @Flag(inversion: .prefixedNo, help: "Nothing is verified without the sender's valid signature.")
    var requireSignature = true
    @Flag(help: "Nothing is verified unless --sender or --owner holds.")
    var requirePublisher = false
    @Option(help: ArgumentHelp("A message saved earlier, in place of the nodes' answer.", valueName: "file"))
    var message: String?
    @Option(help: ArgumentHelp("The blocks that the CID names, where no known layout gives it.", valueName: "file"))
    var car: String?
    @Flag(help: "Take the image from the node or gateway that the message leads to.")
    var fromNetwork = false
    @Option(help: ArgumentHelp("Also rebuild the image from its lock and compare.", valueName: "file"))
    var lock: String?
    @Flag(help: "Also rebuild the image from the lock and inputs that the message names, and compare.")
    var rebuild = false
    @Flag(help: "With --rebuild, as root: build a stranger's lock.")
    var yes = false
    @Option(help: ArgumentHelp("Seconds that the image's download may take in all.", valueName: "seconds"))
    var imageTimeout = 1800
    @OptionGroup var network: NodeOptions
    @OptionGroup var source: SourceOptions
    @OptionGroup var out: OutputOptions

    func validate() throws {
        guard (itemHash == nil) != (contentHash == nil) else {
            throw ValidationError("Give --item-hash or --content-hash.")
        }
        if rebuild, contentHash != nil || lock != nil {
            throw ValidationError(
                "--rebuild goes by the message of --item-hash; a lock at hand is rebuilt with --lock.")
        }
        if yes, !rebuild { throw ValidationError("--yes belongs to --rebuild.") }
        guard imageTimeout > 0 else { throw ValidationError("--image-timeout is at least a second.") }
        guard (image == nil) == fromNetwork else {
            throw ValidationError("Give the image, or --from-network.")
        }
        if contentHash != nil,
            program || latest || message != nil || requirePublisher || !sender.isEmpty || !owner.isEmpty
        {
            throw ValidationError("A --content-hash comes without a message: nobody's publishing it can be checked.")
        }
    }

    func run() async throws {
        let display = out.display
        try await exiting(display) {
            let claim = try await claim()
            let published = PublishedImage(
                of: claim, nodes: network.nodes(source.gateways),
                settings: .init(
                    timeout: network.timeout, imageTimeout: imageTimeout, car: car,
                    asksGateways: !source.gateways.gateway.isEmpty, environment: environmentValue))
            let identity = await published.identity(of: image, events: display.report) {
                printError("rtverify: \($0)")
            }
            let layout = await published.layout(of: image, identity)
            var report = VerificationReport(
                claim, ImageVerdict(claim, identity: identity, served: fromNetwork, layout: layout), identity,
                path: image ?? "the network",
                itemHash: itemHash)
            if let lock, let identity { report.add(try await rebuilt(lock, identity, display)) }
            if rebuild, let identity { try await addRebuild(of: claim, identity, to: &report, display) }
            display.finish()
            if out.json { printLine(JSONText.of(report)) } else { report.print() }
            let status = report.exitStatus
            if status != 0 { throw ExitCode(status) }
        }
    }

    private func claim() async throws -> ContentClaim {
        if let contentHash { return .contentHash(contentHash) }
        var demands = MessageChain.Demands()
        demands.pins = PublisherPins(senders: sender, owners: owner)
        (demands.signature, demands.publisher) = (requireSignature, requirePublisher)
        (demands.latest, demands.program) = (latest, program)
        let saved = try message.map { try SmallFile.bytes($0, limit: 4 << 20) }
        return await MessageChain(nodes: network.nodes(source.gateways), demands: demands, saved: saved).follow(
            itemHash ?? "")
    }

    /// What the message names, built; why not, where it can't be: the verdict on the image is shown in any case.
    private func addRebuild(
        of claim: ContentClaim, _ identity: FileIdentity, to report: inout VerificationReport,
        _ display: ProgressDisplay
    ) async throws {
        guard claim.isProven else {
            return report.addNoRebuild("nothing is rebuilt: what the message says is not proven", isDecided: false)
        }
        do {
            report.add(try await rebuiltFromNetwork(try claim.rebuild?.get(), identity, display))
        } catch let error where error is ValidationError || error is Interrupted || error is CancellationError {
            throw error
        } catch {
            report.addNoRebuild("\(error)", isDecided: (error as? any DecidedError)?.isDecided ?? false)
        }
    }

    private func rebuiltFromNetwork(
        _ named: RebuildSource?, _ identity: FileIdentity, _ display: ProgressDisplay
    ) async throws -> NetworkRebuild.Result {
        guard let named else { throw MessageError.malformed("the message doesn't say what rebuilds the image") }
        // What the lock names comes from the bundle, and from nowhere else.
        var alone = source
        (alone.offline, alone.onlyMirror, alone.mirror) = (true, true, [])
        let rebuild = NetworkRebuild(
            nodes: network.nodes(source.gateways), requiresSignature: requireSignature, timeout: network.timeout,
            downloadTimeout: imageTimeout, mayRunAsRoot: yes, display: display)
        return try await alone.withInputs(display) {
            try await rebuild.run(named, identity: identity, image: comparedFile, inputs: $0)
        }
    }

    /// The image, where it is a file.
    private var comparedFile: String? { image.flatMap { $0 == "-" || RemoteFile.isURL($0) ? nil : $0 } }

    private func rebuilt(
        _ lock: String, _ identity: FileIdentity, _ display: ProgressDisplay
    ) async throws -> RebuildComparison {
        let runtime = try ImageBuilder.LockedRuntime(path: lock)
        let compared = comparedFile
        return try await source.withInputs(display) { inputs in
            let builder = ImageBuilder(
                store: inputs.store, fetcher: inputs.fetcher, programs: inputs.programs, jobs: processorCount,
                events: display.report)
            return try await Interruption.cancelling {
                try await RebuildComparison(of: runtime, with: identity, image: compared, builder: builder)
            }
        }
    }
}

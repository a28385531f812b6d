import AlephNetwork
import ArgumentParser
import ContentHash
import Glibc
import Host
import ImageBuild
import ImageComparison
import Mirrors

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Is this image what a published item hash names?",
        discussion: """
            Follows item hash, message, hashed content, signature and publisher to the file's own hash, each link checked \
            here, and compares the image. Exit status: 0 it is, 1 it is proven to be another, 2 it could not be decided.

            IMAGE is a file, - or an http(s) URL; with --from-network it is what the node or gateway serves.

            EXAMPLES:
              rtverify verify image.squashfs --item-hash \
            63f07193e6ee9d207b7d1fcf8286f9aee34e6f12f101d2ec77c1229f92964696 --sender \
            0x101d8D16372dBf5f1614adaE95Ee5CCE61998Fc9
              rtverify verify minimal.squashfs --content-hash QmPivdUuDnCfJNLJRwBPMEbu1SjZywwdeMQJz9bjrtfuv9
            """)

    @Argument(help: "The image; none with --from-network.")
    var image: String?
    @Option(help: ArgumentHelp("The item hash of the message that publishes the image.", valueName: "hash"))
    var itemHash: String?
    @Option(help: ArgumentHelp("The image's own published hash: SHA-256 or CID.", valueName: "hash"))
    var contentHash: String?
    @Flag(help: "The item hash is a program's: verify the runtime that it names.")
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
    @Option(help: ArgumentHelp("Seconds that the image's download may take in all.", valueName: "seconds"))
    var imageTimeout = 1800
    @OptionGroup var network: NodeOptions
    @OptionGroup var source: SourceOptions
    @OptionGroup var out: OutputOptions

    func validate() throws {
        guard (itemHash == nil) != (contentHash == nil) else {
            throw ValidationError("Give --item-hash or --content-hash.")
        }
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
            let identity = await identity(claim, display)
            let layout = try await layout(claim, identity)
            var report = VerificationReport(
                claim, ImageVerdict(claim, identity: identity, served: fromNetwork, layout: layout), identity,
                path: image ?? "the network",
                itemHash: itemHash)
            if let lock, let identity { try await rebuild(lock, identity, display, &report) }
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
        return await MessageChain(nodes: network.nodes, demands: demands, saved: saved).follow(itemHash ?? "")
    }

    /// The image's names; nil, and said, where it can't be read.
    private func identity(_ claim: ContentClaim, _ display: ProgressDisplay) async -> FileIdentity? {
        let profiles = claim.file?.name.profiles ?? []
        let places = image.map { [$0] } ?? claim.file.map { network.nodes.urls(of: $0) } ?? []
        var other: FileIdentity?
        for place in places {
            do {
                guard RemoteFile.isURL(place) else {
                    return try await onThread { try FileIdentity(path: place, profiles: profiles) }
                }
                let remote = RemoteFile(
                    url: place, timeout: network.timeout, environment: environmentValue, events: display.report)
                let identity = try await withDeadline(seconds: imageTimeout) {
                    try await remote.identity(profiles: profiles, limit: Self.largestImage)
                }
                if case .same? = claim.file?.name.answer(for: identity) { return identity }
                // A node's error page is no image, and the next may have it.
                if fromNetwork { printError("rtverify: \(place): other bytes than the message names") }
                other = identity
            } catch is DeadlineExceeded {
                printError("rtverify: \(place): not whole after \(imageTimeout) s (--image-timeout)")
            } catch {
                printError("rtverify: \(error)")
            }
        }
        return other
    }

    /// Bytes; no kernel mounts and no network carries a runtime of that size.
    private static let largestImage = 64 << 30

    /// Asks the DAG's own nodes where no profile gives the CID.
    private func layout(_ claim: ContentClaim, _ identity: FileIdentity?) async throws -> ImageVerdict.LayoutAnswer? {
        guard case .cid(let root)? = claim.file?.name, let identity, let name = claim.file?.name,
            case .undecided = name.answer(for: identity), car != nil || !network.gateway.isEmpty
        else { return nil }
        guard let image, image != "-", !RemoteFile.isURL(image) else {
            return .undecided("the blocks can be compared with a file only")
        }
        do {
            let nodes = network.nodes
            let reader = try car.map { try CARReader(file: try InputFile(path: $0)) }
            let comparison = try DAGComparison(file: try InputFile(path: image)) { cid in
                if let block = try reader?.block(cid) { return block }
                return await nodes.block(cid)
            }
            return switch try await comparison.compare(root: root) {
            case .same: .same
            case .different: .different
            case .undecided(let reason): .undecided(reason)
            }
        } catch {
            return .undecided("\(error)")
        }
    }

    private func rebuild(
        _ lock: String, _ identity: FileIdentity, _ display: ProgressDisplay, _ report: inout VerificationReport
    ) async throws {
        let runtime = try ImageBuilder.LockedRuntime(path: lock)
        let compared = image.flatMap { $0 == "-" || RemoteFile.isURL($0) ? nil : $0 }
        let (reproduced, explanation) = try await source.withInputs(display) { inputs in
            let builder = ImageBuilder(
                store: inputs.store, fetcher: inputs.fetcher, programs: inputs.programs, jobs: processorCount,
                events: display.report)
            return try await Interruption.cancelling {
                try await builder.rebuild(runtime) { rebuilt, path -> (Bool, [String]) in
                    if rebuilt.sha256 == identity.sha256 { return (true, []) }
                    return (false, await Self.explanation(compared, path, runtime))
                }
            }
        }
        (report.reproduced, report.explanation) = (reproduced, explanation)
    }

    /// What a given image and the rebuilt one differ in.
    private static func explanation(
        _ image: String?, _ rebuilt: String, _ runtime: ImageBuilder.LockedRuntime
    ) async -> [String] {
        guard let image else { return [] }
        do {
            let comparison = try await Examination.compare(
                image, rebuilt, options: ImageComparer.Options(locks: [runtime.text]))
            return ComparisonText(colors: false, full: false).lines(comparison)
        } catch { return ["the two can't be compared: \(error)"] }
    }
}

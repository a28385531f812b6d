import AlephNetwork
import ArgumentParser
import ContentHash
import Glibc
import Host

struct Message: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show and check a message of the Aleph network, or prepare one.",
        discussion: """
            Exit status 0 only when its content hashes to its item hash and its sender signed it.

            With --prepare the argument is an image: prints the STORE content that publishes it, the item hash that the \
            message then has, and the commands of Aleph's own client. No private key is ever read.

            EXAMPLES:
              rtverify message 63f07193e6ee9d207b7d1fcf8286f9aee34e6f12f101d2ec77c1229f92964696
              rtverify message saved-message.json --json
              rtverify message --prepare minimal.squashfs --address 0x101d8D16372dBf5f1614adaE95Ee5CCE61998Fc9
            """)

    @Argument(help: "An item hash, or a file with a message; with --prepare, an image.")
    var subject: String
    @Flag(help: "Print what would publish an image.")
    var prepare = false
    @Option(help: "With --prepare: the owner's address.")
    var address: String?
    @Option(help: ArgumentHelp("With --prepare: the item hash that the message amends.", valueName: "hash"))
    var ref: String?
    @Option(help: ArgumentHelp("With --prepare: the message's time, in seconds (default: now).", valueName: "seconds"))
    var time: Double?
    @Flag(help: "With --prepare: publish by CID on IPFS rather than by SHA-256 on Aleph's storage.")
    var ipfs = false
    @OptionGroup var network: NodeOptions
    @OptionGroup var gateways: GatewayOptions
    @OptionGroup var out: OutputOptions

    func validate() throws {
        if prepare, address == nil { throw ValidationError("--prepare needs --address.") }
        if !prepare, address != nil || ref != nil || time != nil || ipfs {
            throw ValidationError("--address, --ref, --time and --ipfs belong to --prepare.")
        }
        if let time, !(time >= 0 && time < 1e12) { throw ValidationError("--time is a number of seconds since 1970.") }
        if let ref, ItemHash(ref) == nil { throw ValidationError("'\(ref)' is no item hash.") }
    }

    func run() async throws {
        try await exiting(out.display) {
            if prepare { return try await runPrepare() }
            let isFile = access(subject, F_OK) == 0
            let examination =
                isFile
                ? try await MessageExamination.of(
                    saved: try SmallFile.bytes(subject, limit: 16 << 20), nodes: network.nodes(gateways))
                : try await MessageExamination.of(subject, nodes: network.nodes(gateways))
            MessageReport.print(examination, json: out.json)
            if !examination.isVerified { throw ExitCode(examination.links.contains { $0.mark == .no } ? 1 : 2) }
        }
    }

    private func runPrepare() async throws {
        let prepared = try await StorePreparation.of(
            subject, address: address ?? "", time: time, ref: ref.flatMap(ItemHash.init), onIPFS: ipfs)
        MessageReport.print(prepared, image: subject, ref: ref, json: out.json)
    }
}

import AlephNetwork
import ArgumentParser
import Glibc
import Host

struct Message: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show and check a message of the Aleph network.",
        discussion: """
            Exit status 0 only when its content hashes to its item hash and its sender signed it.

            EXAMPLES:
              rtverify message 63f07193e6ee9d207b7d1fcf8286f9aee34e6f12f101d2ec77c1229f92964696
              rtverify message saved-message.json --json
            """)

    @Argument(help: "An item hash, or a file with a message.")
    var subject: String
    @OptionGroup var network: NodeOptions
    @OptionGroup var gateways: GatewayOptions
    @OptionGroup var out: OutputOptions

    func run() async throws {
        try await exiting(out.display) {
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
}

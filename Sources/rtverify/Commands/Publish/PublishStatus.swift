import AlephNetwork
import ArgumentParser
import Glibc
import Host

extension PublishCommand {
    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what the network has of a message.",
            discussion: """
                Exit status: 0 every node calls it processed, 1 it is rejected or forgotten, 2 it is pending, unknown, or no node answers. \
                Nobody signs that: `rtverify verify --from-network` proves what is served.

                EXAMPLES:
                  rtverify publish status minimal.publish
                  rtverify publish status 63f07193e6ee9d207b7d1fcf8286f9aee34e6f12f101d2ec77c1229f92964696
                """)

        @Argument(help: "A folder of `publish prepare`, or an item hash.")
        var subject: String
        @OptionGroup var network: NodeOptions
        @OptionGroup var out: OutputOptions

        func run() async throws {
            try await exiting(out.display) {
                var states: [PublishReport.State] = []
                for (name, hash) in try items() {
                    for node in network.publishingNodes {
                        let state: Result<MessageState, any Error>
                        do { state = .success(try await node.state(of: hash)) } catch { state = .failure(error) }
                        await node.shutdown()
                        states.append(.init(name: name, itemHash: hash, node: node.name, state: state))
                    }
                }
                PublishReport.print(states, json: out.json)
                let status = states.map(\.exitStatus)
                if let worst = status.contains(1) ? 1 : status.max(), worst != 0 { throw ExitCode(worst) }
            }
        }

        private func items() throws -> [(name: String, hash: ItemHash)] {
            if access(subject, F_OK) == 0 {
                let folder = try PublicationFolder(path: subject)
                return (try folder.inputs().map { [("inputs", $0.draft.itemHash)] } ?? [])
                    + [("image", folder.draft.itemHash)]
            }
            guard let hash = ItemHash(subject) else {
                throw PublishError.folder(
                    "'\(subject.prefix(100))' is neither a folder of `publish prepare` nor an item hash")
            }
            return [("message", hash)]
        }
    }
}

import ArgumentParser
import ContentHash
import Reporting

struct Hash: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the SHA-256 and the IPFS CID of files.",
        discussion: """
            The CID is the one that `ipfs add` gave up to 2025 and that Aleph publishes (profile unixfs-v0-2015). \
            `-` is standard input.

            EXAMPLES:
              rtverify hash minimal.squashfs
              rtverify hash --json a.squashfs b.squashfs
            """)

    @Argument(help: "The files.")
    var files: [String]
    @OptionGroup var out: OutputOptions

    func validate() throws {
        if files.isEmpty { throw ValidationError("Give at least one file.") }
    }

    func run() async throws {
        struct Answer: Encodable {
            var path: String
            var size: Int
            var sha256: String
            var cids: [String: String]
        }
        try await exiting(out.display) {
            var answers: [Answer] = []
            for file in files {
                let identity = try FileIdentity(path: file)
                answers.append(
                    Answer(
                        path: file, size: identity.size, sha256: identity.sha256.hex,
                        cids: [identity.profile.name: identity.cid.description]))
                if !out.json {
                    print(
                        "\(file)\n  size    \(identity.size)\n  sha256  \(identity.sha256)\n  cid     \(identity.cid)")
                }
            }
            if out.json { print(JSONText.of(answers)) }
        }
    }
}

import ArgumentParser
import ContentHash
import Host

struct CAR: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "car",
        abstract: "Write a file's IPFS blocks as a CAR, or verify one.",
        discussion: """
            A CAR (CARv1) holds the DAG that a CID names, each block once, root first and depth first: the order of \
            `ipfs dag export`.

            With --verify every block is checked against its CID, and the tree below the root for being whole; with -o \
            the file is extracted. Exit status 1 when the CAR is not what its root names.

            EXAMPLES:
              rtverify car minimal.squashfs -o minimal.car
              rtverify car --verify minimal.car -o minimal.squashfs
            """)

    @Argument(help: "The file; with --verify, the CAR (- for standard input).")
    var file: String
    @Option(name: .shortAndLong, help: "The CAR to write; with --verify, the file to extract.")
    var output: String?
    @Flag(help: "Verify a CAR.")
    var verify = false
    @OptionGroup var layout: ProfileOptions
    @OptionGroup var out: OutputOptions

    private struct CARAnswer: Encodable {
        var root: String
        var blocks: Int
        var size: Int
        /// Sections of a kind that is not known here.
        var notChecked: Int?
    }

    func validate() throws {
        guard verify || output != nil else { throw ValidationError("Give the CAR to write: -o FILE.car") }
        guard try layout.profiles().count == 1 else { throw ValidationError("A CAR is of one profile.") }
    }

    func run() async throws {
        try await exiting(out.display) {
            let answer = try await onThread { [self] in verify ? try runVerify() : try runWrite() }
            if out.json { return printLine(JSONText.of(answer)) }
            printLine(output ?? file)
            printLine("  root    \(answer.root)\n  blocks  \(answer.blocks)\n  size    \(answer.size)")
            if let count = answer.notChecked, count > 0 {
                printLine("  not checked: \(count) sections whose hash function or codec isn't known here")
            }
        }
    }

    private func runWrite() throws -> CARAnswer {
        let path = output ?? ""
        let input = try WholeFile(file)
        let writer = try CARWriter(file: input.file, profile: try layout.profiles()[0])
        let target = try AtomicFile(replacing: path)
        let summary = try writer.write(to: target.descriptor, name: path)
        try target.publish()
        return CARAnswer(root: summary.root.description, blocks: summary.blocks, size: summary.size)
    }

    private func runVerify() throws -> CARAnswer {
        do {
            let input = try WholeFile(file)
            var reader = try CARReader(file: input.file)
            let size = try reader.checkTree()
            if let output {
                let target = try AtomicFile(replacing: output)
                try reader.extract(to: target.descriptor, name: output)
                try target.publish()
            }
            return CARAnswer(
                root: reader.root.description, blocks: reader.blocks, size: size,
                notChecked: reader.uncheckedSections == 0 ? nil : reader.uncheckedSections)
        } catch let error as CARError {
            throw Refused(error: error, file: file)
        }
    }

    /// A CAR that isn't whole, with its name.
    private struct Refused: DecidedError {
        let error: CARError
        let file: String

        var isDecided: Bool { error.isDecided }
        var description: String { "\(file): \(error)" }
    }
}

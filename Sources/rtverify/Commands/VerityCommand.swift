import ArgumentParser
import ContentHash
import Host

struct Verity: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print an image's dm-verity root hash, and write its hash tree.",
        discussion: """
            Format 1, SHA-256, data and hash blocks of 4096 bytes. By default the salt is empty and the uuid zero, so \
            that the root hash depends on the image alone; `veritysetup format --salt=-` writes the same tree.

            EXAMPLES:
              rtverify verity minimal.squashfs
              rtverify verity minimal.squashfs -o minimal.verity --json
            """)

    @Argument(help: "The image.")
    var image: String
    @Option(name: .shortAndLong, help: "Where to write the hash tree.")
    var output: String?
    @Option(help: ArgumentHelp("Bytes before every block, as hexadecimal digits; - for none.", valueName: "hex"))
    var salt = "-"
    @Option(help: "The hash tree's uuid.")
    var uuid = "00000000-0000-0000-0000-000000000000"
    @OptionGroup var out: OutputOptions

    private struct VerityAnswer: Encodable {
        var path: String
        var rootHash: String
        var salt: String
        var uuid: String
        var dataBlocks: Int
        var dataBlockSize = DMVerity.blockSize
        var hashBlockSize = DMVerity.blockSize
        var algorithm = "sha256"
        var format = 1
    }

    func validate() throws { _ = try parameters() }

    private func parameters() throws -> DMVerity {
        guard let saltBytes = salt == "-" ? [] : Hex.decode(salt.lowercased()) else {
            throw ValidationError("--salt is an even number of hexadecimal digits, or -.")
        }
        let digits = uuid.lowercased().filter { $0 != "-" }
        guard let uuidBytes = Hex.decode(digits), uuidBytes.count == 16 else {
            throw ValidationError("--uuid is 32 hexadecimal digits, with or without dashes.")
        }
        do { return try DMVerity(salt: saltBytes, uuid: uuidBytes) } catch { throw ValidationError("\(error)") }
    }

    func run() async throws {
        try await exiting(out.display) {
            let answer = try await onThread { [self] in try compute() }
            if out.json { return printLine(JSONText.of(answer)) }
            printLine(image)
            printLine("  root hash  \(answer.rootHash)")
            printLine("  blocks     \(answer.dataBlocks) of \(answer.dataBlockSize) bytes")
            printLine("  salt       \(answer.salt)")
            if let output { printLine("  hash tree  \(output), uuid \(answer.uuid)") }
        }
    }

    private func compute() throws -> VerityAnswer {
        let parameters = try parameters()
        let whole = try WholeFile(image)
        let file = whole.file
        let target = try output.map { try AtomicFile(replacing: $0) }
        let root = try parameters.rootHash(
            of: file, writingTo: target.map { (descriptor: $0.descriptor, name: output ?? "") })
        try target?.publish()
        return VerityAnswer(
            path: image, rootHash: root.hex, salt: salt, uuid: uuid,
            dataBlocks: (file.size ?? 0) / DMVerity.blockSize)
    }
}

import ArgumentParser
import Host
import ImageComparison

struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what an image holds, and where its bytes go.",
        discussion: """
            Superblock, compression, entries, the largest packages and folders, and entries that are later than the \
            image's own time. Bytes are those that are stored, compressed.

            EXAMPLES:
              rtverify inspect minimal.squashfs
              rtverify inspect --json --source-date-epoch 1700000000 image.squashfs
            """)

    @Argument(help: "A squashfs image, a folder or a tar.")
    var image: String
    @Option(help: ArgumentHelp("The time that no entry should be later than.", valueName: "seconds"))
    var sourceDateEpoch: Int?
    @OptionGroup var out: OutputOptions

    func validate() throws { try checkEpoch(sourceDateEpoch) }

    func run() async throws {
        try await exiting(out.display) {
            let report = try await Examination.inspect(image, sourceDateEpoch: sourceDateEpoch)
            printLine(out.json ? JSONText.of(report) : ImageText.lines(report).joined(separator: "\n"))
        }
    }
}

import ArgumentParser
import Glibc
import Host
import ImageComparison

struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say whether two images are the same, or what differs and what probably made it so.",
        discussion: """
            Each side is a squashfs image, a folder, or a tar. They are read by a confined child: nothing is mounted, \
            run, or needs root. Exit status 0 when they are identical, 1 when they differ, 2 when one can't be read.

            EXAMPLES:
              rtverify compare mine.squashfs theirs.squashfs
              rtverify compare --lock runtime.lock --json a.squashfs b.squashfs
              rtverify compare --html difference.html image.squashfs unpacked/
            """)

    @Argument(help: "An image, a folder or a tar.")
    var a: String
    @Argument(help: "What to compare it with.")
    var b: String
    @Option(help: ArgumentHelp("The lock they were built from: explains what no package owns.", valueName: "file"))
    var lock: String?
    @Option(help: ArgumentHelp("Also write the answer as one HTML page that needs nothing else.", valueName: "file"))
    var html: String?
    @Flag(help: "Ask diffoscope about archives, programs and other files that are no texts.")
    var deep = false
    @Flag(help: "Show every difference, with all of its details.")
    var full = false
    @OptionGroup var out: OutputOptions

    func run() async throws {
        let display = out.display
        try await exiting(display) {
            let options = ImageComparer.Options(
                packages: html != nil, lock: try lock.map { try SmallFile.text($0) })
            let report =
                try await deep
                ? DeepComparison.compare(a, b, options: options)
                : Examination.compare(a, b, options: options)
            if let html {
                try AtomicFile.write(ComparisonPage.html(report), to: html)
            }
            if out.json {
                printLine(JSONText.of(report))
            } else {
                let text = ComparisonText(
                    colors: isatty(STDOUT_FILENO) == 1 && environmentValue("NO_COLOR") == nil, full: full)
                printLine(text.lines(report).joined(separator: "\n"))
            }
            if !report.identical { throw ExitCode(1) }
        }
    }
}

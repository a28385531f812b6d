import ArgumentParser
import Host
import ImageComparison

struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Diff two images: are they the same, or what differs, and what probably made it so?",
        discussion: """
            Each side is a squashfs image, a folder, or a tar. They are read by a confined child: nothing is mounted, \
            run, or needs root. Exit status 0 when they are identical, 1 when they differ, 2 when one can't be read.

            EXAMPLES:
              rtverify compare mine.squashfs theirs.squashfs
              rtverify compare --lock runtime.lock --json a.squashfs b.squashfs
              rtverify compare --html difference.html image.squashfs unpacked/
              rtverify compare --release --markdown --lock old.lock --lock new.lock old.squashfs new.squashfs
            """)

    @Argument(help: "An image, a folder or a tar.")
    var a: String
    @Argument(help: "What to compare it with.")
    var b: String
    @Option(
        help: ArgumentHelp(
            "The lock they were built from, or A's and then B's: explains what no package owns.", valueName: "file"))
    var lock: [String] = []
    @Option(help: ArgumentHelp("Also write the answer as one HTML page that needs nothing else.", valueName: "file"))
    var html: String?
    @Flag(help: "Ask diffoscope about archives, programs and other files that are no texts.")
    var deep = false
    @Flag(help: "Show every difference, with all of its details.")
    var full = false
    @Flag(help: "Print only what was changed on purpose: packages, wheels, and with --lock files and steps.")
    var release = false
    @Flag(help: "With --release: as Markdown.")
    var markdown = false
    @OptionGroup var out: OutputOptions

    func validate() throws {
        if lock.count > 2 { throw ValidationError("--lock is given once for both sides, or twice: A's and B's.") }
        if markdown, !release || out.json {
            throw ValidationError("--markdown belongs to --release, and not to --json.")
        }
        if release, deep || full || html != nil {
            throw ValidationError("--release prints a list, which --deep, --full and --html don't change.")
        }
    }

    func run() async throws {
        let display = out.display
        try await exiting(display) {
            let options = ImageComparer.Options(
                packages: html != nil, locks: try lock.map { try SmallFile.text($0) })
            let report =
                try await deep
                ? DeepComparison.compare(a, b, options: options)
                : Examination.compare(a, b, options: options)
            if let html {
                try AtomicFile.write(ComparisonPage.html(report), to: html)
            }
            printLine(release ? text(report.release) : text(report))
            if !report.identical { throw ExitCode(1) }
        }
    }

    private func text(_ report: ComparisonReport) -> String {
        if out.json { return JSONText.of(report) }
        return ComparisonText(style: .output, full: full).lines(report).joined(separator: "\n")
    }

    private func text(_ notes: ReleaseNotes) -> String {
        if out.json { return JSONText.of(notes) }
        if markdown { return String(ReleaseText.markdown(notes).dropLast()) }
        return notes.isEmpty ? "nothing was changed on purpose" : ReleaseText.lines(notes).joined(separator: "\n")
    }
}

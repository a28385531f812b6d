import ArgumentParser
import ContentHash
import Host
import Mirrors

struct Hash: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the checksums of files: SHA-256 digest and IPFS CIDs; or check a list of them.",
        discussion: """
            By default the CID is the one that `ipfs add` gave up to 2025 and that Aleph publishes (profile \
            unixfs-v0-2015). A file is read once, whatever is computed. `-` is standard input, and an http(s) URL is \
            hashed while it is downloaded.

            With --check the files are lists, one `HASH  PATH` a line, as sha256sum writes them; a hash may be a CID. \
            Exit status 1 when a file differs, 2 when one can't be read or a CID is of no known profile.

            EXAMPLES:
              rtverify hash minimal.squashfs
              rtverify hash --profile all --json a.squashfs b.squashfs
              rtverify hash --check SHA256SUMS
            """)

    @Argument(help: "Files, - or http(s) URLs; with --check, lists.")
    var files: [String]
    @Flag(help: "Verify the files that are listed.")
    var check = false
    @Option(help: ArgumentHelp("Seconds without a byte after which a download is given up.", valueName: "seconds"))
    var timeout = 30
    @OptionGroup var layout: ProfileOptions
    @OptionGroup var out: OutputOptions

    func validate() throws {
        guard (1...86_400).contains(timeout) else { throw ValidationError("--timeout is from 1 to 86400 seconds.") }
        if files.isEmpty { throw ValidationError("Give at least one file.") }
        if check, try layout.profiles() != [.v0_2015] {
            throw ValidationError("--check tries the profiles that a CID may be of; it takes none.")
        }
    }

    func run() async throws {
        let display = out.display
        try await exiting(display) {
            if check { return try await runCheck() }
            let profiles = try layout.profiles()
            let inputs = HashedInputs(timeout: timeout, environment: environmentValue, events: display.report)
            var report = HashReport(json: out.json)
            await inputs.identities(of: files, profiles: profiles) { report.add($0, $1) }
            report.end()
            if report.hasFailures { throw ExitCode(2) }
        }
    }

    private func runCheck() async throws {
        var report = HashCheckReport(json: out.json, quiet: out.quiet)
        try await HashedInputs.check(
            lists: files, malformed: { report.add(malformed: $0, line: $1, reason: $2) }, each: { report.add($0, $1) })
        report.end()
        if let status = report.exitStatus { throw ExitCode(status) }
    }
}

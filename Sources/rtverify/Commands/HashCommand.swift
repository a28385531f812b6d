import ArgumentParser
import ContentHash
import Host
import Mirrors

struct Hash: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the SHA-256 and the IPFS CIDs of files.",
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
            var answers: [HashReport.HashAnswer] = []
            var failed = false
            for file in files {
                do {
                    let identity = try await identity(of: file, profiles, display)
                    answers.append(HashReport.HashAnswer(path: file, identity: identity))
                    if !out.json { HashReport.print(identity, path: file) }
                } catch {
                    // The others are hashed all the same, as sha256sum does.
                    printError("rtverify: \(error)")
                    failed = true
                }
            }
            if out.json { printLine(JSONText.of(answers)) }
            if failed { throw ExitCode(2) }
        }
    }

    private func identity(of file: String, _ profiles: [UnixFSProfile], _ display: ProgressDisplay) async throws
        -> FileIdentity
    {
        if RemoteFile.isURL(file) {
            let remote = RemoteFile(
                url: file, timeout: timeout, environment: environmentValue, events: display.report)
            return try await remote.identity(profiles: profiles)
        }
        return try await onThread { try FileIdentity(path: file, profiles: profiles) }
    }

    private func runCheck() async throws {
        var verdicts: [HashReport.Verdict] = []
        for path in files {
            let list = HashList(text: try SmallFile.bytes(path == "-" ? "/dev/stdin" : path))
            for (line, reason) in list.malformed {
                printError("rtverify: \(path):\(line): \(reason)")
                verdicts.append(HashReport.Verdict(path: "\(path):\(line)", name: "", verdict: .unreadable))
            }
            for entry in list.entries {
                let verdict = await check(entry)
                verdicts.append(verdict)
                if !out.json, !(out.quiet && verdict.verdict == .ok) { printLine(verdict.line) }
            }
            guard !list.entries.isEmpty else { throw FileReadError(file: path, reason: "it lists no file") }
        }
        if out.json { printLine(JSONText.of(verdicts)) }
        if verdicts.contains(where: { $0.verdict == .different }) { throw ExitCode(1) }
        if verdicts.contains(where: { $0.verdict != .ok }) { throw ExitCode(2) }
    }

    private func check(_ entry: HashList.Entry) async -> HashReport.Verdict {
        do {
            let identity = try await onThread { try FileIdentity(path: entry.path, profiles: entry.name.profiles) }
            return HashReport.Verdict(entry, entry.name.answer(for: identity))
        } catch {
            printError("rtverify: \(error)")
            return HashReport.Verdict(path: entry.path, name: entry.name.description, verdict: .unreadable)
        }
    }
}

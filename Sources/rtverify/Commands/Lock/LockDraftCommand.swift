import ArgumentParser
import Host
import ImageComparison
import PackageResolution
import RuntimeSpec

extension Lock {
    struct Draft: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Draft the lock that would reproduce an image, from the package databases in it.",
            discussion: """
                Exit status 1 when something in the image was found nowhere, or the draft can't be built as it is.

                EXAMPLES:
                  rtverify lock draft runtime.squashfs -o draft.lock
                  rtverify lock draft --suite bookworm --key B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8 old.squashfs -o draft.lock
                """)

        @Argument(help: "The image.")
        var image: String
        @Option(name: .shortAndLong, help: "Where the draft goes: it is not yet the lock.")
        var output: String
        @Option(help: ArgumentHelp("A suite to look in instead of the release's.", valueName: "suite"))
        var suite: [String] = []
        @Option(help: ArgumentHelp("With --suite: a key that may sign it, 40 digits.", valueName: "fingerprint"))
        var key: [String] = []
        @OptionGroup var trust: Trust
        @OptionGroup var source: SourceOptions
        @OptionGroup var out: OutputOptions

        func validate() throws {
            if suite.isEmpty != key.isEmpty { throw ValidationError("--suite and --key belong together.") }
        }

        func run() async throws {
            let display = out.display
            try await exiting(display) {
                let contents = try await Examination.contents(of: image)
                let suites = DebianSuites(release: contents.release, suites: suite, components: ["main"], keys: key)
                let found = try await source.withInputs(display) { inputs in
                    try await LockDraft(
                        store: inputs.store, fetcher: inputs.fetcher, keyrings: trust.keyring,
                        programs: inputs.programs, suites: suite.isEmpty ? nil : suites,
                        allowExpired: trust.allowExpired, events: display.report
                    ).draft(contents, name: LockDraft.name(ofImage: image))
                }
                try AtomicFile.write(found.text, to: output)
                display.finish()
                LockReport.print(found, path: output, json: out.json)
                if !found.missing.isEmpty || found.fault != nil { throw ExitCode(1) }
            }
        }
    }
}

import ArgumentParser
import Host
import PackageResolution

extension Lock {
    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify a lock: derive its every entry again, offline, from what the store holds.",
            discussion: """
                Signature, Release, index, package and stage; pip and apk are asked again in a sandbox.

                EXAMPLES:
                  rtverify lock verify lockfiles/debian-12-minimal.lock
                  rtverify lock verify --fetch lockfiles/debian-12-minimal.lock
                """)

        @Argument(help: "The lock.")
        var lock: String
        @Flag(help: "Fetch what the store lacks for it.")
        var fetch = false
        @OptionGroup var trust: Trust
        @OptionGroup var source: SourceOptions
        @OptionGroup var out: OutputOptions

        func run() async throws {
            let display = out.display
            try await exiting(display) {
                let locked = try Target.lock(lock)
                let outcome = try await source.withInputs(display) { inputs in
                    let verification = LockVerification(
                        store: inputs.store, keyrings: trust.keyring, programs: inputs.programs)
                    try await verification.adoptOwnInputs(of: locked, path: lock, fetcher: fetch ? inputs.fetcher : nil)
                    if fetch {
                        try await verification.fetchInputs(of: locked, fetcher: inputs.fetcher)
                        try await inputs.programs.fetchWheels(of: locked, fetcher: inputs.fetcher)
                    }
                    return try await verification.verify(locked)
                }
                display.finish()
                try LockReport.print(outcome, path: lock, json: out.json)
            }
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Diff two locks: what changed from one to the other.",
            discussion: """
                Exit status 0 when nothing did, 1 when something did.

                EXAMPLES:
                  rtverify lock diff old.lock lockfiles/debian-12-minimal.lock
                  rtverify lock diff --json old.lock new.lock
                """)
        @Argument var old: String
        @Argument var new: String
        @OptionGroup var out: OutputOptions

        func run() async throws {
            try await exiting(out.display) {
                let difference = LockDifference(from: try Target.lock(old), to: try Target.lock(new))
                try LockReport.print(difference, json: out.json)
                if !difference.isEmpty { throw ExitCode(1) }
            }
        }
    }
}

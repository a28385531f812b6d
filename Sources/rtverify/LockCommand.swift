import ArgumentParser
import Glibc
import Host
import ImageComparison
import PackageResolution
import RuntimeSpec

struct Lock: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Resolve a manifest and pin every package and time in a lockfile.",
        discussion: """
            rtverify lock MANIFEST                        resolve anew and write the lock
            rtverify lock --update MANIFEST [PACKAGE...]  move forward: everything, or the packages named
            rtverify lock --upgrade MANIFEST              the lock in today's format, with nothing moved
            rtverify lock --check MANIFEST                offline: was the lock made from this manifest?
            rtverify lock --verify LOCK                   offline: derive signature, index and every entry again
            rtverify lock --from-image IMAGE -o DRAFT     draft the lock that an image was made from
            rtverify lock diff OLD NEW                    what changed

            EXAMPLES:
              rtverify lock runtimes/debian-12-minimal/runtime.toml
              rtverify lock --verify lockfiles/debian-12-minimal.lock

            `rtverify lock resolve --help` lists all options.
            """,
        subcommands: [Resolve.self, Diff.self], defaultSubcommand: Resolve.self)
}

extension Lock {
    struct Resolve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lock, update, check or verify (what `rtverify lock` does without a subcommand).",
            discussion: """
                EXAMPLES:
                  rtverify lock runtimes/debian-12-minimal/runtime.toml
                  rtverify lock --update runtimes/debian-12-minimal/runtime.toml openssl
                """)

        @Argument(help: "The manifest; with --verify, the lock; with --from-image, the image.")
        var file: String
        @Argument(help: "With --update: the packages to move.")
        var packages: [String] = []
        @Flag(help: "Move the lock forward, never to an older Release, and say what changed.")
        var update = false
        @Flag(help: "Write the lock in today's format, with what the manifest asks for; nothing that is locked moves.")
        var upgrade = false
        @Flag(help: "Say offline whether manifest and lock belong together.")
        var check = false
        @Flag(help: "Derive the lock's every entry again, offline, from what the store holds.")
        var verify = false
        @Flag(help: "Draft the lock that would make an image, from the package databases in it.")
        var fromImage = false
        @Option(
            help: ArgumentHelp("With --from-image: a suite to look in instead of the release's.", valueName: "suite"))
        var suite: [String] = []
        @Option(help: ArgumentHelp("With --suite: a key that may sign it, 40 digits.", valueName: "fingerprint"))
        var key: [String] = []
        @Flag(help: "With --verify: fetch what the store lacks for it.")
        var fetch = false
        @Option(name: .shortAndLong, help: "The lock (default: lockfiles/NAME.lock, or NAME.lock).")
        var output: String?
        @Option(help: ArgumentHelp("The newest time in the image (default: the newest Release).", valueName: "seconds"))
        var sourceDateEpoch: Int?
        @Option(help: ArgumentHelp("Look for the archive's keys here only. May be repeated.", valueName: "file"))
        var keyring: [String] = []
        @Flag(help: "Lock a Release past its Valid-Until.")
        var allowExpired = false
        @OptionGroup var source: SourceOptions
        @OptionGroup var out: OutputOptions

        func validate() throws {
            if [update, upgrade, check, verify, fromImage].filter({ $0 }).count > 1 {
                throw ValidationError("Choose one of --update, --upgrade, --check, --verify and --from-image.")
            }
            if fromImage, output == nil { throw ValidationError("--from-image takes -o: a draft is not yet the lock.") }
            if suite.isEmpty != key.isEmpty || (!suite.isEmpty && !fromImage) {
                throw ValidationError("--suite and --key belong together, and to --from-image.")
            }
            if !packages.isEmpty, !update { throw ValidationError("Packages can be named with --update only.") }
            if fetch, !verify { throw ValidationError("--fetch belongs to --verify.") }
            try checkEpoch(sourceDateEpoch)
        }

        func run() async throws {
            let display = out.display
            try await exiting(display) {
                if verify { return try await runVerify(display) }
                if fromImage { return try await runDraft(display) }
                let manifest = try Manifest(text: try SmallFile.text(file), file: file)
                let path = output ?? Self.defaultPath(manifest.name)
                if check { return try await runCheck(manifest, path) }
                if upgrade { return try await runUpgrade(manifest, path) }
                let store = try source.openStore()
                let fetcher = try source.fetcher(store: store, display: display)
                let programs = source.programs(store: store, display: display)
                let locker = RuntimeLock(
                    store: store, fetcher: fetcher, keyrings: keyring, programs: programs, events: display.report)
                let options = RuntimeLock.Options(sourceDateEpoch: sourceDateEpoch, allowExpired: allowExpired)
                let old = update ? try Lockfile(text: try SmallFile.text(path), file: path) : nil
                let directory = Paths.parent(of: file)
                let lock: Lockfile
                do {
                    if let old {
                        lock = try await locker.update(
                            old, packages: packages, of: manifest, directory: directory, options: options)
                    } else {
                        lock = try await locker.lock(manifest, directory: directory, options: options)
                    }
                } catch {
                    await fetcher.shutdown()
                    throw error
                }
                await fetcher.shutdown()
                try Self.write(lock, to: path)
                display.finish()
                if let old { try LockReport.print(LockDifference(from: old, to: lock), json: out.json) }
                LockReport.print(lock, path: path, json: out.json && old == nil, quiet: out.json)
            }
        }

        private func runDraft(_ display: ProgressDisplay) async throws {
            let contents = try await Examination.contents(of: file)
            let store = try source.openStore()
            let fetcher = try source.fetcher(store: store, display: display)
            let suites = DebianSuites(release: contents.release, suites: suite, components: ["main"], keys: key)
            let draft = LockDraft(
                store: store, fetcher: fetcher, keyrings: keyring,
                programs: source.programs(store: store, display: display), suites: suite.isEmpty ? nil : suites,
                allowExpired: allowExpired, events: display.report)
            let path = output ?? ""
            let result: Result<LockDraft.Found, any Error>
            do {
                let name = (file.split(separator: "/").last ?? "").prefix { $0 != "." }.map { character in
                    character.isASCII && (character.isLetter || character.isNumber) ? character : "-"
                }.drop { $0 == "-" }
                result = .success(try await draft.draft(contents, name: name.isEmpty ? "draft" : String(name)))
            } catch { result = .failure(error) }
            await fetcher.shutdown()
            let found = try result.get()
            try AtomicFile.write(found.text, to: path)
            display.finish()
            LockReport.print(found, path: path, json: out.json)
            if !found.missing.isEmpty || found.fault != nil { throw ExitCode(1) }
        }

        private func runVerify(_ display: ProgressDisplay) async throws {
            let lock = try Lockfile(text: try SmallFile.text(file), file: file)
            let store = try source.openStore()
            let programs = source.programs(store: store, display: display)
            let verification = LockVerification(store: store, keyrings: keyring, programs: programs)
            if fetch {
                let fetcher = try source.fetcher(store: store, display: display)
                do {
                    try await verification.fetchInputs(of: lock, fetcher: fetcher)
                    try await programs.fetchWheels(of: lock)
                } catch {
                    await fetcher.shutdown()
                    throw error
                }
                await fetcher.shutdown()
            }
            let outcome = try await verification.verify(lock)
            display.finish()
            try LockReport.print(outcome, path: file, json: out.json)
        }

        private func runUpgrade(_ manifest: Manifest, _ path: String) async throws {
            let old = try Lockfile(text: try SmallFile.text(path), file: path)
            let lock = try await LockCheck.upgraded(
                old, to: manifest, directory: Paths.parent(of: file), manifestPath: file, lockPath: path)
            if lock != old { try Self.write(lock, to: path) }
            LockReport.print(lock, path: path, json: out.json, quiet: out.json)
        }

        /// Writes a lock, once it is known that it can be read.
        private static func write(_ lock: Lockfile, to path: String) throws {
            _ = try Lockfile(text: lock.text, file: path)
            try Folder.create(Paths.parent(of: path))
            try AtomicFile.write(lock.text, to: path)
        }

        private func runCheck(_ manifest: Manifest, _ path: String) async throws {
            let lock = try Lockfile(text: try SmallFile.text(path), file: path)
            try await LockCheck.check(
                manifest, directory: Paths.parent(of: file), manifestPath: file, lock: lock, lockPath: path)
            if out.json {
                printLine(#"{"belongs": true}"#)
            } else {
                printLine("\(path) was made from \(file) as it is now")
            }
        }

        private static func defaultPath(_ name: String) -> String {
            access("lockfiles", F_OK) == 0 ? "lockfiles/\(name).lock" : "\(name).lock"
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what changed from one lock to another.",
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
                let difference = LockDifference(
                    from: try Lockfile(text: try SmallFile.text(old), file: old),
                    to: try Lockfile(text: try SmallFile.text(new), file: new))
                try LockReport.print(difference, json: out.json)
                if !difference.isEmpty { throw ExitCode(1) }
            }
        }
    }
}

import ArgumentParser
import Glibc
import Host
import Mirrors
import PackageResolution
import RuntimeSpec

struct Lock: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Resolve a manifest, and pin every package version, digest and time in a lockfile.",
        discussion: """
            rtverify lock MANIFEST                       resolve anew and write the lock
            rtverify lock update MANIFEST [PACKAGE...]   move forward: everything, or the packages named
            rtverify lock check MANIFEST                 offline: was the lock made from this manifest?
            rtverify lock verify LOCK                    offline: derive signature, index and every entry again
            rtverify lock diff OLD NEW                   what changed
            rtverify lock draft IMAGE -o DRAFT           draft the lock that an image was made from
            rtverify lock upgrade MANIFEST               the lock in today's format, with nothing moved

            EXAMPLES:
              rtverify lock runtimes/debian-12-minimal/runtime.toml
              rtverify lock verify lockfiles/debian-12-minimal.lock

            `rtverify lock resolve --help` lists the options of `rtverify lock MANIFEST`.
            """,
        subcommands: [
            Resolve.self, Update.self, Check.self, Verify.self, Diff.self, Draft.self, Upgrade.self,
        ], defaultSubcommand: Resolve.self)
}

extension Lock {
    /// A manifest and the lock that belongs to it.
    struct Target: ParsableArguments {
        @Argument(help: "The manifest.")
        var manifest: String
        @Option(name: .shortAndLong, help: "The lock (default: lockfiles/NAME.lock, or NAME.lock).")
        var output: String?

        /// Where the manifest lies, with the files that it names.
        var directory: String { Paths.parent(of: manifest) }

        /// The manifest, and the lock's path.
        func read() throws -> (manifest: Manifest, path: String) {
            let read = try Manifest(text: try SmallFile.text(manifest), file: manifest)
            let folder = access("lockfiles", F_OK) == 0 ? "lockfiles/" : ""
            return (read, output ?? "\(folder)\(read.name).lock")
        }

        static func lock(_ path: String) throws -> Lockfile {
            try Lockfile(text: try SmallFile.text(path), file: path)
        }
    }

    /// What is asked of a manifest and its lock without resolving anything.
    struct OfflineTarget: ParsableArguments {
        @OptionGroup var target: Target
        /// Of no use here: a script that gives every `lock` its store may give it to these too.
        @OptionGroup(visibility: .hidden) var unused: Resolution
        @OptionGroup var out: OutputOptions
    }

    /// How suites are read.
    struct Trust: ParsableArguments {
        @Option(help: ArgumentHelp("Look for the archive's keys here only. May be repeated.", valueName: "file"))
        var keyring: [String] = []
        @Flag(help: "Lock a Release past its Valid-Until.")
        var allowExpired = false
    }

    /// What a resolution takes besides the manifest.
    struct Resolution: ParsableArguments {
        @Option(help: ArgumentHelp("The newest time in the image (default: the newest Release).", valueName: "seconds"))
        var sourceDateEpoch: Int?
        @Option(
            help: ArgumentHelp(
                "Lock each suite of Debian's as it was then: 2026-11-24 (the end of that day, UTC), or 20261124T021215Z.",
                valueName: "time"))
        var at: String?
        @OptionGroup var trust: Trust
        @OptionGroup var source: SourceOptions

        func validate() throws {
            try checkEpoch(sourceDateEpoch)
            guard let at else { return }
            guard let time = SnapshotTime(written: at) else {
                throw ValidationError("'\(at)' is no time; write it as 2026-11-24 or 20261124T021215Z")
            }
            if time.seconds > Glibc.time(nil) + 86400 { throw ValidationError("'\(at)' is still to come") }
        }

        /// Has a lock made, and writes it once it is known that it can be read.
        func lock(
            to path: String, _ display: ProgressDisplay,
            _ body: (RuntimeLock, RuntimeLock.Options) async throws -> Lockfile
        ) async throws -> Lockfile {
            let options = RuntimeLock.Options(
                sourceDateEpoch: sourceDateEpoch, allowExpired: trust.allowExpired,
                time: at.flatMap { SnapshotTime(written: $0) })
            let lock = try await source.withInputs(display) { inputs in
                try await body(
                    RuntimeLock(
                        store: inputs.store, fetcher: inputs.fetcher, keyrings: trust.keyring,
                        programs: inputs.programs, events: display.report), options)
            }
            try lock.write(to: path)
            let vanishing = lock.vanishing
            if !vanishing.isEmpty {
                display.report(
                    .note(
                        "not there for ever: \(vanishing.joined(separator: "; ")). To build this lock in years: "
                            + "rtverify store export --lock \(path) -o \(lock.name).car"))
            }
            return lock
        }
    }

    struct Resolve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lock a manifest anew (what `rtverify lock` does without a subcommand).",
            discussion: """
                EXAMPLES:
                  rtverify lock runtimes/debian-12-minimal/runtime.toml
                  rtverify lock --source-date-epoch 1795480473 -o my.lock runtime.toml
                """)

        @OptionGroup var target: Target
        @OptionGroup var resolution: Resolution
        @OptionGroup var out: OutputOptions

        func run() async throws {
            let display = out.display
            try await exiting(display) {
                let (manifest, path) = try target.read()
                let lock = try await resolution.lock(to: path, display) { locker, options in
                    try await locker.lock(manifest, directory: target.directory, options: options)
                }
                display.finish()
                LockReport.print(lock, path: path, json: out.json, quiet: out.json)
            }
        }
    }
}

extension Lockfile {
    /// Writes a lock, once it is known that it can be read.
    func write(to path: String) throws {
        _ = try Lockfile(text: text, file: path)
        try Folder.create(Paths.parent(of: path))
        try AtomicFile.write(text, to: path)
    }
}

import ArgumentParser
import Host
import PackageResolution

extension Lock {
    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Update a lock to newer versions: all of it, or the packages named and what they need.",
            discussion: """
                Never to an older Release; it says what changed.

                EXAMPLES:
                  rtverify lock update runtimes/debian-12-minimal/runtime.toml
                  rtverify lock update runtimes/debian-12-minimal/runtime.toml openssl
                """)

        @OptionGroup var target: Target
        @Argument(help: "The packages to move; all of them where none is named.")
        var packages: [String] = []
        @OptionGroup var resolution: Resolution
        @OptionGroup var out: OutputOptions

        func run() async throws {
            let display = out.display
            try await exiting(display) {
                let (manifest, path) = try target.read()
                let old = try Target.lock(path)
                let lock = try await resolution.lock(to: path, display) { locker, options in
                    try await locker.update(
                        old, packages: packages, of: manifest, directory: target.directory, options: options)
                }
                display.finish()
                try LockReport.print(LockDifference(from: old, to: lock), json: out.json)
                LockReport.print(lock, path: path, json: false, quiet: out.json)
            }
        }
    }

    struct Upgrade: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a lock in today's format, with what its manifest asks for; nothing that is locked moves.",
            discussion: """
                EXAMPLES:
                  rtverify lock upgrade runtimes/debian-12-minimal/runtime.toml
                  rtverify lock upgrade -o old.lock runtime.toml
                """)

        @OptionGroup var target: Target
        @OptionGroup var resolution: Resolution
        @OptionGroup var out: OutputOptions

        func run() async throws {
            try await exiting(out.display) {
                let (manifest, path) = try target.read()
                let old = try Target.lock(path)
                let lock = try await resolution.lock(to: path, out.display) { locker, _ in
                    try await locker.upgrade(
                        old, to: manifest, directory: target.directory, manifestPath: target.manifest, lockPath: path)
                }
                LockReport.print(lock, path: path, json: out.json, quiet: out.json)
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check offline whether a lock is up to date with its manifest.",
            discussion: """
                EXAMPLES:
                  rtverify lock check runtimes/debian-12-minimal/runtime.toml
                  rtverify lock check --json -o my.lock runtime.toml
                """)

        @OptionGroup var offline: OfflineTarget

        func run() async throws {
            let (target, out) = (offline.target, offline.out)
            try await exiting(out.display) {
                let (manifest, path) = try target.read()
                try await LockCheck.check(
                    manifest, directory: target.directory, manifestPath: target.manifest,
                    lock: try Target.lock(path), lockPath: path)
                LockReport.print(belongs: path, to: target.manifest, json: out.json)
            }
        }
    }
}

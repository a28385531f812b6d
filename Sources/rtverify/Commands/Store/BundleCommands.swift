import ArgumentParser
import ContentHash
import Glibc
import Host
import ImageBuild
import InputStore
import Mirrors
import PackageResolution
import RuntimeSpec

extension BundleError: DecidedError {}

extension StoreCommand {
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Write a lock and all its inputs as one file, which rebuilds the image when nobody serves them any more.",
            discussion: """
                The bundle has every input of the build, the toolchain, the files of your own, and what `lock verify` reads. It is the CAR \
                of a UnixFS folder (unixfs-v1-2025), whose root CID follows from the lock alone. What the store lacks is fetched first.

                EXAMPLES:
                  rtverify store export --lock lockfiles/debian-12-minimal.lock -o minimal.car
                  rtverify store export --lock lockfiles/debian-12-minimal.lock --format dir -o minimal-inputs
                """)

        enum Format: String, ExpressibleByArgument, CaseIterable {
            case car, dir
        }

        @Option(help: "The lockfile.")
        var lock: String
        @Option(name: .shortAndLong, help: "The bundle (- for standard output).")
        var output: String
        @Option(help: "One CAR, or a folder with the same files.")
        var format = Format.car
        @Option(
            help: ArgumentHelp(
                "Compare the root with a golden file's inputs_cid; exit 1 if it differs.", valueName: "file"))
        var golden: String?
        @OptionGroup var source: SourceOptions
        @OptionGroup var out: OutputOptions

        func validate() throws {
            if output == "-", format == .dir { throw ValidationError("A folder has a name: -o DIR.") }
            if output == "-", out.json {
                throw ValidationError("With -o - standard output is the bundle's; leave out --json.")
            }
        }

        func run() async throws {
            let display = out.display
            try await exiting(display) {
                let runtime = try ImageBuilder.LockedRuntime(path: lock)
                let expected = try golden.map { try expectedRoot(in: $0, of: runtime) }
                let keys = DebianKeys.keys(Set(runtime.lock.archives.filter { $0.thirdParty == nil }.flatMap(\.keys)))
                let unknown =
                    keys.unknown
                    + runtime.lock.thirdPartyArchives.filter { $0.thirdParty?.key == nil }.flatMap(\.keys)
                for fingerprint in unknown {
                    display.report(
                        .note(
                            "the key \(fingerprint), which the lock lets sign, is none that rtverify has: keep its keyring "
                                + "beside the bundle"))
                }
                let summary = try await source.withInputs(display) { inputs in
                    func export() async throws -> BundleExport.Summary {
                        let export = try BundleExport(
                            runtime.text, of: runtime.lock, from: inputs.store, keys: keys.known)
                        display.report(.phase(name: "write \(output)", total: 0))
                        return try await write(export)
                    }
                    // Writing hashes them all: looking at each before would be to do it twice.
                    do { return try await export() } catch let error where error is StoreError || error is FileReadError
                    {
                        display.report(.note("\(error)"))
                    } catch BundleError.incomplete {}
                    try await Self.fetch(runtime, inputs, display)
                    return try await export()
                }
                display.finish()
                StoreReport.print(summary, bundle: output, lock: runtime.sha256, json: out.json)
                if let golden, let expected, expected != summary.root.description {
                    throw BuildError.otherInputs(golden: golden, expected: expected, found: summary.root.description)
                }
            }
        }

        private func expectedRoot(in golden: String, of runtime: ImageBuilder.LockedRuntime) throws -> String {
            let file = try GoldenFile(path: golden)
            guard file.lockSHA256 == runtime.sha256.hex else {
                throw BuildError.otherLock(golden: golden, expected: file.lockSHA256, found: runtime.sha256.hex)
            }
            guard let root = file.inputsCID else { throw BuildError.noInputs(golden: golden) }
            return root
        }

        /// What a build and a verification read.
        private static func fetch(
            _ runtime: ImageBuilder.LockedRuntime, _ inputs: SourceOptions.Inputs, _ display: ProgressDisplay
        ) async throws {
            let builder = ImageBuilder(
                store: inputs.store, fetcher: inputs.fetcher, programs: inputs.programs, jobs: processorCount,
                events: display.report)
            try await Interruption.cancelling {
                try await builder.fetch(runtime)
                try await LockVerification(store: inputs.store, keyrings: [], programs: inputs.programs)
                    .fetchInputs(of: runtime.lock, fetcher: inputs.fetcher)
            }
        }

        private func write(_ export: BundleExport) async throws -> BundleExport.Summary {
            let (path, format) = (output, format)
            if format == .dir { return try await interruptible { try export.writeFolder(to: path, isOver: $0) } }
            if path == "-" {
                // A node is written when what it names has been hashed, and a pipe doesn't go back.
                let file = try AtomicFile(directory: temporaryDirectory)
                let summary = try await interruptible {
                    try export.writeCAR(to: file.descriptor, name: "the bundle", isOver: $0)
                }
                try await interruptible { try StandardOutput.copy(from: file.descriptor, isOver: $0) }
                return summary
            }
            let file = try AtomicFile(replacing: path)
            let summary = try await interruptible {
                try export.writeCAR(to: file.descriptor, name: path, isOver: $0)
            }
            // The disk may have it later, which takes longer than all the rest: whoever reads it finds what a crash took.
            try file.publish(syncing: false)
            return summary
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a bundle's inputs into the store, every block and every object checked.",
            discussion: """
                A bundle is a CAR, its folder, or the URL of a CAR: a gateway's https://GATEWAY/ipfs/ROOT?format=car too. Only what its lock \
                names is taken. Exit status 1 when something in it is not what it must be.

                EXAMPLES:
                  rtverify store import minimal.car
                  rtverify store import minimal.car --lock minimal.lock
                """)

        @Argument(help: "The bundle: a file, a folder, - for standard input, or a URL.")
        var bundle: String
        @Option(help: ArgumentHelp("Write its lock to this file.", valueName: "file"))
        var lock: String?
        @Option(help: ArgumentHelp("Seconds without a byte after which a download is given up.", valueName: "seconds"))
        var timeout = 30
        @OptionGroup var option: StoreOption
        @OptionGroup var out: OutputOptions

        func validate() throws {
            guard (1...86_400).contains(timeout) else { throw ValidationError("--timeout is from 1 to 86400 seconds.") }
        }

        func run() async throws {
            let display = out.display
            try await exiting(display) {
                var status = stat()
                let store = try option.open()
                let text: String
                let root: CID?
                let inputs: [Lockfile.Input]
                let use = try StoreUse(of: store)
                defer { withExtendedLifetime(use) {} }
                if stat(bundle, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                    let folder = try BundleFolder(path: bundle)
                    display.report(.phase(name: "import \(RemoteFile.shown(bundle))", total: 0))
                    inputs = try await interruptible { try folder.take(into: store, isOver: $0) }
                    (text, root) = (folder.lockText, nil)
                } else {
                    let car = try await car(display)
                    display.report(.phase(name: "import \(RemoteFile.shown(bundle))", total: 0))
                    inputs = try await interruptible { try car.take(into: store, isOver: $0) }
                    (text, root) = (car.lockText, car.root)
                }
                if let lock { try AtomicFile.write(text, to: lock) }
                display.finish()
                StoreReport.print(
                    imported: inputs, of: RemoteFile.shown(bundle), root: root, lock: .of(Array(text.utf8)),
                    store: store.directory,
                    json: out.json)
            }
        }

        private func car(_ display: ProgressDisplay) async throws -> BundleImport {
            if bundle == "-" {
                return try BundleImport(try AtomicFile.spooled(descriptor: STDIN_FILENO), name: "standard input")
            }
            guard RemoteFile.isURL(bundle) else { return try BundleImport(path: bundle) }
            let file = try AtomicFile(directory: temporaryDirectory)
            let remote = RemoteFile(
                url: bundle, timeout: timeout, environment: environmentValue, events: display.report)
            let limit = Folder.freeSpace(at: temporaryDirectory)
            try await Interruption.cancelling { try await remote.download(into: file, limit: limit) }
            return try BundleImport(file, name: RemoteFile.shown(bundle))
        }
    }
}

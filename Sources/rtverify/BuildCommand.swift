import ArgumentParser
import ContentHash
import Glibc
import ImageBuild
import InputStore
import Reporting

struct Build: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Build the image of a lock and print its size, SHA-256 and CID.",
        discussion: """
            The image's bytes depend on the lock alone. As root or as a user with subordinate ids, it is the same.

            EXAMPLES:
              rtverify build --lock lockfiles/debian-12-minimal.lock -o minimal.squashfs
              rtverify build --lock lockfiles/debian-12-minimal.lock --golden golden/debian-12-minimal.json
            """)

    @Option(help: "The lockfile.")
    var lock: String
    @Option(name: .shortAndLong, help: "The image (default: NAME.squashfs).")
    var output: String?
    @Flag(help: "Build twice under different conditions; exit 1 and name the first differing entries if they differ.")
    var check = false
    @Option(help: ArgumentHelp("Compare with a golden file; exit 1 if the image differs.", valueName: "file"))
    var golden: String?
    @Option(name: .shortAndLong, help: "How many packages are decompressed at once (default: all processors).")
    var jobs: Int?
    @Option(help: ArgumentHelp("Seconds that a step may take (default: as long as it takes).", valueName: "seconds"))
    var stepTimeout: Int?
    @OptionGroup var source: SourceOptions
    @OptionGroup var out: OutputOptions

    func validate() throws {
        if let stepTimeout, stepTimeout < 1 { throw ValidationError("--step-timeout is at least a second.") }
        if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs is from 1 to 1024.") }
    }

    private struct Answer: Encodable {
        var image: String
        var size: Int
        var sha256: String
        var cid: String
        var lock_sha256: String
        var recipe: Int
        var seconds: Double
    }

    func run() async throws {
        let display = out.display
        try await exiting(display) {
            let started = ContinuousClock.now
            let runtime = try ImageBuilder.LockedRuntime(path: lock)
            let expected = try golden.map { path in
                (path, try JSONText.decode(GoldenFile.self, from: Array(try Paths.readText(path).utf8)))
            }
            let store = try source.openStore()
            let fetcher = try source.fetcher(store: store, display: display)
            let builder = ImageBuilder(
                store: store, fetcher: fetcher, sandbox: source.packageSandbox(store: store, display: display),
                jobs: jobs ?? sysconf(Int32(_SC_NPROCESSORS_ONLN)), stepTimeout: stepTimeout,
                events: display.report)
            let image = output ?? "\(runtime.lock.name).squashfs"
            let check = check
            let result: Result<FileIdentity, any Error>
            do {
                result = .success(
                    try await Interruption.cancelling {
                        check
                            ? try await builder.check(runtime, image: image)
                            : try await builder.build(runtime, image: image)
                    })
            } catch {
                result = .failure(error)
            }
            await fetcher.shutdown()
            let identity = try result.get()
            display.finish()
            let found = GoldenFile(lockSHA256: runtime.sha256.hex, identity: identity)
            report(found, image: image, recipe: runtime.lock.recipe, since: started)
            if let (path, expected) = expected {
                try expected.compare(with: found, path: path)
                if !out.json { printLine("  golden  the same as \(path)") }
            }
        }
    }

    private func report(_ found: GoldenFile, image: String, recipe: Int, since started: ContinuousClock.Instant) {
        if out.json {
            let hundredths = (started.duration(to: .now) / .milliseconds(10)).rounded()
            printLine(
                JSONText.of(
                    Answer(
                        image: image, size: found.size, sha256: found.sha256, cid: found.cid,
                        lock_sha256: found.lock_sha256, recipe: recipe, seconds: hundredths / 100)))
            return
        }
        printLine(image)
        printLine("  size    \(found.size)")
        printLine("  sha256  \(found.sha256)")
        printLine("  cid     \(found.cid)")
        printLine("  lock    \(found.lock_sha256)")
        if check { printLine("  check   two builds gave these same bytes") }
    }
}

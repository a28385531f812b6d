import ArgumentParser
import ContentHash
import Glibc
import Host
import ImageBuild
import KeptTrees
import PackageResolution

extension TreePlace: ExpressibleByArgument {}

struct Build: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Build (or reproduce) the image of a lock, and print its size, SHA-256 and CID.",
        discussion: """
            The image's bytes depend on the lock alone. As root or as a user with subordinate ids, it is the same.

            EXAMPLES:
              rtverify build --lock lockfiles/debian-12-minimal.lock -o minimal.squashfs
              rtverify build --lock lockfiles/debian-12-minimal.lock --golden golden/debian-12-minimal.json
              rtverify build --lock lockfiles/debian-12-minimal.lock --check --vary time,locale
            """)

    @Option(help: "The lockfile.")
    var lock: String
    @Option(name: .shortAndLong, help: "The image (default: NAME.squashfs).")
    var output: String?
    @Flag(help: "Build again under other conditions; exit 1 and say what makes them differ if the bytes do.")
    var check = false
    @Option(help: ArgumentHelp("With --check: builds to compare (default: 2).", valueName: "n"))
    var builds: Int?
    @Option(
        help: ArgumentHelp(
            "With --check: what to vary, names with commas between, or all (see docs/build.md).", valueName: "list"))
    var vary: String?
    @Option(help: ArgumentHelp("With --check: keep images that differ in this folder.", valueName: "dir"))
    var keepDiffering: String?
    @Option(help: ArgumentHelp("Compare with a golden file; exit 1 if the image differs.", valueName: "file"))
    var golden: String?
    @Option(name: .shortAndLong, help: "How many packages are decompressed at once (default: all processors).")
    var jobs: Int?
    @Option(help: ArgumentHelp("Seconds that a step may take (default: as long as it takes).", valueName: "seconds"))
    var stepTimeout: Int?
    @Option(
        help: ArgumentHelp(
            "Where the tree lies: memory or disk (default: memory where four times its size is free).",
            valueName: "place"))
    var tree: TreePlace?
    @Flag(
        help: ArgumentHelp(
            "Take no tree of an earlier build, and keep none (with --golden or --check none is taken in any case)."))
    var noCache = false
    @OptionGroup var source: SourceOptions
    @OptionGroup var out: OutputOptions

    func validate() throws {
        if !check, builds != nil || vary != nil || keepDiffering != nil {
            throw ValidationError("--builds, --vary and --keep-differing belong to --check.")
        }
        if let builds, !(2...100).contains(builds) { throw ValidationError("--builds is from 2 to 100.") }
        _ = try variations()
        if let stepTimeout, stepTimeout < 1 { throw ValidationError("--step-timeout is at least a second.") }
        if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs is from 1 to 1024.") }
    }

    /// Trees of earlier builds, where the image is not to prove anything.
    private func keptTrees(_ display: ProgressDisplay) -> KeptTrees? {
        if noCache || check || golden != nil { return nil }
        do { return try KeptTrees(directory: KeptTrees.defaultDirectory(environment: environmentValue)) } catch {
            display.report(.note("trees of earlier builds are not used: \(error)"))
            return nil
        }
    }

    /// What --vary names; nil for what is varied without it.
    private func variations() throws -> [Variation]? {
        do {
            return try vary.map { try Variation.list($0.split(separator: ",").map { $0.filter { $0 != " " } }) }
        } catch let error as Variation.Unknown { throw ValidationError("\(error)") }
    }

    private struct BuildAnswer: Encodable {
        var image: String
        var size: Int
        var sha256: String
        var cid: String
        var lockSHA256: String
        var recipe: Int
        var seconds: Double
        var check: CheckReport?
    }

    func run() async throws {
        let display = out.display
        try await exiting(display) {
            let started = ContinuousClock.now
            let runtime = try ImageBuilder.LockedRuntime(path: lock)
            let expected = try golden.map { ($0, try GoldenFile(path: $0)) }
            let image = output ?? "\(runtime.lock.name).squashfs"
            let varied = try variations()
            let trees = keptTrees(display)
            let (checked, identity) = try await source.withInputs(display) { inputs in
                let builder = ImageBuilder(
                    store: inputs.store, fetcher: inputs.fetcher, programs: inputs.programs,
                    jobs: jobs ?? processorCount, stepTimeout: stepTimeout, tree: tree, trees: trees,
                    events: display.report)
                let checking =
                    check
                    ? ReproducibilityCheck(
                        builder: builder, runtime: runtime, builds: builds ?? 2, variations: varied,
                        clock: {
                            try await IndexedPackage.otherClock(of: $0, store: inputs.store, fetcher: inputs.fetcher)
                        }, keepFolder: keepDiffering, events: display.report) : nil
                return try await Interruption.cancelling { () -> (CheckReport?, FileIdentity) in
                    guard let checking else {
                        return (nil, try await builder.build(runtime, image: image, use: inputs.use))
                    }
                    // Whether it can be written is found before the builds.
                    let file = try AtomicFile(replacing: image)
                    let found = try await checking.run { _, path in try file.publish(copying: path) }
                    return (found.report, found.identity)
                }
            }
            display.finish()
            let found = GoldenFile(lockSHA256: runtime.sha256.hex, identity: identity)
            if let checked, !checked.reproducible {
                printLine(out.json ? JSONText.of(checked) : CheckText.lines(checked).joined(separator: "\n"))
                throw ExitCode(1)
            }
            report(found, checked, image: image, recipe: runtime.lock.format.recipe, since: started)
            if let (path, expected) = expected {
                try expected.compare(with: found, path: path)
                if !out.json { printLine("  golden  the same as \(path)") }
            }
        }
    }

    private func report(
        _ found: GoldenFile, _ checked: CheckReport?, image: String, recipe: Int, since started: ContinuousClock.Instant
    ) {
        if out.json {
            let hundredths = (started.duration(to: .now) / .milliseconds(10)).rounded()
            printLine(
                JSONText.of(
                    BuildAnswer(
                        image: image, size: found.size, sha256: found.sha256, cid: found.cid,
                        lockSHA256: found.lockSHA256, recipe: recipe, seconds: hundredths / 100, check: checked)))
            return
        }
        printLine(image)
        printLine("  size    \(found.size)")
        printLine("  sha256  \(found.sha256)")
        printLine("  cid     \(found.cid)")
        printLine("  lock    \(found.lockSHA256)")
        guard let checked else { return }
        for (number, line) in CheckText.lines(checked).enumerated() {
            printLine((number == 0 ? "  check   " : "          ") + line)
        }
    }
}

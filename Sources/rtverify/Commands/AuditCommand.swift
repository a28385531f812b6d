import ArgumentParser
import Glibc
import Host
import ImageBuild
import ImageComparison

struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look for what must not be in a published image.",
        discussion: """
            Private keys, identities, credentials, caches, traces of the builder, rights that no package vouches for, \
            times of the build. Exit status 0 when there is nothing, 1 when there is something that no [[allow]] of the \
            lock names.

            EXAMPLES:
              rtverify audit --runtime image.squashfs
              rtverify audit --lock lockfiles/debian-12-minimal.lock --json minimal.squashfs
            """)

    @Argument(help: "A squashfs image, a folder or a tar.")
    var image: String
    @Option(help: ArgumentHelp("The lock whose [[allow]] entries say what is meant.", valueName: "file"))
    var lock: String?
    @Option(
        help: ArgumentHelp("The time that no entry may be later than (default: the image's).", valueName: "seconds"))
    var sourceDateEpoch: Int?
    @Flag(help: "Also check what a supervisor expects of a runtime: init, mount points, programs, root's login.")
    var runtime = false
    @OptionGroup var out: OutputOptions

    func validate() throws { try checkEpoch(sourceDateEpoch) }

    func run() async throws {
        try await exiting(out.display) {
            let lockfile = try lock.map { try ImageBuilder.LockedRuntime(path: $0).lock }
            let report = try await Examination.audit(
                image,
                options: .init(
                    allowed: lockfile?.contents.allowed ?? [],
                    sourceDateEpoch: sourceDateEpoch ?? lockfile?.sourceDateEpoch,
                    builderWords: HostTraces.words(environment: environmentValue),
                    looksFor: runtime ? .everythingAndContract : .everything))
            printLine(out.json ? JSONText.of(report) : ImageText.lines(report).joined(separator: "\n"))
            if !report.findings.isEmpty { throw ExitCode(1) }
        }
    }
}

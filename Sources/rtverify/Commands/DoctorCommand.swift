import ArgumentParser
import Host
import ImageBuild

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Check this host's requirements for lock, build, verify and boot, and say how to install what is missing.",
        discussion: """
            Exit status 0 when nothing is missing, 2 when something is. QEMU, for boot alone, is "absent", not missing.

            EXAMPLES:
              rtverify doctor
              rtverify doctor --json
            """)
    @OptionGroup var source: SourceOptions
    @OptionGroup var out: OutputOptions

    func run() async throws {
        try await exiting(out.display) {
            let findings = await HostExamination(store: source.store.directory).findings()
            printLine(out.json ? JSONText.of(findings) : DoctorText.lines(findings).joined(separator: "\n"))
            if findings.contains(where: { !$0.present && !$0.optional }) { throw ExitCode(2) }
        }
    }
}

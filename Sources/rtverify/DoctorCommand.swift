import ArgumentParser
import ImageBuild
import Reporting

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what this host needs for lock, build and verify, and how to install what it lacks.",
        discussion: """
            Exit status 0 when nothing is missing, 2 when something is.

            EXAMPLES:
              rtverify doctor
              rtverify doctor --json
            """)
    @OptionGroup var source: SourceOptions
    @OptionGroup var out: OutputOptions

    func run() async throws {
        try await exiting(out.display) {
            let findings = await HostExamination(store: try source.openStore().directory).findings()
            if out.json {
                print(JSONText.of(findings))
            } else {
                for finding in findings {
                    print("\(finding.present ? "ok     " : "MISSING") \(finding.need): \(finding.detail)")
                    if let remedy = finding.remedy { print("        \(remedy)") }
                }
            }
            if findings.contains(where: { !$0.present }) { throw ExitCode(2) }
        }
    }
}

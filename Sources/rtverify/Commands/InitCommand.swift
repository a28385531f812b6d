import ArgumentParser
import Glibc
import Host
import RuntimeTemplates

struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a manifest to start from.",
        discussion: """
            The runtime is named after the folder.

            TEMPLATES:
            \(RuntimeTemplate.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

            EXAMPLES:
              rtverify init runtimes/mine
              rtverify init --template alpine-minimal runtimes/mine
            """)

    @Option(help: "The template.")
    var template = RuntimeTemplate.all[0].name
    @Argument(help: "The folder, which is made.")
    var directory: String
    @OptionGroup var out: OutputOptions

    private struct InitAnswer: Encodable {
        var manifest: String
        var files: [String]
    }

    func validate() throws {
        guard RuntimeTemplate.all.contains(where: { $0.name == template }) else {
            throw ValidationError(
                "There is no template '\(template)'; there are "
                    + RuntimeTemplate.all.map(\.name).joined(separator: ", ") + ".")
        }
    }

    func run() async throws {
        try await exiting(out.display) {
            guard let template = RuntimeTemplate.all.first(where: { $0.name == template }) else { return }
            let path = try template.write(to: directory)
            if out.json {
                return printLine(
                    JSONText.of(
                        InitAnswer(manifest: path, files: template.files.map { "\(directory)/\($0.name)" })))
            }
            printLine("\(path): \(template.summary)")
            printLine("next: rtverify lock \(path)")
        }
    }
}

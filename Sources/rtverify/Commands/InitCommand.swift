import ArgumentParser
import Glibc
import Host
import RuntimeSpec
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
            let name = String(Paths.absolute(directory).split(separator: "/").last { $0 != "." } ?? "")
            let text = template.manifest(named: name)
            let path = "\(directory)/runtime.toml"
            // The folder's name must do for a runtime's.
            _ = try Manifest(text: text, file: path)
            for file in ["runtime.toml"] + template.files.map(\.name)
            where access("\(directory)/\(file)", F_OK) == 0 {
                throw AlreadyThere(path: "\(directory)/\(file)")
            }
            try Folder.create(directory)
            for file in template.files {
                let output = try AtomicFile(
                    replacing: "\(directory)/\(file.name)", mode: mode_t(file.mode))
                try file.bytes.withUnsafeBytes { try output.write($0) }
                try output.publish()
            }
            try AtomicFile.write(text, to: path)
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

/// A file that would be overwritten.
private struct AlreadyThere: Error, CustomStringConvertible {
    var path: String

    var description: String { "\(path) is there already and is left as it is; choose another folder" }
}

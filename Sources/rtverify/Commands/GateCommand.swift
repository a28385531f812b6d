import ArgumentParser
import Gate
import Glibc
import Host
import RuntimeSpec

struct GateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate",
        abstract: "May this project's runtimes be released? Every check in one table, for CI.",
        discussion: """
            Without FILE: gate.toml, or else every runtimes/NAME/runtime.toml with lockfiles/NAME.lock and \
            golden/NAME.json. Each runtime is built once, and all that looks at its image looks at that one.

            Exit status: 0 every check is yes, 1 one is no, 2 none is no and one is undecided.

            EXAMPLES:
              rtverify gate
              rtverify gate gate.toml --junit gate.xml --markdown gate.md
            """)

    @Argument(help: "The gate's file (default: gate.toml, if it is there).")
    var file: String?
    @Option(help: ArgumentHelp("Write the JSON report here, beside the table.", valueName: "file"))
    var report: String?
    @Option(help: ArgumentHelp("Write a JUnit report here.", valueName: "file"))
    var junit: String?
    @Option(help: ArgumentHelp("Write the table and its details as Markdown here.", valueName: "file"))
    var markdown: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("Keep the images that are built in this folder.", valueName: "dir"))
    var output: String?
    @Option(name: .shortAndLong, help: "How many packages are decompressed at once (default: all processors).")
    var jobs: Int?
    @Option(help: ArgumentHelp("Look for the archives' keys here only. May be repeated.", valueName: "file"))
    var keyring: [String] = []
    @OptionGroup var network: NodeOptions
    @OptionGroup var source: SourceOptions
    @OptionGroup var out: OutputOptions

    func validate() throws {
        if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs is from 1 to 1024.") }
    }

    func run() async throws {
        let display = out.display
        // Names out of images and locks come on standard error, and a runner would take commands from there.
        let actions = environmentValue("GITHUB_ACTIONS") == "true" ? GateActions(besideJSON: out.json) : nil
        actions?.stopCommands()
        defer { actions?.resumeCommands() }
        try await exiting(display) {
            let (spec, folder) = try specification()
            // What can't be written is found before the builds.
            let files = try GateFiles(
                [
                    (report, { JSONText.of(GateJSON($0)) + "\n" }), (junit, GateJUnit.text),
                    (markdown, { GateMarkdown.text($0) }),
                ])
            guard !spec.runtimes.isEmpty else { throw NothingToCheck() }
            let apis = network.api.isEmpty ? spec.apis : network.api
            var found = try await source.withInputs(display) { inputs in
                let gate = Gate(
                    spec, folder: folder, imagesFolder: output,
                    tools: .init(
                        inputs: .init(store: inputs.store, fetcher: inputs.fetcher, programs: inputs.programs),
                        nodes: network.nodes(apis, source.gateways), jobs: jobs ?? processorCount, keyrings: keyring,
                        isOnline: !source.offline, words: .init(sources: source.words, nodes: network.words(apis)),
                        environment: environmentValue, events: display.report))
                return try await Interruption.cancelling { try await gate.run() }
            }
            display.finish()
            found.failures = files.write(found)
            printLine(out.json ? JSONText.of(GateJSON(found)) : GateText.lines(found).joined(separator: "\n"))
            // A line each: they hold paths of the gate's file.
            for failure in found.allFailures { printError("rtverify: \(TerminalText.safe(failure))") }
            actions?.resumeCommands()
            try actions?.write(found, report: report)
            if found.exitStatus != 0 { throw ExitCode(found.exitStatus) }
        }
    }

    private struct NothingToCheck: Error, CustomStringConvertible {
        var description: String {
            "there is nothing to check: no [[runtime]] in the gate's file, or no runtimes/NAME/runtime.toml here"
        }
    }

    private func specification() throws -> (GateSpec, folder: String) {
        if let path = file ?? (access("gate.toml", F_OK) == 0 ? "gate.toml" : nil) {
            return (try GateSpec(text: try SmallFile.text(path), file: path), Paths.parent(of: path))
        }
        return (GateSpec(runtimes: Gate.runtimes(in: ".")), ".")
    }
}

/// The reports that are asked for: made before the builds, written after them, each whatever becomes of the others.
private struct GateFiles {
    private var files: [(file: AtomicFile, text: (GateReport) -> String)] = []

    /// - Throws: `SystemError` for the first that can't be written.
    init(_ wanted: [(path: String?, text: (GateReport) -> String)]) throws {
        for (path, text) in wanted {
            if let path { files.append((try AtomicFile(replacing: path), text)) }
        }
    }

    /// - Returns: What went wrong.
    func write(_ report: GateReport) -> [String] {
        files.compactMap { file, text in
            do {
                try file.write(text(report))
                try file.publish()
                return nil
            } catch { return "\(error)" }
        }
    }
}

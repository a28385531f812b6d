import AlephNetwork
import Glibc
import Host
import InputStore
import Mirrors
import RuntimeSpec

/// Asks everything of a project's runtimes, and goes on whatever it finds: one run tells all.
public struct Gate: Sendable {
    /// What it works with.
    public struct Tools: Sendable {
        var inputs: Inputs
        var nodes: NodeSet
        var jobs: Int
        var keyrings: [String]
        /// Whether the network is asked: nodes, and suites for newer versions.
        var isOnline: Bool
        var words: OptionWords
        var environment: @Sendable (String) -> String?
        var events: EventSink

        /// Where inputs are, and who brings them.
        public struct Inputs: Sendable {
            var store: Store
            var fetcher: Fetcher
            var programs: TargetPrograms

            /// The store, and what fills it.
            public init(store: Store, fetcher: Fetcher, programs: TargetPrograms) {
                (self.store, self.fetcher, self.programs) = (store, fetcher, programs)
            }
        }

        /// The options that these came of, for the commands that show a finding here.
        public struct OptionWords: Sendable {
            var sources: [String]
            var nodes: [String]

            /// Words of a command line, for the commands that a person may run again.
            public init(sources: [String], nodes: [String]) { (self.sources, self.nodes) = (sources, nodes) }
        }

        /// - Parameter jobs: Packages decompressed at once and threads of the packer.
        public init(
            inputs: Inputs, nodes: NodeSet, jobs: Int, keyrings: [String], isOnline: Bool, words: OptionWords,
            environment: @escaping @Sendable (String) -> String?, events: @escaping EventSink
        ) {
            (self.inputs, self.nodes, self.jobs, self.keyrings) = (inputs, nodes, jobs, keyrings)
            (self.isOnline, self.words, self.environment, self.events) = (isOnline, words, environment, events)
        }
    }

    private let spec: GateSpec
    /// What the spec's paths are relative to.
    private let folder: String
    private let tools: Tools
    /// Where images that are built are kept; nil for nowhere.
    private let imagesFolder: String?

    /// - Parameter imagesFolder: Where images are kept; nil for nowhere.
    public init(_ spec: GateSpec, folder: String, imagesFolder: String?, tools: Tools) {
        (self.spec, self.folder, self.imagesFolder, self.tools) = (spec, folder, imagesFolder, tools)
    }

    /// The runtimes of a folder that is laid out as rtverify's own repository.
    public static func runtimes(in folder: String) -> [GateSpec.Runtime] {
        Folder.names(in: folder == "." ? "runtimes" : "\(folder)/runtimes").map { "runtimes/\($0)/runtime.toml" }
            .filter { access(path($0, in: folder), F_OK) == 0 }.map { GateSpec.Runtime(manifest: $0) }
    }

    private static func path(_ path: String, in folder: String) -> String {
        path.hasPrefix("/") || folder == "." ? path : "\(folder)/\(path)"
    }

    /// Runs every check of every runtime, whatever becomes of the others.
    public func run() async throws -> GateReport {
        // Before anything is built for it.
        if let imagesFolder { try Folder.create(imagesFolder) }
        var report = GateReport(runtimes: [], undecidedWarns: spec.undecidedWarns)
        for runtime in spec.runtimes {
            try Task.checkCancellation()
            tools.events(.note("\(runtime.name):"))
            report.runtimes.append(
                await RuntimeGate(
                    runtime: runtime, asked: Set(spec.checks ?? Self.standard(for: runtime)),
                    path: { Self.path($0, in: folder) }, imagesFolder: imagesFolder, tools: tools
                ).run())
        }
        try Task.checkCancellation()
        return report
    }

    /// All but what a runtime has no key for.
    private static func standard(for runtime: GateSpec.Runtime) -> [GateSpec.Check] {
        GateSpec.Check.allCases.filter {
            ($0 != .published || runtime.itemHash != nil || runtime.contentHash != nil)
                && ($0 != .programs || !runtime.programs.isEmpty)
        }
    }
}

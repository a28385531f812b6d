import Host
import InputStore
import RuntimeSpec
import Sandbox

/// Compiles an image's agent from locked sources by a locked compiler, and puts it into the tree.
struct AgentCompilation {
    let agent: Lockfile.Agent
    /// The tree.
    let root: Root
    let store: Store
    let jobs: Int
    let events: EventSink

    /// Where the packages have their parts.
    private static let (library, tcc, include) = (
        "/usr/lib/x86_64-linux-musl", "/usr/lib/x86_64-linux-gnu/tcc", "/usr/include/x86_64-linux-musl"
    )
    private static let sources = "/src"
    private static let output = "/src/agent"

    /// - Parameter place: An empty folder for the compiler.
    func run(in place: Root) async throws {
        events(.phase(name: "compile the agent", total: 0))
        try await place.fill(with: agent.compiler, from: store, jobs: jobs)
        try SystemFolders.makeFolder(place.path(of: Self.sources))
        for source in agent.sources {
            try store.copy(source, to: place.path(of: "\(Self.sources)/\(source.path)"), name: source.path)
        }
        try await place.run("compiling the agent", Self.command(agent.sources.map(\.path)))
        var tasks: [ChrootTask] = [
            .write(
                path: AgentSources.program, mode: 0o755,
                bytes: try SmallFile.bytes(place.path(of: Self.output), limit: 1 << 24))
        ]
        for source in agent.sources where AgentSources.isInstalled(source) {
            let bytes = try SmallFile.bytes(place.path(of: "\(Self.sources)/\(source.path)"), limit: 1 << 24)
            tasks.append(.write(path: "\(AgentSources.folder)/\(source.path)", mode: 0o644, bytes: bytes))
        }
        try await root.perform(tasks)
    }

    /// One static program of everything that is C, without a standard library but the one that is named.
    private static func command(_ names: [String]) -> [String] {
        ["tcc", "-B", tcc, "-nostdinc", "-nostdlib", "-static", "-D_GNU_SOURCE", "-I", include, "-I", "\(tcc)/include"]
            + ["-o", output, "\(library)/crt1.o", "\(library)/crti.o"]
            + names.filter { $0.hasSuffix(".c") }.map { "\(sources)/\($0)" }
            + ["\(library)/libc.a", "\(tcc)/libtcc1.a", "\(library)/crtn.o"]
    }
}

extension Lockfile {
    /// The agent of an image that runs Aleph programs: its sources, and what compiles them.
    public struct Agent: Equatable, Sendable {
        /// By file name.
        public let sources: [Input]
        /// Packages of Debian 12: the compiler with every library that it loads, and the C library that the agent is linked
        /// with. Their `stage` is 0.
        public let compiler: [Package]

        /// Lists are sorted.
        public init(sources: [Input], compiler: [Package]) {
            self.sources = sources.sorted { $0.path < $1.path }
            self.compiler = Lockfile.sorted(compiler)
        }

        private static let sourceForm = EntryForm<Input>(
            .input("source", \.self, "a file name", Spelling.isName), make: { $0 })

        init?(in root: TOMLFields) throws {
            let sources = try Self.sourceForm.entries("agent", in: root)
            let compiler = try Package.toolForm.entries("compiler", in: root)
            if sources.isEmpty, compiler.isEmpty { return nil }
            self.init(sources: sources, compiler: compiler)
        }

        func write(to text: inout TOMLText) {
            Self.sourceForm.write(sources, as: "agent", to: &text)
            Package.toolForm.write(compiler, as: "compiler", to: &text)
        }

        func check(_ fail: (String) -> SpecError) throws {
            if let twice = Manifest.firstDuplicate(sources.map(\.path)) {
                throw fail("the agent's source '\(twice)' stands twice")
            }
            for name in [AgentSources.compiler, AgentSources.library]
            where !compiler.contains(where: { $0.name == name }) {
                throw fail("it has an agent, and its compiler lacks \(name)")
            }
            if !sources.contains(where: { $0.path.hasSuffix(".c") }) { throw fail("its agent has no source") }
        }
    }
}

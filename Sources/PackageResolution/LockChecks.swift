import RuntimeSpec

/// What of a lock follows from its archives and from what was asked for.
extension LockVerification {
    /// What a lock lists and nothing that was asked for leads to; and what was asked for and is not there.
    ///
    /// It says what apt could have chosen, not what it would: of several alternatives that are all locked, the first counts.
    private static func unreached(
        _ lock: Lockfile, _ states: [String: ArchiveState], packages: InstallationStages, tools: InstallationStages
    ) -> [String] {
        var wrong: [String] = []
        func compare(_ what: String, _ list: [Lockfile.Package], _ graph: InstallationStages, _ names: [String]) {
            let (reached, missing) = graph.reached(from: names)
            wrong += missing.map { "\(what)\($0) is asked for, and isn't locked" }
            wrong += list.map(\.name).filter { !reached.contains($0) }.map {
                "\(what)\($0): nothing that is asked for depends on it"
            }
        }
        if let selection = lock.debian?.selection {
            let indexes = lock.baseArchives.compactMap { states[$0.name] }.flatMap(\.indexes)
            compare(
                "", lock.packages, packages,
                DebianResolution.wantedNames(selection, hasPython: lock.python != nil, in: indexes)
                    + lock.packages.filter { $0.archive == nil }.map(\.name))
            for wish in selection.install.compactMap({ PackageWish($0) }) where wish.isSpecific {
                guard let package = lock.packages.first(where: { $0.name == wish.name }) else { continue }
                let archive = package.archive.flatMap(lock.archive)
                let isThere = wish.suite.map { archive?.answers(to: $0) == true } ?? true
                if package.version != wish.version ?? package.version || !isThere {
                    wrong.append(
                        "\(wish.text) is asked for, and \(package.version) of \(archive?.shown ?? "no suite") is locked"
                    )
                }
            }
        }
        compare(
            "toolchain ", lock.toolchain, tools,
            DebianResolution.toolNames(hasPython: lock.python != nil, isEmpty: lock.system == .empty))
        return wrong
    }

    /// A lock's archives, and its packages as those list them.
    struct Derived {
        var states: [String: ArchiveState] = [:]
        var packages: [PackageIndex.Stanza] = []
        var tools: [PackageIndex.Stanza] = []
        var compiler: [PackageIndex.Stanza] = []
    }

    /// What doesn't follow, found by one look; each is taken only where those before it found nothing.
    static let checks: [@Sendable (Lockfile, Derived) throws -> [String]] = [
        { lock, derived in
            let stages = try InstallationStages(derived.packages).stages()
            return lock.packages.filter { stages[$0.name] != $0.stage }.map { package in
                "\(package.name): stage \(package.stage), where its dependencies give \(stages[package.name] ?? 0)"
            }
        },
        { _, derived in
            InstallationStages(derived.packages).unmet()
                + InstallationStages(derived.tools).unmet().map { "toolchain \($0)" }
        },
        { lock, derived in
            guard let python = lock.python else { return [] }
            let graph = InstallationStages(lock.system == .empty ? derived.tools : derived.packages)
            return DebianResolution.interpreter(python.packages, in: graph) == python.interpreter
                ? [] : ["python.interpreter is not what python3 depends on"]
        },
        { lock, derived in
            unreached(
                lock, derived.states, packages: InstallationStages(derived.packages),
                tools: InstallationStages(derived.tools))
        },
        { lock, derived in
            guard let debian = lock.debian else { return [] }
            let overrides = DebianResolution.overrides(
                of: lock.packages, in: derived.states, release: debian.release)
            return lock.thirdPartyArchives.filter { $0.thirdParty?.overrides != (overrides[$0.name] ?? []).sorted() }
                .map {
                    "\($0.name): 'overrides' isn't what it gives although Debian has it: "
                        + (overrides[$0.name] ?? []).sorted().joined(separator: ", ")
                }
        },
        { lock, derived in
            guard let agent = lock.contents.agent else { return [] }
            // The C library's own wish is another compiler, which nothing asks for.
            let graph = InstallationStages(derived.compiler.filter { $0.name != AgentSources.library })
            let (reached, missing) = graph.reached(from: [AgentSources.compiler])
            return (missing + graph.unmet()).map { "compiler \($0)" }
                + agent.compiler.map(\.name).filter { !reached.contains($0) && $0 != AgentSources.library }.map {
                    "compiler \($0): nothing that is asked for depends on it"
                }
                + agent.compiler.filter { $0.archive.flatMap(lock.archive).map(isForeign) ?? true }.map {
                    "compiler \($0.name) is not Debian 12's"
                }
        },
    ]

    private static func isForeign(_ archive: Lockfile.Archive) -> Bool {
        archive.thirdParty != nil || !DebianSuites.bookworm.suites.contains(archive.suite)
    }
}

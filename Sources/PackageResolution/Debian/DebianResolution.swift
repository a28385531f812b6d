import Archives
import ContentHash
import RuntimeSpec

/// Debian's part of a lock: states of archives, apt's choice, stages.
struct DebianResolution {
    let reader: SuiteReader

    /// States that a lock's packages come from, each verified.
    struct States {
        var base: [ArchiveState]
        var toolchain: [ArchiveState]
        /// Where the agent's compiler comes from; empty where there is no agent.
        var compiler: [ArchiveState]
        /// Other people's.
        var thirdParty: [ArchiveState] = []
        /// Those that held versions came from.
        var older: [ArchiveState] = []

        var newest: [ArchiveState] { base + thirdParty + toolchain + compiler }

        /// Each with a name of its own: its suite's, with the time where one suite has several states.
        func named() -> States {
            var taken: [String: Lockfile.Archive] = [:]
            func name(_ state: ArchiveState) -> ArchiveState { DebianResolution.named(state, &taken) }
            return States(
                base: base.map(name), toolchain: toolchain.map(name), compiler: compiler.map(name),
                thirdParty: thirdParty.map(name), older: older.map(name))
        }
    }

    /// What apt chose, and from where.
    struct Result {
        var packages: [Lockfile.Package] = []
        var toolchain: [Lockfile.Package] = []
        /// What compiles the agent; empty where there is none.
        var compiler: [Lockfile.Package] = []
        var archives: [Lockfile.Archive] = []
        /// The packages that the interpreter of the wheels is unpacked from.
        var interpreter: [String] = []
        /// The newest Release's Date, seconds since 1970-01-01 UTC.
        var newest = 0
    }

    /// What is held, by package name.
    struct Pins {
        /// Versions of the image's packages.
        var packages: [String: String] = [:]
        /// The same packages' bytes.
        var files: [String: Digest] = [:]
        /// Versions of the toolchain's, and of the agent's compiler's.
        var toolchain: [String: String] = [:]
    }

    /// States of a manifest's suites, of its toolchain's, and of the agent's compiler's.
    /// - Parameter archives: Other people's.
    func states(
        of manifest: Manifest, and archives: [SuiteReader.Suite], _ suites: SuiteStates
    ) async throws -> States {
        let base = try await suites.states(of: manifest.suites)
        let toolchain =
            manifest.toolchain == manifest.suites ? base : try await suites.states(of: manifest.toolchain)
        var states = States(base: base, toolchain: toolchain, compiler: [])
        states.thirdParty = try await suites.states(of: archives)
        guard manifest.initProgram == .agent else { return states }
        if manifest.toolchain.release == DebianSuites.bookworm.release {
            states.compiler = toolchain
        } else if manifest.suites.release == DebianSuites.bookworm.release {
            states.compiler = base
        } else {
            states.compiler = try await suites.states(of: .bookworm)
        }
        return states
    }

    /// The compiler with every library that it loads, and the C library: without what that wants besides, another compiler.
    /// - Parameter pins: Versions to hold, by package name.
    static func compiler(
        from states: [ArchiveState], pins: [String: String] = [:], roots: AptRoots = AptRoots()
    ) async throws -> [Lockfile.Package] {
        if states.isEmpty { return [] }
        let choices = try await AptResolver(pins: pins, roots: roots).resolve([AgentSources.compiler], from: states)
        let libraries = states.flatMap { state in
            state.indexes.flatMap { $0.stanzas(named: AgentSources.library) }.map {
                Entry(archive: state.archive.name, stanza: $0)
            }
        }
        let held = libraries.first { $0.stanza.version == pins[AgentSources.library] }
        let newest = libraries.max { DebianVersion($0.stanza.version) < DebianVersion($1.stanza.version) }
        guard let library = held ?? newest else {
            throw ResolutionError.malformed("no suite of Debian 12 has \(AgentSources.library), which the agent needs")
        }
        return try (entries(of: choices, in: states) + [library]).map { try package($0, stage: 0) }
    }

    /// - Parameters:
    ///   - own: Packages of the user's own.
    ///   - pins: What is held.
    func resolve(
        _ manifest: Manifest, from states: States, with own: OwnPackages,
        pins: Pins
    ) async throws -> Result {
        let named = states.named()
        let (toolchain, older) = (named.toolchain, named.older)
        // Image, tools and compiler are mostly asked of the same archives.
        let roots = AptRoots()
        let found = try await packages(of: manifest, from: named, with: own, holding: pins, roots)
        let graph = InstallationStages(found.map(\.stanza))
        let stages = try graph.stages()
        var result = Result()
        result.packages = try found.map { try Self.package($0, stage: stages[$0.stanza.name] ?? 0) }
        let tools = Self.toolNames(hasPython: manifest.python != nil, isEmpty: manifest.base == .empty)
        // Where nothing is held, no older state is looked at: the newest version would be taken all the same.
        func withOlder(_ states: [ArchiveState]) -> [ArchiveState] {
            states
                + older.filter { state in
                    !pins.toolchain.isEmpty && states.contains { $0.archive.place == state.archive.place }
                }
        }
        let toolStates = withOlder(toolchain)
        let toolEntries = try Self.entries(
            of: try await AptResolver(pins: pins.toolchain, roots: roots).resolve(tools, from: toolStates),
            in: toolStates)
        result.toolchain = try toolEntries.map { try Self.package($0, stage: 0) }
        if let python = manifest.python {
            let own = manifest.base == .empty ? InstallationStages(toolEntries.map(\.stanza)) : graph
            result.interpreter = Self.interpreter(python, in: own)
        }
        result.compiler = try await Self.compiler(from: withOlder(named.compiler), pins: pins.toolchain, roots: roots)
        let used = Set((result.packages + result.toolchain + result.compiler).map(\.archive))
        let states = Self.distinct(named.newest + older).filter { state in
            used.contains(state.archive.name)
                || (named.base + named.thirdParty).contains { $0.archive == state.archive }
        }
        let overrides = Self.overrides(
            of: result.packages, in: Dictionary(uniqueKeysWithValues: states.map { ($0.archive.name, $0) }),
            release: manifest.suites.release)
        result.archives = states.map { $0.archive.overriding(overrides[$0.archive.name] ?? []) }
        result.newest = states.map(\.date).max() ?? 0
        return result
    }

    /// The image's packages, as apt chooses them.
    private func packages(
        of manifest: Manifest, from states: States, with own: OwnPackages, holding pins: Pins, _ roots: AptRoots
    ) async throws -> [Entry] {
        guard let selection = manifest.selection else { return [] }
        let wishes = selection.install.compactMap { PackageWish($0) }
        if let both = wishes.first(where: { wish in wish.isSpecific && own.wishes.contains { $0.name == wish.name } }) {
            throw ResolutionError.malformed(
                "'packages.install' asks for '\(both.text)', and 'packages.files' has a file of that package")
        }
        let (names, specific) = Self.wishes(
            selection, hasPython: manifest.python != nil, in: states.base, and: states.thirdParty,
            holding: pins.packages)
        if names.isEmpty, own.wishes.isEmpty { return [] }
        let held = pins.packages.filter { pin in !(specific + own.wishes).contains { $0.name == pin.key } }
        // A version says nothing of the bytes: another archive may have another package of that version.
        let others = Set(own.wishes.map(\.name))
        let all = (states.base + states.thirdParty + states.older).map { state in
            state.without(others.union(held.keys)) { stanza in
                if others.contains(stanza.name) { return true }
                guard held[stanza.name] == stanza.version, let sha256 = pins.files[stanza.name] else { return false }
                return stanza.sha256 != sha256
            }
        }
        return try Self.entries(
            of: try await AptResolver(pins: held, roots: roots).resolve(names, from: all, with: own), in: all,
            with: own,
            wishes: specific + wishes)
    }

    /// What comes from other people's archives although a suite of the base has it too: names by archive.
    /// - Parameter states: By the lock's names.
    static func overrides(
        of packages: [Lockfile.Package], in states: [String: ArchiveState], release: String
    ) -> [String: [String]] {
        let base = Lockfile.baseArchives(states.values.map(\.archive), of: packages, release: release)
            .compactMap { states[$0.name] }.flatMap(\.indexes)
        let found = packages.filter { package in
            package.archive.flatMap { states[$0]?.archive.thirdParty } != nil
                && base.contains { !$0.stanzas(named: package.name).isEmpty }
        }
        return Dictionary(grouping: found) { $0.archive ?? "" }.mapValues { $0.map(\.name) }
    }

    /// Python with its standard library and all that those need; with the base's own Python packages beside them where
    /// those count as installed.
    static func interpreter(_ python: PythonPackages, in graph: InstallationStages) -> [String] {
        let own = python.usesSystem ? graph.names.filter { $0.hasPrefix("python3-") } : []
        return graph.closure(of: ["python3"]).union(own).sorted()
    }

    /// The packages whose programs pack an image and install its wheels.
    static func toolNames(hasPython: Bool, isEmpty: Bool) -> [String] {
        ["squashfs-tools-ng"] + (hasPython ? PythonPackages.tools + (isEmpty ? ["python3"] : []) : [])
    }

    /// The variant's packages and those that are asked for.
    static func wantedNames(_ selection: Lockfile.Selection, hasPython: Bool, in indexes: [PackageIndex]) -> [String] {
        var names = indexes.reduce(into: Set<String>()) { $0.formUnion($1.essential) }
        if selection.variant == .minbase {
            names.formUnion(indexes.reduce(into: Set<String>()) { $0.formUnion($1.required) })
            names.insert("apt")
        }
        // apt would take usrmerge, the first alternative, and perl with it; the base is merged from the start.
        if indexes.contains(where: { !$0.stanzas(named: "usr-is-merged").isEmpty }) { names.insert("usr-is-merged") }
        // Wheels need an interpreter with its standard library.
        if hasPython { names.insert("python3") }
        return names.union(selection.install.map { PackageWish($0)?.name ?? $0 }).sorted()
    }

    /// What apt is asked for: names, and with them the versions and suites that are asked for, which are the second part.
    /// - Parameters:
    ///   - base: States of Debian's suites.
    ///   - thirdParty: Other people's: what they mark as essential is nobody's wish.
    ///   - pins: Versions to hold, by package name: of what its suite still has, nothing else is asked for.
    static func wishes(
        _ selection: Lockfile.Selection, hasPython: Bool, in base: [ArchiveState], and thirdParty: [ArchiveState],
        holding pins: [String: String]
    ) -> (texts: [String], specific: [PackageWish]) {
        let states = base + thirdParty
        let specific = selection.install.compactMap { PackageWish($0) }.filter { wish in
            guard let suite = wish.suite, let held = pins[wish.name] else { return wish.isSpecific }
            return !states.contains { state in
                state.archive.answers(to: suite)
                    && state.indexes.contains { $0.stanzas(named: wish.name).contains { $0.version == held } }
            }
        }
        let all = SuiteNeeds(states: states, pins: pins).adding(to: specific)
        let named = Set(all.map(\.name))
        let others = wantedNames(selection, hasPython: hasPython, in: base.flatMap(\.indexes))
        return (others.filter { !named.contains($0) } + all.map(\.text), all)
    }

    struct Entry {
        /// nil for one of the user's own.
        var archive: String?
        var stanza: PackageIndex.Stanza
    }

    /// The entries of what apt chose: in the suite that was asked for, where it lists them, else in the first that does. Of
    /// archives of other people apt says which it means; where they and Debian have the very same version, that with the pin.
    static func entries(
        of choices: [AptResolver.Choice], in states: [ArchiveState], with own: OwnPackages = .none,
        wishes: [PackageWish] = []
    ) throws -> [Entry] {
        try choices.map { choice in
            if let stanza = own.stanza(of: choice) { return Entry(archive: nil, stanza: stanza) }
            let suite = wishes.first { $0.name == choice.name }?.suite
            let asked = states.filter { state in suite.map(state.archive.answers) ?? false }
            let meant = states.enumerated().filter { choice.labels.contains(AptResolver.label($0.offset)) }.map(
                \.element)
            let preferred = meant.filter { !choice.isDebian || ($0.archive.thirdParty?.prefer ?? 0) > 500 }
            for state in asked + preferred + states {
                if let stanza = state.stanza(
                    named: choice.name, version: choice.version, architecture: choice.architecture)
                {
                    return Entry(archive: state.archive.name, stanza: stanza)
                }
            }
            throw ResolutionError.malformed(
                "apt-get chose \(choice.name) \(choice.version), which no verified index lists")
        }
    }

    static func package(_ entry: Entry, stage: Int) throws -> Lockfile.Package {
        Lockfile.Package(
            archive: entry.archive, name: entry.stanza.name, version: entry.stanza.version,
            architecture: entry.stanza.architecture, file: try entry.stanza.file(), stage: stage)
    }

    private static func named(_ state: ArchiveState, _ taken: inout [String: Lockfile.Archive]) -> ArchiveState {
        var candidate = state
        let archive = state.archive
        let name = archive.thirdParty == nil ? archive.suite.replacing("/", with: "-") : archive.ownName
        for suffix in ["", "@\(archive.snapshot)", "@\(archive.inRelease.sha256.hex.prefix(16))"] {
            candidate.archive = archive.named(name + suffix)
            if let other = taken[candidate.archive.name], other != candidate.archive { continue }
            taken[candidate.archive.name] = candidate.archive
            return candidate
        }
        candidate.archive = archive.named(name)
        return candidate
    }

    static func distinct(_ states: [ArchiveState]) -> [ArchiveState] {
        var seen: Set<String> = []
        return states.filter { seen.insert($0.archive.name).inserted }
    }
}

import ContentHash
import InputStore
import Reporting
import RuntimeSpec

/// Resolves a manifest against Debian's archive and pins the result.
public struct DebianLock: Sendable {
    private let store: Store
    private let fetcher: Fetcher
    private let events: EventSink
    private let signature: ArchiveSignature

    /// What a person may choose for one run.
    public struct Options: Sendable {
        /// Seconds since 1970-01-01 UTC; nil for the newest Release date.
        public var sourceDateEpoch: Int?
        /// Locks a Release past its Valid-Until all the same.
        public var allowExpired: Bool

        public init(sourceDateEpoch: Int? = nil, allowExpired: Bool = false) {
            (self.sourceDateEpoch, self.allowExpired) = (sourceDateEpoch, allowExpired)
        }
    }

    /// - Parameter keyrings: Files to look for keys in; those of the host when empty.
    public init(store: Store, fetcher: Fetcher, keyrings: [String], events: @escaping EventSink) {
        (self.store, self.fetcher, self.events) = (store, fetcher, events)
        signature = ArchiveSignature(keyrings: keyrings)
    }

    /// Locks a manifest at the archive's newest state.
    public func lock(_ manifest: Manifest, directory: String, options: Options) async throws -> Lockfile {
        let states = try await newestStates(of: manifest, allowExpired: options.allowExpired)
        return try await lock(
            manifest, directory: directory, options: options, base: states.base, toolchain: states.toolchain,
            pins: [:], older: [])
    }

    /// Moves a lock forward: all of it, or the named packages and what they need.
    /// - Throws: `ResolutionError.olderRelease` rather than go back in time.
    public func update(
        _ old: Lockfile, packages: [String], of manifest: Manifest, directory: String, options: Options
    ) async throws -> Lockfile {
        let states = try await newestStates(of: manifest, allowExpired: options.allowExpired)
        for state in states.base + states.toolchain {
            let newestLocked = old.archives.filter { $0.suite == state.archive.suite }.map(\.snapshot).max()
            if let newestLocked, state.archive.snapshot < newestLocked {
                throw ResolutionError.olderRelease(
                    suite: state.archive.suite, locked: newestLocked, found: state.archive.snapshot)
            }
        }
        if packages.isEmpty {
            return try await lock(
                manifest, directory: directory, options: options, base: states.base, toolchain: states.toolchain,
                pins: [:], older: [])
        }
        let names = Set(old.packages.map(\.name))
        if let unknown = packages.first(where: { !names.contains($0) }) { throw ResolutionError.notLocked(unknown) }
        // What isn't named stays as it was, so the state that it came from is needed as well.
        var older: [ArchiveState] = []
        for archive in old.archives {
            try await ArchiveState.fetch(archive, fetcher: fetcher)
            older.append(try await .locked(archive, signature: signature, store: store))
        }
        let held = old.packages.filter { !packages.contains($0.name) }
        return try await lock(
            manifest, directory: directory, options: options, base: states.base, toolchain: states.toolchain,
            pins: Dictionary(held.map { ($0.name, $0.version) }, uniquingKeysWith: { first, _ in first }),
            older: older)
    }

    private func newestStates(of manifest: Manifest, allowExpired: Bool) async throws
        -> (base: [ArchiveState], toolchain: [ArchiveState])
    {
        func states(_ suites: DebianSuites) async throws -> [ArchiveState] {
            var states: [ArchiveState] = []
            for suite in suites.suites {
                states.append(
                    try await .newest(
                        suite: suite, components: suites.components, keys: suites.keys, signature: signature,
                        allowExpired: allowExpired, store: store, fetcher: fetcher))
            }
            return states
        }
        let base = try await states(manifest.base)
        return (base, manifest.toolchain == manifest.base ? base : try await states(manifest.toolchain))
    }

    private func lock(
        _ manifest: Manifest, directory: String, options: Options, base: [ArchiveState], toolchain: [ArchiveState],
        pins: [String: String], older: [ArchiveState]
    ) async throws -> Lockfile {
        events(.phase(name: "resolve \(manifest.name)", total: 0))
        let (base, toolchain, older) = Self.named(base, toolchain, older)
        let names = wantedNames(manifest, in: base)
        let chosen =
            try await names.isEmpty ? [] : AptResolver(pins: pins).resolve(names, from: base + older)
        let found = try Self.entries(of: chosen, in: base + older)
        let stages = try InstallationStages(found.map(\.stanza)).stages()
        let packages = found.map { Self.package($0, stage: stages[$0.stanza.name] ?? 0) }
        let tools = try await AptResolver().resolve(["squashfs-tools-ng"], from: toolchain)
        let toolPackages = try Self.entries(of: tools, in: toolchain).map { Self.package($0, stage: 0) }

        let used = Set((packages + toolPackages).map(\.archive))
        let states = Self.distinct(base + toolchain + older).filter { state in
            used.contains(state.archive.name) || base.contains { $0.archive == state.archive }
        }
        let files = try await lockFiles(of: manifest, directory: directory)
        var lock = Lockfile(
            recipe: Lockfile.newestRecipe, manifestSHA256: Self.sha256(of: manifest, files: files),
            sourceDateEpoch: options.sourceDateEpoch ?? states.map(\.date).max() ?? 0, name: manifest.name,
            architecture: manifest.architecture, release: manifest.base.release, files: files, steps: manifest.steps,
            prune: manifest.prune, image: manifest.image, archives: states.map(\.archive), packages: packages,
            toolchain: toolPackages)
        (lock.system, lock.allowed) = (manifest.system, manifest.allowed)
        try await fetcher.fetch(Fetcher.Wanted.packages(of: lock))
        return lock
    }

    /// The variant's packages and the manifest's.
    private func wantedNames(_ manifest: Manifest, in states: [ArchiveState]) -> [String] {
        if manifest.system == .empty { return [] }
        let indexes = states.flatMap(\.indexes)
        var names = indexes.reduce(into: Set<String>()) { $0.formUnion($1.essential) }
        if manifest.variant == .minbase {
            names.formUnion(indexes.reduce(into: Set<String>()) { $0.formUnion($1.required) })
            names.insert("apt")
        }
        // apt would take usrmerge, the first alternative, and perl with it; the base is merged from the start.
        if indexes.contains(where: { !$0.stanzas(named: "usr-is-merged").isEmpty }) { names.insert("usr-is-merged") }
        return names.union(manifest.packages).sorted()
    }

    private struct Entry {
        var archive: String
        var stanza: PackageIndex.Stanza
    }

    private static func entries(of choices: [AptResolver.Choice], in states: [ArchiveState]) throws -> [Entry] {
        try choices.map { choice in
            for state in states {
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

    private static func package(_ entry: Entry, stage: Int) -> Lockfile.Package {
        Lockfile.Package(
            archive: entry.archive, name: entry.stanza.name, version: entry.stanza.version,
            architecture: entry.stanza.architecture, file: entry.stanza.file, stage: stage)
    }

    /// Gives each state a name of its own: its suite's, with the time where one suite has several states.
    private static func named(_ base: [ArchiveState], _ toolchain: [ArchiveState], _ older: [ArchiveState])
        -> (base: [ArchiveState], toolchain: [ArchiveState], older: [ArchiveState])
    {
        var taken: [String: Lockfile.Archive] = [:]
        func name(_ state: ArchiveState) -> ArchiveState {
            var state = state
            state.archive.name = state.archive.suite.replacing("/", with: "-")
            for suffix in ["", "@\(state.archive.snapshot)", "@\(state.archive.inRelease.sha256.prefix(16))"] {
                var candidate = state
                candidate.archive.name += suffix
                if let other = taken[candidate.archive.name], other != candidate.archive { continue }
                taken[candidate.archive.name] = candidate.archive
                return candidate
            }
            return state
        }
        return (base.map(name), toolchain.map(name), older.map(name))
    }

    private static func distinct(_ states: [ArchiveState]) -> [ArchiveState] {
        var seen: Set<String> = []
        return states.filter { seen.insert($0.archive.name).inserted }
    }

    private func lockFiles(of manifest: Manifest, directory: String) async throws -> [Lockfile.File] {
        try ManifestFiles(manifest: manifest, directory: directory).files { bytes in try store.keep(bytes) }
    }

    static func sha256(of manifest: Manifest, files: [Lockfile.File]) -> String {
        let hashes = files.map { "\($0.source.sha256)  \($0.source.path)\n" }.joined()
        return Digest.of(Array((manifest.canonicalText + "\n" + hashes).utf8)).hex
    }
}

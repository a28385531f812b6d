import Archives
import ContentHash
import Host
import InputStore
import Mirrors
import RuntimeSpec
import Sandbox

/// Resolves a manifest and pins the result: Debian packages by apt, Python's by pip, Alpine's by apk.
public struct RuntimeLock: Sendable {
    private let store: Store
    private let fetcher: Fetcher
    private let events: EventSink
    private let debian: DebianResolution
    private let programs: TargetPrograms

    /// What a person may choose for one run.
    public struct Options: Sendable {
        /// Seconds since 1970-01-01 UTC; nil for the newest Release date.
        public var sourceDateEpoch: Int?
        /// Locks a Release past its Valid-Until all the same.
        public var allowExpired: Bool
        /// The time whose states of Debian's suites are locked; nil for the newest.
        public var time: SnapshotTime?

        /// - Parameters:
        ///   - sourceDateEpoch: Seconds since 1970-01-01 UTC; nil for the newest Release date.
        ///   - time: The time whose states of Debian's suites are locked; nil for the newest.
        public init(sourceDateEpoch: Int? = nil, allowExpired: Bool = false, time: SnapshotTime? = nil) {
            (self.sourceDateEpoch, self.allowExpired, self.time) = (sourceDateEpoch, allowExpired, time)
        }
    }

    private func suites(_ options: Options, locked: [Lockfile.Archive] = []) -> SuiteStates {
        SuiteStates(
            reader: debian.reader, time: options.time, allowExpired: options.allowExpired, locked: locked,
            note: { [events] in events(.note($0)) })
    }

    /// - Parameter keyrings: Files to look for keys in; those of the host when empty.
    public init(
        store: Store, fetcher: Fetcher, keyrings: [String], programs: TargetPrograms, events: @escaping EventSink
    ) {
        (self.store, self.fetcher, self.events, self.programs) = (store, fetcher, events, programs)
        debian = DebianResolution(
            reader: SuiteReader(
                signature: ArchiveSignature(keyrings: keyrings), store: store, fetcher: fetcher))
    }

    /// What stays as it was: versions, by name, and what of an image is rtverify's own.
    private struct Pins {
        var debian = DebianResolution.Pins()
        var wheels: [String: String] = [:]
        var recipe = Lockfile.Format.newestRecipe
        var initScript: InitScript?
        var agentSources: [Lockfile.Input]?

        init() {}

        /// A lock's own versions but those of the packages that are named.
        init(_ lock: Lockfile, moving names: [String]) {
            let moved = (packages: Set(names), wheels: Set(names.map { PythonPackages.normalizedName($0) }))
            func held(_ versions: [(String, String)], moving moved: Set<String>) -> [String: String] {
                Dictionary(versions.filter { !moved.contains($0.0) }, uniquingKeysWith: { first, _ in first })
            }
            debian.packages = held(lock.packages.map { ($0.name, $0.version) }, moving: moved.packages)
            debian.files = Dictionary(
                lock.packages.map { ($0.name, $0.file.sha256) }, uniquingKeysWith: { first, _ in first })
            debian.toolchain = held(lock.tools.map { ($0.name, $0.version) }, moving: moved.packages)
            wheels = held((lock.python?.wheels ?? []).map { ($0.name, $0.version) }, moving: moved.wheels)
            (recipe, initScript) = (lock.format.recipe, lock.contents.initScript)
            agentSources = lock.contents.agent?.sources
        }
    }

    /// Locks a manifest at the archives' newest state, or at that of a time.
    public func lock(_ manifest: Manifest, directory: String, options: Options) async throws -> Lockfile {
        if options.time != nil, manifest.alpine != nil {
            events(.note("Alpine keeps no old states: --at is for Debian's suites, from which the tools come"))
        }
        let states = try await debian.states(
            of: manifest, and: try archives(of: manifest, in: directory), suites(options))
        return try await lock(manifest, directory: directory, options: options, states: states, pins: Pins())
    }

    /// Moves a lock forward: all of it, or the named packages and what they need.
    /// - Throws: `ResolutionError.olderRelease` rather than go back in time.
    public func update(
        _ old: Lockfile, packages: [String], of manifest: Manifest, directory: String, options: Options
    ) async throws -> Lockfile {
        let others = try archives(of: manifest, in: directory)
        var states = try await debian.states(of: manifest, and: others, suites(options, locked: old.archives))
        for state in states.newest {
            let newestLocked = old.archives.filter { $0.place == state.archive.place }.map(\.snapshot).max()
            if let newestLocked, state.archive.snapshot < newestLocked {
                throw ResolutionError.olderRelease(
                    suite: state.archive.shown, locked: newestLocked, found: state.archive.snapshot)
            }
        }
        if packages.isEmpty {
            let new = try await lock(manifest, directory: directory, options: options, states: states, pins: Pins())
            if let new = new.alpine?.release, let old = old.alpine?.release, DebianVersion(new) < DebianVersion(old) {
                throw ResolutionError.olderRelease(suite: "Alpine", locked: old, found: new)
            }
            return new
        }
        if manifest.alpine != nil {
            // Held versions would be of an older index, which no mirror keeps.
            throw ResolutionError.malformed(
                "an Alpine index lists one version of each package, so that a lock can't hold some while others move; "
                    + "update without naming packages")
        }
        let wheels = old.python?.wheels ?? []
        let names = Set((old.packages + old.tools).map(\.name))
        let wheelNames = Set(wheels.map(\.name))
        // PyYAML is pyyaml.
        if let unknown = packages.first(where: {
            !names.contains($0) && !wheelNames.contains(PythonPackages.normalizedName($0))
        }) {
            throw ResolutionError.notLocked(unknown)
        }
        // What isn't named stays as it was, so the state that it came from is needed as well.
        // Of other people's only what the manifest still lets give: with another key, pin or limit it is another archive.
        let keys = Dictionary(
            others.compactMap { other in other.thirdParty.map { ($0.name, $0.archive.key) } },
            uniquingKeysWith: { first, _ in first })
        var moving = packages
        for archive in old.archives {
            let isKept =
                archive.thirdParty == nil
                || manifest.archives.contains { archive.repeats($0, key: keys[$0.name] ?? nil) }
            if isKept {
                states.older.append(try await debian.reader.locked(archive.overriding([])))
                continue
            }
            let names = old.packages.filter { $0.archive == archive.name }.map(\.name)
            moving += names
            events(
                .note(
                    "\(archive.shown) is not as it was in the manifest: what came from it moves"
                        + (names.isEmpty ? "" : " (\(names.joined(separator: ", ")))")))
        }
        return try await lock(
            manifest, directory: directory, options: options, states: states, pins: Pins(old, moving: moving))
    }

    private func lock(
        _ manifest: Manifest, directory: String, options: Options, states: DebianResolution.States, pins: Pins
    ) async throws -> Lockfile {
        events(.phase(name: "resolve \(manifest.name)", total: 0))
        let files = try await files(of: manifest, in: directory)
        let debian = try await debian.resolve(
            manifest, from: states, with: try own(files.packages), pins: pins.debian)
        for state in states.base + states.thirdParty + states.toolchain where state.keyExpiry != nil {
            events(.note("the key that signed \(state.archive.shown) has expired; --allow-expired lets it count"))
        }
        noteOverrides(debian.archives)
        if case .debian(let suites, _) = manifest.base, suites.isMoving {
            events(
                .note(
                    "\(suites.release) moves: mirrors drop its versions within days, and then the snapshot archive alone has "
                        + "what this lock names"))
        }
        let time = options.sourceDateEpoch ?? debian.newest
        let locked = try await self.base(of: manifest, packages: debian.packages, files: files, time: time)
        try await fetcher.fetch(debian.archives.inputs(of: debian.packages + debian.toolchain))
        let python = try await wheels(
            of: files.python, own: files.wheels, name: manifest.name,
            PipTarget(
                base: locked, interpreter: debian.interpreter, toolchain: debian.toolchain, sourceDateEpoch: time),
            interpreter: debian.interpreter, pins: pins)
        let agent =
            manifest.initProgram == .agent
            ? Lockfile.Agent(sources: pins.agentSources ?? AgentSources.inputs, compiler: debian.compiler) : nil
        let own = manifest.initProgram.map { program in
            Lockfile.File(pins.initScript.flatMap { $0.program == program ? $0 : nil } ?? InitScript(program))
        }
        let contents = Lockfile.Contents(
            files: [own].compactMap { $0 } + files.files, trees: files.trees, links: manifest.links,
            folders: manifest.folders, steps: manifest.steps, prune: manifest.prune, allowed: manifest.allowed,
            python: python, agent: agent, image: manifest.image)
        return Lockfile(
            format: .init(for: contents, of: locked, with: debian.archives, recipe: pins.recipe),
            manifestSHA256: files.sha256(with: manifest), sourceDateEpoch: time, name: manifest.name, base: locked,
            contents: contents, archives: debian.archives, toolchain: debian.toolchain)
    }

    /// Writes a lock in today's format, with what its manifest asks for: nothing that is locked moves. An agent that the
    /// manifest has since been given is compiled by what the lock's own states of Debian 12 have.
    /// - Throws: `ResolutionError.stale` when anything else of the manifest or its files is another.
    public func upgrade(
        _ old: Lockfile, to manifest: Manifest, directory: String, manifestPath: String, lockPath: String
    ) async throws -> Lockfile {
        var lock = old
        if manifest.initProgram == .agent, old.contents.agent == nil {
            let former = try await LockCheck.former(manifest, of: old, directory: directory)
            guard former else { throw ResolutionError.stale(manifest: manifestPath, lock: lockPath) }
            var states: [ArchiveState] = []
            for archive in old.archives
            where archive.thirdParty == nil && DebianSuites.bookworm.suites.contains(archive.suite) {
                states.append(try await debian.reader.locked(archive))
            }
            let compiler =
                states.isEmpty
                ? [] : try await DebianResolution.compiler(from: states)
            let files = try await files(of: manifest, in: directory)
            lock = old.adding(
                Lockfile.Agent(sources: AgentSources.inputs, compiler: compiler),
                manifestSHA256: files.sha256(with: manifest))
        }
        return try await LockCheck.upgraded(
            lock, to: manifest, directory: directory, manifestPath: manifestPath, lockPath: lockPath)
    }

    /// Other people's archives, each with the key that lies beside the manifest.
    private func archives(of manifest: Manifest, in directory: String) throws -> [SuiteReader.Suite] {
        try manifest.archives.map { archive in
            guard case .file(let path) = archive.key else { return SuiteReader.Suite(archive, key: nil) }
            let bytes = try ManifestFiles.bytes(of: path, in: directory)
            let keys = try ArchiveKeys(bytes, name: "\(directory)/\(path)")
            _ = try store.keep(bytes)
            return SuiteReader.Suite(archive, key: (Lockfile.Input(path: path, of: bytes), keys))
        }
    }

    private func own(_ packages: [Lockfile.Input]) throws -> OwnPackages {
        try OwnPackages(
            packages.map { input in
                guard let bytes = try store.bytes(of: input) else {
                    throw ResolutionError.inputsMissing([input.path], store: store.directory)
                }
                return (input, bytes)
            })
    }

    private func noteOverrides(_ archives: [Lockfile.Archive]) {
        for archive in archives {
            guard let names = archive.thirdParty?.overrides, !names.isEmpty else { continue }
            events(
                .note(
                    "\(archive.shown) gives what Debian has too: \(names.joined(separator: ", ")); 'packages' of its [[archive]] "
                        + "limits it"))
        }
    }

    /// What the manifest names, kept in the store.
    private func files(of manifest: Manifest, in directory: String) async throws -> ManifestFiles {
        try await ManifestFiles(of: manifest, in: directory) {
            try await keep($0, in: directory)
        } list: {
            try TreeReader.keep($0, in: directory, store: store)
        }
    }

    /// A file that the manifest names, kept in the store.
    private func keep(_ source: FileSource, in directory: String) async throws -> Lockfile.Input {
        let bytes: [UInt8]
        switch source {
        case .beside(let path): bytes = try ManifestFiles.bytes(of: path, in: directory)
        case .web(let url, let sha256):
            bytes = try await fetcher.download(url, limit: ManifestFiles.largest)
            let digest = Digest.of(bytes)
            guard digest == sha256 else {
                throw ResolutionError.malformed(
                    "\(url): wrong bytes: \(bytes.count) bytes, sha256 \(digest), where the manifest says \(sha256)")
            }
        }
        return Lockfile.Input(path: source.path, size: bytes.count, sha256: try store.keep(bytes))
    }

    /// - Parameter time: The lock's `sourceDateEpoch`.
    private func base(
        of manifest: Manifest, packages: [Lockfile.Package], files: ManifestFiles, time: Int
    ) async throws -> Lockfile.Base {
        switch manifest.base {
        case .debian(let suites, _):
            return .debian(
                Lockfile.Debian(release: suites.release, selection: manifest.selection, packages: packages))
        case .alpine(let alpine):
            let resolution = AlpineResolution(
                base: alpine, keys: files.keys, otherKeys: files.repositoryKeys, fetcher: fetcher, store: store,
                programs: programs,
                name: manifest.name, sourceDateEpoch: time)
            return .alpine(try await resolution.resolve(world: manifest.packages))
        case .tarball(let source):
            guard let tarball = files.tarball else { throw ResolutionError.fileUnreadable(source.path) }
            return .tarball(tarball)
        case .empty: return .empty
        }
    }

    private func wheels(
        of python: PythonPackages?, own: [Lockfile.Input], name: String, _ target: PipTarget, interpreter: [String],
        pins: Pins
    ) async throws -> Lockfile.Python? {
        guard let python else { return nil }
        events(
            .phase(name: "resolve \(python.requirements.count + own.count) requirements of Python", total: 0))
        let wheels = try await programs.wheels(
            for: python, with: own, of: target, holding: pins.wheels, name: name)
        return Lockfile.Python(packages: python, interpreter: interpreter, wheels: wheels)
    }
}

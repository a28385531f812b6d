import ContentHash
import Host
import InputStore
import Mirrors
import RuntimeSpec

/// Resolves a manifest and pins the result: Debian packages by apt, Python's by pip, Alpine's by apk.
public struct RuntimeLock: Sendable {
    private let store: Store
    private let fetcher: Fetcher
    private let events: EventSink
    private let debian: DebianResolution
    private let resolver: TargetResolver

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
    public init(
        store: Store, fetcher: Fetcher, keyrings: [String], resolver: TargetResolver, events: @escaping EventSink
    ) {
        (self.store, self.fetcher, self.events, self.resolver) = (store, fetcher, events, resolver)
        debian = DebianResolution(
            reader: SuiteReader(
                signature: ArchiveSignature(keyrings: keyrings), store: store, fetcher: fetcher))
    }

    /// Versions to hold, by name.
    private struct Pins {
        var debian: [String: String] = [:]
        var toolchain: [String: String] = [:]
        var wheels: [String: String] = [:]

        init() {}

        /// A lock's own versions but those of the packages that are named.
        init(_ lock: Lockfile, moving names: [String]) {
            let moved = (packages: Set(names), wheels: Set(names.map { PythonPackages.normalizedName($0) }))
            func held(_ versions: [(String, String)], moving moved: Set<String>) -> [String: String] {
                Dictionary(versions.filter { !moved.contains($0.0) }, uniquingKeysWith: { first, _ in first })
            }
            debian = held(lock.packages.map { ($0.name, $0.version) }, moving: moved.packages)
            toolchain = held(lock.toolchain.map { ($0.name, $0.version) }, moving: moved.packages)
            wheels = held((lock.python?.wheels ?? []).map { ($0.name, $0.version) }, moving: moved.wheels)
        }
    }

    /// Locks a manifest at the archives' newest state.
    public func lock(_ manifest: Manifest, directory: String, options: Options) async throws -> Lockfile {
        let states = try await debian.newestStates(of: manifest, allowExpired: options.allowExpired)
        return try await lock(
            manifest, directory: directory, options: options, base: states.base, toolchain: states.toolchain,
            pins: Pins(), older: [])
    }

    /// Moves a lock forward: all of it, or the named packages and what they need.
    /// - Throws: `ResolutionError.olderRelease` rather than go back in time.
    public func update(
        _ old: Lockfile, packages: [String], of manifest: Manifest, directory: String, options: Options
    ) async throws -> Lockfile {
        let states = try await debian.newestStates(of: manifest, allowExpired: options.allowExpired)
        for state in states.base + states.toolchain {
            let newestLocked = old.archives.filter { $0.suite == state.archive.suite }.map(\.snapshot).max()
            if let newestLocked, state.archive.snapshot < newestLocked {
                throw ResolutionError.olderRelease(
                    suite: state.archive.suite, locked: newestLocked, found: state.archive.snapshot)
            }
        }
        if packages.isEmpty {
            let new = try await lock(
                manifest, directory: directory, options: options, base: states.base, toolchain: states.toolchain,
                pins: Pins(), older: [])
            if new.system == .alpine, old.system == .alpine, DebianVersion(new.release) < DebianVersion(old.release) {
                throw ResolutionError.olderRelease(suite: "Alpine", locked: old.release, found: new.release)
            }
            return new
        }
        if manifest.system == .alpine {
            // Held versions would be of an older index, which no mirror keeps.
            throw ResolutionError.malformed(
                "an Alpine index lists one version of each package, so that a lock can't hold some while others move; "
                    + "update without naming packages")
        }
        let wheels = old.python?.wheels ?? []
        let names = Set((old.packages + old.toolchain).map(\.name))
        let wheelNames = Set(wheels.map(\.name))
        // PyYAML is pyyaml.
        if let unknown = packages.first(where: {
            !names.contains($0) && !wheelNames.contains(PythonPackages.normalizedName($0))
        }) {
            throw ResolutionError.notLocked(unknown)
        }
        // What isn't named stays as it was, so the state that it came from is needed as well.
        var older: [ArchiveState] = []
        for archive in old.archives {
            older.append(try await debian.reader.locked(archive))
        }
        return try await lock(
            manifest, directory: directory, options: options, base: states.base, toolchain: states.toolchain,
            pins: Pins(old, moving: packages), older: older)
    }

    private func lock(
        _ manifest: Manifest, directory: String, options: Options, base: [ArchiveState], toolchain: [ArchiveState],
        pins: Pins, older: [ArchiveState]
    ) async throws -> Lockfile {
        events(.phase(name: "resolve \(manifest.name)", total: 0))
        let debian = try await debian.resolve(
            manifest, base: base, toolchain: toolchain, pins: (pins.debian, pins.toolchain), older: older)
        let files = try await ManifestFiles(manifest: manifest, directory: directory).files(
            keep: { try store.keep($0) },
            download: { try await fetcher.download($0, limit: ManifestFiles.largest) })
        var lock = Lockfile(
            recipe: Lockfile.newestRecipe, manifestSHA256: "",
            sourceDateEpoch: options.sourceDateEpoch ?? debian.newest,
            name: manifest.name, architecture: manifest.architecture, release: manifest.base.release,
            files: files.files,
            steps: manifest.steps, prune: manifest.prune, image: manifest.image, archives: debian.archives,
            packages: debian.packages, toolchain: debian.toolchain)
        lock.manifestSHA256 = files.sha256(with: manifest)
        if manifest.system == .debian { lock.selection = manifest.selection }
        for state in base + toolchain where state.keyExpiry != nil {
            events(.note("the key that signed \(state.archive.suite) has expired; --allow-expired lets it count"))
        }
        (lock.system, lock.allowed, lock.tarball) = (manifest.system, manifest.allowed, files.tarball)
        if let program = manifest.initProgram {
            lock.initProgram = program
            lock.initSHA256 = Digest.of(InitScript.bytes(program)).hex
        }
        if let alpine = manifest.alpine {
            let resolution = AlpineResolution(
                base: alpine, keys: files.keys, fetcher: fetcher, store: store, resolver: resolver)
            try await resolution.resolve(&lock, world: manifest.packages, holding: nil, pins: [:])
        }
        try await fetcher.fetch(RemoteInput.inputs(of: lock))
        if let python = manifest.python {
            lock.python = Lockfile.Python(packages: python, interpreter: debian.interpreter, wheels: [])
            events(.phase(name: "resolve \(python.requirements.count) requirements of Python", total: 0))
            let wheels = try await resolver.wheels(for: lock, holding: pins.wheels)
            lock.python = Lockfile.Python(packages: python, interpreter: debian.interpreter, wheels: wheels)
        }
        return lock
    }
}

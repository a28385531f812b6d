import ContentHash
import Glibc
import Host
import ImageComparison
import InputStore
import KeptTrees
import Mirrors
import RootfsBuild
import RuntimeSpec
import Sandbox

/// Builds the image of a lock: inputs, tree, image, identity.
public struct ImageBuilder: Sendable {
    /// A lockfile as it was read: its bytes and what they say.
    public struct LockedRuntime: Sendable {
        /// As it was given.
        public let path: String
        /// The file's text.
        public let text: String
        /// What it says.
        public let lock: Lockfile

        /// Reads a lockfile. Throws `SystemError`, `FileError`, `SpecError`.
        public init(path: String) throws {
            self.path = path
            text = try SmallFile.text(path)
            lock = try Lockfile(text: text, file: path)
        }

        /// One that was read elsewhere, out of a bundle say.
        /// - Parameter path: What errors call it.
        public init(text: String, lock: Lockfile, path: String) {
            (self.path, self.text, self.lock) = (path, text, lock)
        }

        /// SHA-256 of the lockfile's bytes.
        public var sha256: Digest { .of(Array(text.utf8)) }
    }

    private let store: Store
    private let fetcher: Fetcher
    private let jobs: Int
    private let stepTimeout: Int?
    let events: EventSink
    private let programs: TargetPrograms
    private let refusesPrivateKeys: Bool
    private let tree: TreePlace?
    private let trees: KeptTrees?

    /// - Parameters:
    ///   - jobs: Packages decompressed at once and threads of the packer; the bytes don't depend on it.
    ///   - stepTimeout: Seconds that a step may take; nil for as long as it takes.
    ///   - refusesPrivateKeys: Whether an image with private keys is none; else whoever asks looks for them.
    ///   - tree: Where the tree has to lie; nil for memory where four times its size is free, else the disk.
    ///   - trees: Trees of earlier builds, for builds that vouch for nothing; nil for none, and none is kept.
    public init(
        store: Store, fetcher: Fetcher, programs: TargetPrograms, jobs: Int, stepTimeout: Int? = nil,
        refusesPrivateKeys: Bool = true, tree: TreePlace? = nil, trees: KeptTrees? = nil, events: @escaping EventSink
    ) {
        (self.store, self.fetcher, self.jobs, self.events) = (store, fetcher, jobs, events)
        self.stepTimeout = stepTimeout
        (self.programs, self.refusesPrivateKeys) = (programs, refusesPrivateKeys)
        (self.tree, self.trees) = (tree, trees)
    }

    /// Fetches what the store lacks, builds, and publishes the image under its name when it is whole.
    /// - Parameter use: Is told what is used from then on.
    public func build(_ runtime: LockedRuntime, image path: String, use: StoreUse? = nil) async throws -> FileIdentity {
        try await fetch(runtime)
        try use?.narrow(to: store.inputs(of: runtime.lock).map(\.sha256))
        return try await build(runtime, image: path, conditions: BuildConditions())
    }

    /// Builds once more, beside whatever else is built of the lock, for what it hashes to, and gives the image's path to `use`,
    /// for as long as that runs. Nothing of it stays, however this program ends.
    /// - Parameter observe: Gets the events of the build, besides whoever gets them all.
    public func rebuild<Value: Sendable>(
        _ runtime: LockedRuntime, observe: @escaping EventSink = { _ in },
        use: @Sendable (FileIdentity, String) async throws -> Value
    ) async throws -> Value {
        try await fetch(runtime)
        let place = try await WorkFolder.create(in: store, name: "\(runtime.lock.name.prefix(100))-image")
        do {
            let path = "\(place.path)/image.squashfs"
            let identity = try await build(runtime, image: path, conditions: BuildConditions(), observe: observe)
            let value = try await use(identity, path)
            await place.remove()
            return value
        } catch {
            await place.remove()
            throw error
        }
    }

    /// Fetches what the store lacks of what a build reads.
    /// - Throws: `FetchError`, `StoreError`, `BuildError` for an init or agent that this program doesn't have.
    public func fetch(_ runtime: LockedRuntime) async throws {
        let lock = runtime.lock
        if let script = lock.contents.initScript {
            guard let bytes = script.bytes else {
                throw BuildError.otherInit(lock: runtime.path, expected: script.sha256.hex)
            }
            _ = try store.keep(bytes)
        }
        // Sources of an agent that is not this program's own may have come with the store, or a bundle.
        let agent = lock.contents.agent?.sources ?? []
        try await fetcher.fill(agent.filter { AgentSources.bytes(of: $0) == nil })
        for source in agent {
            if let bytes = AgentSources.bytes(of: source) {
                _ = try store.keep(bytes)
            } else if case .present = try store.state(of: source) {
                continue
            } else {
                throw BuildError.otherAgent(lock: runtime.path, source: source.path, expected: source.sha256.hex)
            }
        }
        try await fetcher.fetch(RemoteInput.inputs(of: lock))
        let folders = ManifestFolders(lock: runtime.path, name: lock.name)
        try await fetcher.gather(lock.manifestInputs.filter { !$0.isWeb }, from: folders)
        for tree in lock.contents.trees { try await adopt(tree, of: runtime) }
        if let alpine = lock.alpine {
            // The release's own are in the minirootfs.
            let keys = try alpine.repositories.map(\.key).filter { try !store.keepKey($0, of: alpine) }
            try await fetcher.gather(keys, from: folders)
        }
        try await programs.fetchWheels(of: lock, fetcher: fetcher)
    }

    private func has(_ inputs: [Lockfile.Input]) throws -> Bool {
        try inputs.allSatisfy { if case .present = try store.state(of: $0) { true } else { false } }
    }

    /// A folder of the user's own: its list and all its files are in the store, or it is beside the manifest as it was, or a mirror of
    /// objects has all of it.
    private func adopt(_ tree: Lockfile.Tree, of runtime: LockedRuntime) async throws {
        if let inputs = try store.list(of: tree)?.inputs, try has(inputs) { return }
        var tried: [String] = []
        for folder in ManifestFolders(lock: runtime.path, name: runtime.lock.name).paths {
            let place = "\(folder)/\(tree.source.source)"
            do {
                // What isn't the locked folder isn't kept; and while it is, it may change.
                if try TreeReader.list(tree.source, in: folder).sha256 == tree.list.sha256,
                    try TreeReader.keep(tree.source, in: folder, store: store).sha256 == tree.list.sha256
                {
                    return
                }
                tried.append("\(place) (it has changed)")
            } catch { tried.append(access(place, F_OK) == 0 ? "\(place) (\(error))" : place) }
        }
        try await fetcher.fill([tree.list])
        if let inputs = try store.list(of: tree)?.inputs {
            try await fetcher.fill(inputs)
            if try has(inputs) { return }
        }
        throw StoreError.treeMissing(tree.list, tried: tried)
    }

    /// What must never be published, whoever builds.
    private func privateKeys(in image: AtomicFile, allowed: [Allowance]) async throws -> [String] {
        guard refusesPrivateKeys else { return [] }
        // The file has no name yet; its builder's descriptor leads to it.
        let report = try await Examination.audit(
            "/proc/\(getpid())/fd/\(image.descriptor)", options: .init(allowed: allowed, looksFor: .privateKeys))
        return report.findings.map { $0.path + ($0.detail.isEmpty ? "" : " (\($0.detail))") }
    }

    /// Where work folders lie.
    var workDirectory: String { store.workDirectory }

    /// A folder of the store's for this program, which goes with it.
    func workFolder(_ name: String) async throws -> WorkFolder { try await WorkFolder.create(in: store, name: name) }

    /// An empty store, filled from this one.
    /// - Parameter isShuffled: Whether in a random order.
    private func otherStore(in folder: String, for runtime: LockedRuntime, clock: BuildJob.Clock?, isShuffled: Bool)
        throws
        -> Store
    {
        let other = try Store(directory: folder)
        let inputs = try store.inputs(of: runtime.lock)
        for input in isShuffled ? inputs.shuffled() : inputs where !Self.has(input, other) {
            guard try other.adopt(store.path(of: input.sha256), as: input) == input.sha256 else {
                throw StoreError.fileMissing(input, tried: [store.path(of: input.sha256)])
            }
        }
        if let clock { try other.link(clock.sha256, from: store) }
        return other
    }

    private static func has(_ input: Lockfile.Input, _ store: Store) -> Bool {
        access(store.path(of: input.sha256), F_OK) == 0
    }

    /// - Parameter observe: Gets the events of the build, besides whoever gets them all.
    func build(
        _ runtime: LockedRuntime, image path: String, conditions: BuildConditions,
        observe: @escaping EventSink = { _ in }
    ) async throws -> FileIdentity {
        let image = try AtomicFile(replacing: path)
        let timeline = BuildTimeline()
        let work = try await WorkFolder.create(in: store, name: conditions.folderName(of: runtime.lock))
        var offered: BuildJob.Trees?
        do {
            let tree = conditions.has(.directoryOrder) ? try ShuffledFolder.make(in: work.path) : work.path
            var inputs = store
            let fills = [Variation.store, .downloads].contains(where: conditions.varied.contains)
            if fills {
                inputs = try await onThread { [conditions] in
                    try otherStore(
                        in: "\(work.path)/other-store", for: runtime, clock: conditions.clock,
                        isShuffled: conditions.varied.contains(.downloads))
                }
            }
            var job = BuildJob(
                lock: runtime.text, store: inputs.directory, workFolder: tree,
                jobs: conditions.jobs(jobs), stepTimeout: stepTimeout, isPrivileged: conditions.isPrivileged)
            job.tree = self.tree
            offered = trees.flatMap { $0.offer(for: runtime.lock, new: "\(work.path)/kept", in: store) }
            job.trees = offered
            job.conditions = conditions.inside(of: runtime.lock, tree: self.tree)
            let events = events
            _ = try await Namespaces(.build, surroundings: conditions.surroundings(of: tree)).run(
                job, output: image.descriptor
            ) { event in
                if case .span(let span) = event { return timeline.add(span) }
                events(event)
                observe(event)
            }
            if let trees, let offered { take(from: offered, to: trees, of: runtime.lock) }
        } catch {
            // A step that failed is mended and tried again: what came before it is whole.
            if !(error is CancellationError), let trees, let offered {
                take(from: offered, to: trees, of: runtime.lock)
            }
            await work.remove()
            throw error
        }
        events(.phase(name: "hash", total: 0))
        // Removing tens of thousands of files takes as long as hashing the image: they go side by side.
        async let removed: Void = work.remove()
        async let synced: Void = onThread { try image.sync() }
        async let keys = privateKeys(in: image, allowed: runtime.lock.contents.allowed)
        // The file goes with its last mention, so the thread holds it, not its descriptor alone.
        let identity = try await timeline.timed("hash the image, remove the tree") {
            try await onThread {
                lseek(image.descriptor, 0, SEEK_SET)
                return try FileIdentity(descriptor: image.descriptor, name: path)
            }
        }
        await removed
        let found = try await keys
        events(.detail(timeline.lines().joined(separator: "\n")))
        guard found.isEmpty else { throw BuildError.privateKeys(found) }
        try await synced
        try image.publish(syncing: false)
        return identity
    }
}

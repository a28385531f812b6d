import Glibc
import Host
import InputStore
import RuntimeSpec
import Sandbox

/// Builds the rootfs tree of a lock: base, packages stage by stage, files, steps, prune, contract.
public struct RootfsAssembly: Sendable {
    /// What invoke-rc.d(8) asks whether a service may start.
    static let servicePolicy = "/usr/sbin/policy-rc.d"

    /// Where dpkg's journal is mounted.
    public static let journal = "/var/lib/dpkg/updates"

    private let lock: Lockfile
    private let root: Root
    private let store: Store
    private let jobs: Int
    private let stepTimeout: Int?
    private let events: EventSink
    private let conditions: BuildJob.Conditions

    /// - Parameters:
    ///   - root: An empty folder.
    ///   - store: Where the lock's inputs are.
    ///   - jobs: How many packages are decompressed at once.
    ///   - stepTimeout: Seconds that a step may take; nil for as long as it takes.
    ///   - conditions: What this build has otherwise than others.
    public init(
        lock: Lockfile, root: Root, store: Store, jobs: Int,
        stepTimeout: Int? = nil, conditions: BuildJob.Conditions = .init(), events: @escaping EventSink
    ) {
        (self.lock, self.store, self.jobs, self.events) = (lock, store, jobs, events)
        (self.stepTimeout, self.conditions) = (stepTimeout, conditions)
        var root = root
        if conditions.hasOtherProcessor { root.entry.processor = OtherProcessor.path(beside: root.path) }
        root.entry.hasOtherKernel = conditions.hasOtherKernel
        if conditions.clock != nil { root.entry.variables = OtherClock.variables }
        self.root = root
    }

    /// Where the work begins.
    public struct Start: Sendable {
        /// What is done; nil where nothing is.
        public var phase: TreePhase?
        /// Files that may be packed early, batch by batch, of what is done.
        public var shipped: [[ShippedFile]] = []

        /// In an empty folder.
        public init() {}
    }

    /// Assembles the image's tree.
    /// - Parameters:
    ///   - start: What the root has.
    ///   - done: Waits while nothing runs in the tree that has come so far, and gets what was offered of it.
    ///   - toolchain: Waits for the root that the toolchain is unpacked into.
    ///   - unpacked: Gets, as soon as they are in the tree, files that may already be packed.
    public func assemble(
        from start: Start = Start(), toolchain: @Sendable () async throws -> Root,
        done: (TreePhase, [[ShippedFile]]) async throws -> Void = { _, _ in },
        unpacked: @Sendable ([ShippedFile]) -> Void
    ) async throws {
        if conditions.hasOtherProcessor { try OtherProcessor.write(beside: root.path) }
        if let clock = conditions.clock {
            let other = Root(
                path: OtherClock.folder(beside: root.path), sourceDateEpoch: lock.sourceDateEpoch, events: events)
            try SystemFolders.makeFolder(other.path)
            try await other.fill(with: [OtherClock.package(clock)], from: store, jobs: jobs)
        }
        let trees = try store.lists(of: lock.contents.trees)
        let placed = placed(with: trees)
        var writers = Writers(root: root.path, paths: conditions.watched, events: events)
        var shipped = start.shipped
        if start.phase == nil {
            shipped = try await installBase(toolchain) { unpacked(toPack($0, keeping: placed)) }
            try await done(.packages, shipped)
        } else {
            for batch in shipped { unpacked(toPack(batch, keeping: placed)) }
        }
        writers.look(after: "the base's packages")
        if start.phase != .wheels, let python = lock.python {
            let toolchain = try await toolchain()
            try await timed("install the wheels") {
                try await WheelInstallation(
                    python: python, lock: lock, root: root, toolchain: toolchain, store: store, events: events
                ).run()
            }
            try await done(.wheels, shipped)
        }
        writers.look(after: "Python's packages")
        try await FileInstallation(contents: lock.contents, trees: trees, root: root, store: store).run(
            inSystem: lock.system != .empty)
        writers.look(after: "a file of the manifest")
        try await compileAgent()
        try await runSteps { writers.look(after: "step \($0)") }
        if let clock = conditions.clock, let isSeen = try await OtherClock.isSeen(clock, by: root) {
            events(.clock(isSeen: isSeen))
        }
        try await root.perform(lock.contents.prune.map(ChrootTask.prune))
        // A volume is what its manifest names, and nothing that a system needs.
        if lock.system == .empty { return }
        let written = try
            (ImageContract.written(for: lock).map { ($0.path, Array($0.text.utf8)) }
            + ImageContract.thirdParties(of: lock, from: store))
            .filter { path, _ in !placed.contains(Array(path.utf8.dropFirst())) }
        let notes = try await root.perform(
            ImageContract.notes(for: lock.system) + ImageContract.removals(for: lock.system)
                + written.flatMap { ImageContract.writing($0, recipe: lock.format.recipe) })
        for note in notes { events(.note(note)) }
    }

    /// A part of the build, for its timeline.
    private func timed<Value>(_ part: String, _ body: () async throws -> Value) async rethrows -> Value {
        try await TimelineSpan.inSandbox(part, events, body)
    }

    private func compileAgent() async throws {
        guard let agent = lock.contents.agent else { return }
        let place = Root(path: "\(root.path).compiler", sourceDateEpoch: lock.sourceDateEpoch, events: events)
        try SystemFolders.makeFolder(place.path)
        try await AgentCompilation(agent: agent, root: root, store: store, jobs: jobs, events: events).run(in: place)
    }

    /// - Parameters:
    ///   - toolchain: Is waited for as soon as the first packages are there, so that what is wrong with it is told early.
    ///   - offer: Gets files that may be packed early as soon as they are in the tree.
    /// - Returns: All of them, batch by batch.
    private func installBase(
        _ toolchain: @Sendable () async throws -> Root, _ offer: ([ShippedFile]) -> Void
    ) async throws -> [[ShippedFile]] {
        var shipped: [[ShippedFile]] = []
        switch lock.base {
        case .debian(let debian):
            try root.makeBase()
            try await install(debian, toolchain) { batch in
                shipped.append(batch)
                offer(batch)
            }
            try await recompileLibraries(of: debian)
        case .alpine(let alpine):
            try await start(alpine.minirootfs)
            try await Apk(alpine: alpine, root: root, store: store).add(events: events)
        case .tarball(let tarball): try await start(tarball)
        case .empty: break
        }
        return shipped
    }

    private func mountSystemFolders() throws {
        try SystemFolders.mount(in: root.path)
        try showClock()
    }

    private func showClock() throws {
        if let clock = conditions.clock { try OtherClock.show(clock, in: root.path) }
    }

    /// Unpacks the root file system that an Alpine or a tarball base starts from.
    private func start(_ tarball: Lockfile.Input) async throws {
        try await root.fill(withTarball: tarball, from: store)
        try showClock()
    }

    /// Stage by stage, in batches: while dpkg unpacks or configures one, the next is decompressed.
    /// - Parameter offer: Gets what each batch shipped.
    private func install(
        _ debian: Lockfile.Debian, _ toolchain: @Sendable () async throws -> Root, _ offer: ([ShippedFile]) -> Void
    ) async throws {
        let progress = Dpkg.Progress(events: events)
        let dpkg = Dpkg(root: root, progress: progress)
        // glibc's packages refuse to be unpacked under a kernel of before 3.2.
        var baseRoot = root
        baseRoot.entry.hasOtherKernel = false
        let baseDpkg = Dpkg(root: baseRoot, progress: progress)
        var unpacking = PackageUnpacking(root: root, dpkg: dpkg, isByDpkg: conditions.unpacksByDpkg)
        let batches = debian.stages.flatMap { stage in
            stage.first?.stage == 0 ? [stage] : Self.batches(of: stage)
        }
        events(.phase(name: "install \(debian.packages.count) packages", total: debian.packages.count, unit: .packages))
        var preparations = Preparations(batches) { [self] in try await root.repack($0, from: store, jobs: jobs) }
        for (index, batch) in batches.enumerated() {
            let prepared = try await timed("wait for packages to be decompressed") { try await preparations.next() }
            let next = index + 1 < batches.count ? batches[index + 1] : []
            let stage = batch.first?.stage ?? 0
            if stage == 0 {
                try await timed("the first packages' files") { try await startBase(batch) }
                // Inside the Essential closure Pre-Depends go round in circles; its files are all there already.
                try await timed("unpack \(batch.count) packages by dpkg") {
                    try await baseDpkg.unpack(batch, options: ["--force-depends"])
                }
                unpacking.note(prepared)
                _ = try await toolchain()
            } else {
                try await timed("unpack \(batch.count) packages") { try await unpacking.unpack(prepared) }
            }
            for package in batch { unlink("\(root.privatePath)/\(package.name).deb") }
            offer(prepared.flatMap(\.shipped))
            if next.first?.stage != stage {
                try await timed("set up stage \(stage)") { try await dpkg.configureAll() }
            }
        }
        try await dpkg.audit()
    }

    /// The standard libraries of Pythons before 3.11, whose maintainer scripts compile them otherwise each time.
    private func recompileLibraries(of debian: Lockfile.Debian) async throws {
        let script = String(decoding: PackageResources.recompile_library_py, as: UTF8.self)
        for package in debian.packages where package.name.hasPrefix("libpython3.") {
            let version = package.name.dropFirst("libpython".count).prefix { $0 != "-" }
            guard package.name.hasSuffix("-minimal"), let minor = Int(version.dropFirst(2)), minor < 11 else {
                continue
            }
            events(.phase(name: "compile the library of Python \(version) anew", total: 0))
            try await root.run(
                "compiling the library of Python \(version)",
                ["python\(version)", "-s", "-B", "-c", script, "/usr/lib/python\(version)"])
        }
    }

    /// The Essential closure's files, before dpkg can run.
    private func startBase(_ batch: [Lockfile.Package]) async throws {
        try await root.perform([
            .extract(batch.map(\.name)),
            .write(path: "/var/lib/dpkg/status", mode: 0o644, bytes: []),
            // Nobody starts a service in a tree that isn't running (invoke-rc.d(8): 101, action forbidden).
            .write(path: Self.servicePolicy, mode: 0o755, bytes: Array("#!/bin/sh\nexit 101\n".utf8)),
        ])
        // Only now: a user can't give /proc, which the packages ship as a folder, their time.
        try mountSystemFolders()
        try SystemFolders.mountJournal(at: root.path(of: Self.journal))
    }

    /// Batches grow, so that dpkg starts early and is started seldom. Their bounds are part of the recipe.
    private static func batches(of stage: [Lockfile.Package]) -> [[Lockfile.Package]] {
        var batches: [[Lockfile.Package]] = []
        var (current, size, limit) = ([Lockfile.Package](), 0, 12_000_000)
        for package in stage {
            current.append(package)
            size += package.file.size
            if size >= limit {
                batches.append(current)
                (current, size, limit) = ([], 0, min(2 * limit, 24_000_000))
            }
        }
        return current.isEmpty ? batches : batches + [current]
    }

    /// Those of packages' files that nothing is expected to touch once they are unpacked.
    private func toPack(_ files: [ShippedFile], keeping placed: Set<[UInt8]>) -> [ShippedFile] {
        let pruned = lock.contents.prune.map { Array($0.utf8.dropFirst()) }
        return files.filter { file in !placed.contains(file.path) && !pruned.contains { file.isAtOrBelow($0) } }
    }

    /// What the manifest puts into the image, folders aside: paths from the root on, by their bytes.
    private func placed(with trees: [(tree: Lockfile.Tree, list: TreeList)]) -> Set<[UInt8]> {
        let paths =
            lock.contents.files.map(\.target) + lock.contents.links.map(\.target)
            + trees.flatMap { tree, list in
                list.entries.filter { $0.content != .folder }.map { tree.source.place(of: $0.path) }
            }
        return Set(paths.map { Array($0.utf8.dropFirst()) })
    }

    /// - Parameter done: Gets a step's number, from 1 on, when it has run.
    private func runSteps(_ done: (Int) -> Void) async throws {
        for (index, step) in lock.contents.steps.enumerated() {
            events(.phase(name: "step \(index + 1) of \(lock.contents.steps.count)", total: 0))
            try await timed("step \(index + 1)") {
                try await root.run(
                    "step \(index + 1) (\(step))", ["/bin/sh", "-e", "-c", step], timeout: stepTimeout)
            }
            done(index + 1)
        }
    }
}

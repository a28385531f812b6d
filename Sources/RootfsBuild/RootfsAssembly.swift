import Glibc
import Host
import InputStore
import RuntimeSpec

/// Builds the rootfs tree of a lock: base, packages stage by stage, files, steps, prune, contract.
public struct RootfsAssembly: Sendable {
    /// A folder of ours in the root while it is built.
    static let privateFolder = "/.rtverify"
    /// What invoke-rc.d(8) asks whether a service may start.
    static let servicePolicy = "/usr/sbin/policy-rc.d"

    private let lock: Lockfile
    private let root: String
    private let store: Store
    private let jobs: Int
    private let stepTimeout: Int?
    private let events: EventSink
    private let programs: RootPrograms
    private let conditions: BuildJob.Conditions

    /// - Parameters:
    ///   - root: An empty folder.
    ///   - store: Where the lock's inputs are.
    ///   - jobs: How many packages are decompressed at once.
    ///   - stepTimeout: Seconds that a step may take; nil for as long as it takes.
    ///   - conditions: What this build has otherwise than others.
    public init(
        lock: Lockfile, root: String, store: Store, jobs: Int,
        stepTimeout: Int? = nil, conditions: BuildJob.Conditions = .init(), events: @escaping EventSink
    ) {
        (self.lock, self.root, self.store, self.jobs, self.events) = (lock, root, store, jobs, events)
        (self.stepTimeout, self.conditions) = (stepTimeout, conditions)
        var entry = RootEntry.Options()
        if conditions.hasOtherProcessor { entry.processor = OtherProcessor.path(beside: root) }
        entry.hasOtherKernel = conditions.hasOtherKernel
        if conditions.clock != nil { entry.variables = OtherClock.variables }
        programs = RootPrograms(root: root, sourceDateEpoch: lock.sourceDateEpoch, entry: entry, events: events)
    }

    /// Assembles the image's tree.
    /// - Parameters:
    ///   - toolchain: The root that the toolchain was unpacked into.
    ///   - unpacked: Gets, as soon as they are in the tree, files that may already be packed.
    public func assemble(toolchain: String, unpacked: @Sendable ([ShippedFile]) -> Void) async throws {
        if conditions.hasOtherProcessor { try OtherProcessor.write(beside: root) }
        if let clock = conditions.clock {
            let folder = OtherClock.folder(beside: root)
            try SandboxSetup.makeFolder(folder)
            try await unpack([OtherClock.package(clock)], into: folder)
        }
        var writers = Writers(root: root, paths: conditions.watched, events: events)
        switch lock.system {
        case .debian:
            try makeBase()
            try await installPackages(unpacked)
            try await recompileLibraries()
        case .alpine:
            try await startTarball()
            try await apk.add(events: events)
        case .tarball: try await startTarball()
        case .empty: break
        }
        writers.look(after: "the base's packages")
        if let python = lock.python {
            try await WheelInstallation(
                python: python, lock: lock, root: root, toolchain: toolchain, store: store,
                entry: programs.entry, events: events
            ).run()
        }
        writers.look(after: "Python's packages")
        try await installUserFiles()
        writers.look(after: "a file of the manifest")
        try await runSteps { writers.look(after: "step \($0)") }
        if let clock = conditions.clock, let isSeen = try await OtherClock.isSeen(clock, by: programs) {
            events(.clock(isSeen: isSeen))
        }
        try await programs.perform(lock.prune.map(RootTask.prune))
        // A volume is what its manifest names, and nothing that a system needs.
        if lock.system == .empty { return }
        let named = Set(lock.files.map(\.target))
        let written = ImageContract.written(for: lock).filter { !named.contains($0.path) }
        try await programs.perform(
            ImageContract.removals(for: lock.system)
                + written.map { .write(path: $0.path, mode: 0o644, bytes: Array($0.text.utf8)) })
    }

    private func mountSystemFolders() throws {
        try SandboxSetup.mountSystemFolders(in: root)
        if let clock = conditions.clock { try OtherClock.show(clock, in: root) }
    }

    /// Unpacks the root file system that an Alpine or a tarball base starts from.
    func startTarball() async throws {
        guard let tarball = lock.tarball else { return }
        events(.phase(name: "unpack \(tarball.path.split(separator: "/").last ?? "")", total: 0))
        let path = "\(Self.privateFolder)/base.tar"
        try SandboxSetup.makeFolder("\(root)\(Self.privateFolder)")
        try store.copy(tarball, to: "\(root)\(path)", name: tarball.path)
        // With whatever the tarball itself has there: a link in it would lead this process out of the root.
        try await programs.perform([.extractTarball(path), .remove(Self.privateFolder)])
        try mountSystemFolders()
    }

    /// The root's apk.
    var apk: Apk { Apk(lock: lock, root: root, store: store, programs: programs) }

    /// Unpacks the toolchain's packages, without running anything of them.
    public func unpackToolchain(into folder: String) async throws { try await unpack(lock.toolchain, into: folder) }

    /// Unpacks packages into a root of their own, without running anything of them.
    func unpack(_ packages: [Lockfile.Package], into folder: String) async throws {
        let other = RootfsAssembly(lock: lock, root: folder, store: store, jobs: jobs, events: events)
        try other.makeBase()
        _ = try await other.prepare(packages)
        try await other.programs.perform([.extract(packages.map(\.name)), .remove(Self.privateFolder)])
        try SandboxSetup.mountSystemFolders(in: folder)
    }

    /// /usr is merged from the start, as debootstrap does it for amd64: no package has to move anything.
    private func makeBase() throws {
        let links = ShippedFile.mergedFolders
        for folder in ["usr"] + links.map({ "usr/\($0)" }) + [String(Self.privateFolder.dropFirst())] {
            try SandboxSetup.makeFolder("\(root)/\(folder)")
        }
        for link in links {
            guard symlink("usr/\(link)", "\(root)/\(link)") == 0 else {
                throw SystemError("cannot create \(root)/\(link)", errno)
            }
        }
    }

    /// Stage by stage, in batches: while dpkg unpacks or configures one, the next is decompressed.
    private func installPackages(_ unpacked: @Sendable ([ShippedFile]) -> Void) async throws {
        let dpkg = Dpkg(programs: programs, events: events)
        // glibc's packages refuse to be unpacked under a kernel of before 3.2.
        var basePrograms = programs
        basePrograms.entry.hasOtherKernel = false
        let baseDpkg = Dpkg(programs: basePrograms, events: events)
        let batches = lock.stages.flatMap { stage in
            stage.first?.stage == 0 ? [stage] : Self.batches(of: stage)
        }
        events(.phase(name: "install \(lock.packages.count) packages", total: 2 * lock.packages.count))
        var preparation = Task { [self] in try await prepare(batches.first ?? []) }
        for (index, batch) in batches.enumerated() {
            let shipped = try await preparation.value
            let next = index + 1 < batches.count ? batches[index + 1] : []
            preparation = Task { [self] in try await prepare(next) }
            let stage = batch.first?.stage ?? 0
            if stage == 0 { try await startBase(batch) }
            // Inside the Essential closure Pre-Depends go round in circles; its files are all there already.
            try await (stage == 0 ? baseDpkg : dpkg).unpack(batch, options: stage == 0 ? ["--force-depends"] : [])
            for package in batch { unlink("\(root)\(Self.privateFolder)/\(package.name).deb") }
            unpacked(shipped)
            if next.first?.stage != stage { try await dpkg.configureAll() }
        }
        try await dpkg.audit()
    }

    /// The standard libraries of Pythons before 3.11, whose maintainer scripts compile them otherwise each time.
    private func recompileLibraries() async throws {
        let script = String(decoding: PackageResources.recompile_library_py, as: UTF8.self)
        for package in lock.packages where package.name.hasPrefix("libpython3.") {
            let version = package.name.dropFirst("libpython".count).prefix { $0 != "-" }
            guard package.name.hasSuffix("-minimal"), let minor = Int(version.dropFirst(2)), minor < 11 else {
                continue
            }
            events(.phase(name: "compile the library of Python \(version) anew", total: 0))
            try await programs.run(
                "compiling the library of Python \(version)",
                ["python\(version)", "-s", "-B", "-c", script, "/usr/lib/python\(version)"])
        }
    }

    /// The Essential closure's files, before dpkg can run.
    private func startBase(_ batch: [Lockfile.Package]) async throws {
        try await programs.perform([
            .extract(batch.map(\.name)),
            .write(path: "/var/lib/dpkg/status", mode: 0o644, bytes: []),
            // Nobody starts a service in a tree that isn't running (invoke-rc.d(8): 101, action forbidden).
            .write(path: Self.servicePolicy, mode: 0o755, bytes: Array("#!/bin/sh\nexit 101\n".utf8)),
        ])
        // Only now: a user can't give /proc, which the packages ship as a folder, their time.
        try mountSystemFolders()
        try SandboxSetup.mountJournal(at: "\(root)/var/lib/dpkg/updates")
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

    /// - Returns: Those of the packages' files that nothing is expected to touch once they are unpacked.
    private func prepare(_ packages: [Lockfile.Package]) async throws -> [ShippedFile] {
        let (store, folder) = (store, "\(root)\(Self.privateFolder)")
        let files = try await inParallel(packages) { package in
            try PackagePreparation(
                package: package, source: store.path(of: package.file.sha256), target: "\(folder)/\(package.name).deb"
            ).run()
        }
        let touched = (lock.prune + lock.files.map(\.target)).map { Array($0.utf8.dropFirst()) }
        return files.joined().filter { file in !touched.contains { file.isAtOrBelow($0) } }
    }

    /// Blocking work on each package, as many at once as there are jobs; the results in the packages' order.
    private func inParallel<Value: Sendable>(
        _ packages: [Lockfile.Package], _ work: @escaping @Sendable (Lockfile.Package) throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: (Int, Value).self) { group in
            var rest = packages.enumerated().makeIterator()
            func startNext() {
                guard let (index, package) = rest.next() else { return }
                group.addTask { (index, try await onThread { try work(package) }) }
            }
            for _ in 0..<max(1, jobs) { startNext() }
            var values: [(Int, Value)] = []
            while let value = try await group.next() {
                values.append(value)
                startNext()
            }
            return values.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// The manifest's files, copied into the root by hash and then moved to their places inside it.
    private func installUserFiles() async throws {
        var tasks: [RootTask] = []
        if let program = lock.initProgram {
            tasks.append(.write(path: InitScript.path, mode: 0o755, bytes: InitScript.bytes(program)))
        }
        let (files, store, folder) = (lock.files, store, "\(root)\(Self.privateFolder)")
        if !files.isEmpty {
            try SandboxSetup.makeFolder(folder)
            try await onThread {
                for (index, file) in files.enumerated() {
                    try store.copy(file.source, to: "\(folder)/file-\(index)", name: file.target)
                }
            }
        }
        tasks += files.enumerated().map { .install(name: "file-\($0)", path: $1.target, mode: $1.mode) }
        // A volume has no other use for the folder; elsewhere it goes with the rest that no image has.
        if lock.system == .empty, !files.isEmpty { tasks.append(.remove(Self.privateFolder)) }
        try await programs.perform(tasks)
    }

    /// - Parameter done: Gets a step's number, from 1 on, when it has run.
    private func runSteps(_ done: (Int) -> Void) async throws {
        for (index, step) in lock.steps.enumerated() {
            events(.phase(name: "step \(index + 1) of \(lock.steps.count)", total: 0))
            try await programs.run(
                "step \(index + 1) (\(step))", ["/bin/sh", "-e", "-c", step], timeout: stepTimeout)
            done(index + 1)
        }
    }
}

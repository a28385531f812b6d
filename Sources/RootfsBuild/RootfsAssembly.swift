import Glibc
import Reporting
import RuntimeSpec

/// Builds the rootfs tree of a lock: base, packages stage by stage, files, steps, prune, contract.
public struct RootfsAssembly: Sendable {
    /// A folder of ours in the root while it is built.
    static let privateFolder = "/.rtverify"
    /// What invoke-rc.d(8) asks whether a service may start.
    static let servicePolicy = "/usr/sbin/policy-rc.d"

    private let lock: Lockfile
    private let root: String
    private let objects: @Sendable (String) -> String
    private let jobs: Int
    private let events: EventSink
    private let programs: RootPrograms

    /// - Parameters:
    ///   - root: An empty folder.
    ///   - objects: The path of a store object by its SHA-256.
    ///   - jobs: How many packages are decompressed at once.
    public init(
        lock: Lockfile, root: String, objects: @escaping @Sendable (String) -> String, jobs: Int,
        events: @escaping EventSink
    ) {
        (self.lock, self.root, self.objects, self.jobs, self.events) = (lock, root, objects, jobs, events)
        programs = RootPrograms(root: root, sourceDateEpoch: lock.sourceDateEpoch, events: events)
    }

    /// Assembles the image's tree.
    /// - Parameter unpacked: Gets, as soon as they are in the tree, files that may already be packed.
    public func assemble(unpacked: @Sendable ([ShippedFile]) -> Void) async throws {
        guard lock.system == .debian else {
            // A volume is what its manifest names, and nothing that a system needs.
            try await programs.perform(userFiles() + lock.prune.map(RootTask.prune))
            return
        }
        try makeBase()
        try await installPackages(unpacked)
        try await programs.perform(userFiles())
        try await runSteps()
        try await programs.perform(lock.prune.map(RootTask.prune))
        let named = Set(lock.files.map(\.target))
        let written = ImageContract.written(for: lock).filter { !named.contains($0.path) }
        try await programs.perform(
            ImageContract.removals + written.map { .write(path: $0.path, mode: 0o644, bytes: Array($0.text.utf8)) })
    }

    /// Unpacks the toolchain's packages, without running anything of them.
    public func unpackToolchain(into folder: String) async throws {
        let tools = RootfsAssembly(lock: lock, root: folder, objects: objects, jobs: jobs, events: events)
        try tools.makeBase()
        _ = try await tools.prepare(lock.toolchain)
        try await tools.programs.perform([.extract(lock.toolchain.map(\.name)), .remove(Self.privateFolder)])
        try SandboxSetup.mountSystemFolders(in: folder)
    }

    /// /usr is merged from the start, as debootstrap does it for amd64: no package has to move anything.
    private func makeBase() throws {
        let links = ShippedFile.mergedFolders
        for folder in ["usr"] + links.map({ "usr/\($0)" }) + [String(Self.privateFolder.dropFirst())] {
            try Self.makeFolder("\(root)/\(folder)")
        }
        for link in links {
            guard symlink("usr/\(link)", "\(root)/\(link)") == 0 else {
                throw RootfsError.system("cannot create \(root)/\(link)", errno)
            }
        }
    }

    private static func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw RootfsError.system("cannot create \(path)", errno)
        }
    }

    /// Stage by stage, in batches: while dpkg unpacks or configures one, the next is decompressed.
    private func installPackages(_ unpacked: @Sendable ([ShippedFile]) -> Void) async throws {
        let dpkg = Dpkg(programs: programs, events: events)
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
            try await dpkg.unpack(batch, options: stage == 0 ? ["--force-depends"] : [])
            for package in batch { unlink("\(root)\(Self.privateFolder)/\(package.name).deb") }
            unpacked(shipped)
            if next.first?.stage != stage { try await dpkg.configureAll() }
        }
        try await dpkg.audit()
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
        try SandboxSetup.mountSystemFolders(in: root)
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
        let (objects, folder) = (objects, "\(root)\(Self.privateFolder)")
        let files = try await inParallel(packages) { package in
            try PackagePreparation(
                package: package, source: objects(package.file.sha256), target: "\(folder)/\(package.name).deb"
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

    /// The manifest's files, taken into the root by hash.
    private func userFiles() throws -> [RootTask] {
        try lock.files.map { file in
            let path = objects(file.source.sha256)
            guard let stream = fopen(path, "re") else { throw RootfsError.system("cannot read \(path)", errno) }
            defer { fclose(stream) }
            let bytes = try HashedFile.read(stream, path: path, sha256: file.source.sha256, name: file.target)
            return .write(path: file.target, mode: file.mode, bytes: bytes)
        }
    }

    private func runSteps() async throws {
        for (index, step) in lock.steps.enumerated() {
            events(.phase(name: "step \(index + 1) of \(lock.steps.count)", total: 0))
            try await programs.run("step \(index + 1) (\(step))", ["/bin/sh", "-e", "-c", step])
        }
    }
}

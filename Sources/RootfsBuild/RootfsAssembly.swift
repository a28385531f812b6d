import Glibc
import Reporting
import RuntimeSpec
import Synchronization

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
    public func assemble() async throws {
        try makeBase()
        try await installPackages()
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
        try await tools.prepare(lock.toolchain)
        try await tools.programs.perform([.extract(lock.toolchain.map(\.name)), .remove(Self.privateFolder)])
        try SandboxSetup.mountSystemFolders(in: folder)
    }

    /// /usr is merged from the start, as debootstrap does it for amd64: no package has to move anything.
    private func makeBase() throws {
        for folder in [
            "usr", "usr/bin", "usr/sbin", "usr/lib", "usr/lib32", "usr/lib64", "usr/libx32",
            String(Self.privateFolder.dropFirst()),
        ] { try Self.makeFolder("\(root)/\(folder)") }
        for link in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
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
    private func installPackages() async throws {
        let batches = lock.stages.flatMap { stage in
            stage.first?.stage == 0 ? [stage] : Self.batches(of: stage)
        }
        let total = lock.packages.count
        let unpacked = Mutex(0)
        let configured = Mutex(0)
        events(.phase(name: "install \(total) packages", total: 2 * total))
        let events = events
        let count: @Sendable (String) -> Void = { line in
            let done =
                line.hasPrefix("Unpacking ")
                ? unpacked.withLock {
                    $0 += 1; return $0
                } : unpacked.withLock { $0 }
            let ready =
                line.hasPrefix("Setting up ")
                ? configured.withLock {
                    $0 += 1; return $0
                }
                : configured.withLock { $0 }
            events(.progress(done: done + ready))
        }
        var preparation = Task { [self] in try await prepare(batches.first ?? []) }
        for (index, batch) in batches.enumerated() {
            try await preparation.value
            let next = index + 1 < batches.count ? batches[index + 1] : []
            preparation = Task { [self] in try await prepare(next) }
            let stage = batch.first?.stage ?? 0
            if stage == 0 { try await startBase(batch) }
            let files = batch.map { "\(Self.privateFolder)/\($0.name).deb" }
            // Inside the Essential closure Pre-Depends go round in circles; its files are all there already.
            let force = stage == 0 ? ["--force-depends"] : []
            try await dpkg(["--unpack"] + force + files, count)
            for package in batch { unlink("\(root)\(Self.privateFolder)/\(package.name).deb") }
            if next.first?.stage != stage { try await dpkg(["--configure", "--pending"], count) }
        }
        let audit = Mutex<[String]>([])
        try await dpkg(["--audit"]) { line in audit.withLock { $0.append(line) } }
        let complaints = audit.withLock { $0 }
        if !complaints.isEmpty {
            throw RootfsError.program("dpkg --audit", status: "not silent", output: complaints)
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
        try SandboxSetup.mountSystemFolders(in: root)
    }

    private func dpkg(_ arguments: [String], _ line: @escaping @Sendable (String) -> Void) async throws {
        try await programs.run("dpkg \(arguments[0])", ["dpkg", "--force-unsafe-io"] + arguments, line: line)
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
                (current, size, limit) = ([], 0, min(2 * limit, 48_000_000))
            }
        }
        return current.isEmpty ? batches : batches + [current]
    }

    private func prepare(_ packages: [Lockfile.Package]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var rest = packages[...]
            func startNext() {
                guard let package = rest.popFirst() else { return }
                let preparation = PackagePreparation(
                    package: package, source: objects(package.file.sha256),
                    target: "\(root)\(Self.privateFolder)/\(package.name).deb")
                group.addTask { try await onThread { try preparation.run() } }
            }
            for _ in 0..<max(1, jobs) { startNext() }
            while try await group.next() != nil { startNext() }
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

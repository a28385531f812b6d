import Glibc
import Host
import ImagePacking
import InputStore
import RootfsBuild
import RuntimeSpec
import Sandbox
import Synchronization

/// Where a build's tree lies.
public typealias TreePlace = BuildJob.Conditions.Place

/// What runs as the pid 1 of a build's sandbox: job in, image out.
public enum BuildProcess {
    /// Pid 1 of the namespaces: reads the job and does it.
    public static func run() async {
        await SandboxProcess.run { (job: BuildJob, events) -> NoAnswer? in
            try await build(job, events)
            return nil
        }
    }

    private static func build(_ job: BuildJob, _ events: @escaping EventSink) async throws {
        let lock = try Lockfile(text: job.lock, file: "the lock")
        guard time(nil) > lock.sourceDateEpoch else { throw BuildError.clock(sourceDateEpoch: lock.sourceDateEpoch) }
        let (root, toolchain) = ("\(job.workFolder)/root", "\(job.workFolder)/toolchain")
        for folder in [root, toolchain] {
            guard mkdir(folder, 0o755) == 0 else { throw SystemError("cannot create \(folder)", errno) }
        }
        let wantsMemory = (job.conditions.tree ?? job.tree).map { $0 == .memory } ?? lock.fitsMemory
        let isInMemory = wantsMemory ? SystemFolders.mountMemory(at: root) : SystemFolders.isInMemory(root)
        if job.conditions.tree == nil, let tree = job.tree, isInMemory != (tree == .memory) {
            throw BuildError.treePlace(tree)
        }
        events(.tree(inMemory: isInMemory))
        if let free = DiskWatch.free(root, isPrivileged: job.isPrivileged), free < lock.leastTree {
            throw SystemError(
                "the image's tree takes \(readableByteCount(lock.leastTree)) or more, and the file system of "
                    + "\(job.workFolder) has \(readableByteCount(free)) left", ENOSPC)
        }
        let watch = DiskWatch(
            [job.workFolder, root], isPrivileged: job.isPrivileged,
            advice: isInMemory ? " in memory (--tree disk keeps its tree on the disk)" : "")
        try watch.start()
        do {
            try await build(lock, job, root: root, toolchain: toolchain, events)
        } catch {
            // Whatever it then led to, this is the reason.
            throw watch.stop() ?? error
        }
        if let shortage = watch.stop() { throw shortage }
    }

    private static func build(
        _ lock: Lockfile, _ job: BuildJob, root path: String, toolchain folder: String, _ events: @escaping EventSink
    ) async throws {
        let root = Root(path: path, sourceDateEpoch: lock.sourceDateEpoch, events: events)
        let toolchain = Root(path: folder, sourceDateEpoch: lock.sourceDateEpoch, events: events)
        let store = Store(existing: job.store)
        let assembly = RootfsAssembly(
            lock: lock, root: root, store: store, jobs: job.jobs, stepTimeout: job.stepTimeout,
            conditions: job.conditions, events: events)
        // The first packages don't wait for what packs them.
        let filling = Task {
            try await TimelineSpan.inSandbox("unpack the toolchain", events) {
                try await toolchain.fill(with: lock.toolchain, from: store, jobs: job.jobs)
            }
        }
        let (early, files) = AsyncStream<[ShippedFile]>.makeStream()
        // If the assembly fails, this process ends, and the packer with it.
        let packing = Task {
            try await filling.value
            try await ImagePacker(lock: lock, toolchain: toolchain, jobs: job.jobs, events: events)
                .pack(root.path, early: early)
        }
        let tools: @Sendable () async throws -> Root = {
            try await filling.value
            return toolchain
        }
        var reuse = job.trees.map { TreeReuse($0, lock: lock, root: root, events: events) }
        let start = try await reuse?.restore() ?? RootfsAssembly.Start()
        try await assembly.assemble(
            from: start, toolchain: tools, done: { try await reuse?.keep(after: $0, $1) }, unpacked: { files.yield($0) }
        )
        // Nothing is mounted in an empty base.
        if lock.system != .empty {
            try SystemFolders.unmount(of: root.path, hasJournal: lock.system == .debian)
        }
        files.finish()
        try await TimelineSpan.inSandbox("pack what is left", events) { try await packing.value }
    }
}

extension Lockfile {
    /// Whether the tree is small beside the memory that this machine and this control group have: a quarter of it at most.
    /// Where it lies changes no byte, which `build --check` shows.
    var fitsMemory: Bool { (SystemFolders.freeMemory() ?? 0) >= 4 * UInt64(treeSize) }

    /// Bytes that the tree is expected to take: what is compressed grows up to fourfold, and wheels are there twice for a while.
    var treeSize: Int {
        let compressed =
            packages.map(\.file) + (alpine?.packages.map(\.file) ?? []) + (python?.wheels.map(\.file) ?? [])
            + [rootArchive].compactMap { $0 }
        return inputSize + 3 * compressed.reduce(0) { $0 + $1.size }
    }

    /// Bytes of the image's inputs.
    var inputSize: Int {
        imageInputs.reduce(0) { $0 + $1.size } + contents.trees.reduce(0) { $0 + $1.size }
    }

    /// Bytes that the tree takes at least: compressed packages of Debian grow fourfold, those of other makers less.
    fileprivate var leastTree: Int {
        inputSize + 2 * packages.reduce(0) { $0 + $1.file.size }
    }
}

import Glibc
import Host
import ImagePacking
import InputStore
import RootfsBuild
import RuntimeSpec
import Synchronization

/// What runs as the sandbox's pid 1: job in, image out.
public enum SandboxMain {
    /// Runs the job on standard input. Its result is a message on standard error.
    public static func run() async {
        do {
            let job = try JSONText.decode(SandboxJob.self, from: try readJob())
            try SandboxSetup.endWithBuilder()
            try SandboxSetup.isolate(work: job.workFolder)
            switch job {
            case .build(let job): try await build(job)
            case .resolve(let job):
                send(.answer(try await PackageQuestion(job, events: { send(.event($0)) }).answer()))
            }
            send(.finished)
        } catch let error as RootfsError where error.isNoChoice {
            send(.noChoice(error.description))
        } catch {
            send(.failed(String(describing: error)))
        }
    }

    private static func build(_ job: BuildJob) async throws {
        let lock = try Lockfile(text: job.lock, file: "the lock")
        guard time(nil) > lock.sourceDateEpoch else { throw RootfsError.clock(sourceDateEpoch: lock.sourceDateEpoch) }
        let (root, toolchain) = ("\(job.workFolder)/root", "\(job.workFolder)/toolchain")
        for folder in [root, toolchain] {
            guard mkdir(folder, 0o755) == 0 else { throw SystemError("cannot create \(folder)", errno) }
        }
        let wantsMemory = job.conditions.tree.map { $0 == .memory } ?? lock.fitsMemory
        let isInMemory = wantsMemory ? SandboxSetup.mountMemory(at: root) : SandboxSetup.isInMemory(root)
        send(.event(.tree(inMemory: isInMemory)))
        if let free = DiskWatch.free(root, isPrivileged: job.isPrivileged), free < lock.leastTree {
            throw SystemError(
                "the image's tree takes \(readableByteCount(lock.leastTree)) or more, and the file system of "
                    + "\(job.workFolder) has \(readableByteCount(free)) left", ENOSPC)
        }
        let watch = DiskWatch([job.workFolder, root], isPrivileged: job.isPrivileged)
        try watch.start()
        do {
            try await build(lock, job, root: root, toolchain: toolchain)
        } catch {
            // Whatever it then led to, this is the reason.
            throw watch.stop() ?? error
        }
        if let shortage = watch.stop() { throw shortage }
    }

    private static func build(_ lock: Lockfile, _ job: BuildJob, root: String, toolchain: String) async throws {
        let events: EventSink = { send(.event($0)) }
        let assembly = RootfsAssembly(
            lock: lock, root: root, store: Store(existing: job.store), jobs: job.jobs, stepTimeout: job.stepTimeout,
            conditions: job.conditions, events: events)
        try await assembly.unpackToolchain(into: toolchain)
        let (early, files) = AsyncStream<[ShippedFile]>.makeStream()
        // If the assembly fails, this process ends, and the packer with it.
        let packing = Task {
            try await ImagePacker(lock: lock, toolchain: toolchain, jobs: job.jobs, events: events)
                .pack(root, early: early)
        }
        try await assembly.assemble(toolchain: toolchain) { files.yield($0) }
        // Nothing is mounted in an empty base.
        if lock.system != .empty {
            try SandboxSetup.unmountSystemFolders(of: root, hasJournal: lock.system == .debian)
        }
        files.finish()
        try await packing.value
    }

    /// The first line of standard input, byte by byte: what follows is the builder's sign of life.
    private static func readJob() throws -> [UInt8] {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { throw SystemError("cannot read the job", errno) }
            if byte == 10 { return bytes }
            bytes.append(byte)
        }
    }

    private static let output = Mutex(())

    private static func send(_ message: SandboxMessage) {
        // Messages hold texts and numbers, which always have a JSON form.
        guard let line = try? JSONText.line(message) else { return }
        output.withLock { _ in
            try? OpenFile.write(line, to: STDERR_FILENO)
        }
    }
}

extension Lockfile {
    /// Whether the tree is small beside the memory that any machine which builds images has. By the lock alone, so
    /// that a lock is built in the same way everywhere; packages grow about fourfold when they are unpacked.
    var fitsMemory: Bool { inputSize <= 64 << 20 }

    /// Bytes of the image's inputs.
    var inputSize: Int {
        let inputs =
            packages.map(\.file) + files.map(\.source) + alpine.packages.map(\.file)
            + (python?.wheels.map(\.file) ?? []) + [tarball].compactMap { $0 }
        return inputs.reduce(0) { $0 + $1.size }
    }

    /// Bytes that the tree takes at least: compressed packages of Debian grow fourfold, those of other makers less.
    fileprivate var leastTree: Int {
        inputSize + 2 * packages.reduce(0) { $0 + $1.file.size }
    }
}

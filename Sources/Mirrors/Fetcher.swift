import ContentHash
import Glibc
import Host
import InputStore
import RuntimeSpec
import Synchronization

/// Brings inputs into the store, each from the first source that has its bytes.
public final class Fetcher: Sendable {
    let store: Store
    let configured: MirrorList
    private let expanded = Mutex<MirrorList?>(nil)
    let offline: Bool
    private let events: EventSink
    let downloader: Downloader
    /// Servers that could not be reached in this run: not every one of hundreds of files waits for them again.
    let unreachable = Mutex<[String: String]>([:])
    private let connections = 8
    private let servers = ObjectServers()

    /// - Parameters:
    ///   - offline: Nothing comes from the network; folders given as mirrors are still read.
    ///   - timeout: Seconds without a byte after which a connection is given up.
    public init(
        store: Store, mirrors: MirrorList, offline: Bool = false, timeout: Int = 30,
        environment: (String) -> String?, events: @escaping EventSink
    ) {
        (self.store, configured, self.offline, self.events) = (store, mirrors, offline, events)
        downloader = Downloader(
            settings: NetworkSettings(environment: environment), timeout: timeout, snapshot: mirrors.snapshot)
    }

    /// The mirrors, with those that lists of servers name: these are asked once, when something is needed.
    var mirrors: MirrorList {
        get async throws {
            if let list = expanded.withLock({ $0 }) { return list }
            var found: [Mirror] = []
            for list in offline ? [] : configured.lists {
                let sink = MemorySink()
                do {
                    _ = try await downloader.download(list.url, limit: 1 << 20, into: sink, received: { _ in })
                    let text = String(decoding: sink.bytes, as: UTF8.self)
                    found += MirrorFile.mirrors(text).map { Mirror($0, family: list.family) }
                } catch let failure as SourceFailure { events(.note("apt's list of mirrors: \(failure)")) }
            }
            let list = configured.adding(found)
            expanded.withLock { $0 = list }
            return list
        }
    }

    /// Closes connections. A fetcher must be shut down before it goes.
    public func shutdown() async { await downloader.shutdown() }

    /// Makes sure that the store has every input.
    /// - Throws: `FetchError.missingOffline` or `.unavailable`, with all that is missing.
    public func fetch(_ wanted: [RemoteInput]) async throws {
        var seen: Set<Digest> = []
        let distinct = wanted.filter { seen.insert($0.input.sha256).inserted }
        let missing = try await missing(of: distinct)
        if missing.isEmpty { return }
        if offline, !configured.mirrors.contains(where: \.isLocal) {
            throw FetchError.missingOffline(missing.map(\.input), store: store.directory)
        }
        events(
            .phase(
                name:
                    "fetch \(missing.count == 1 ? missing[0].input.path : "\(missing.count) inputs"), \(readableByteCount(missing.map(\.input.size).reduce(0, +)))",
                total: missing.map(\.input.size).reduce(0, +), unit: .received))
        let received = Mutex(0)
        let count: @Sendable (Int) -> Void = { bytes in
            let sum = received.withLock {
                $0 += bytes
                return $0
            }
            self.events(.progress(done: sum))
        }
        let failed = try await fetchAll(missing, received: count)
        if failed.isEmpty { return }
        if offline { throw FetchError.missingOffline(failed.map(\.input), store: store.directory) }
        throw FetchError.unavailable(failed, total: distinct.count)
    }

    /// - Returns: Those that nobody served, by path.
    private func fetchAll(
        _ missing: [RemoteInput], received: @escaping @Sendable (Int) -> Void
    ) async throws -> [MissingInput] {
        var failed: [MissingInput] = []
        try await withThrowingTaskGroup(of: (RemoteInput, [SourceFailure]?).self) { group in
            var rest = missing[...]
            func startNext() {
                guard let next = rest.popFirst() else { return }
                group.addTask { (next, try await self.fetch(next, received: received)) }
            }
            for _ in 0..<connections { startNext() }
            while let (wanted, failures) = try await group.next() {
                if let failures { failed.append(MissingInput(wanted, failures)) }
                startNext()
            }
        }
        return failed.sorted { $0.input.path < $1.input.path }
    }

    /// Brings what mirrors of objects have of inputs that nobody serves by a path: the user's own, wheels.
    /// - Returns: Those that the store lacks then.
    /// - Throws: `SystemError`, `StoreError`; nothing where nobody has one.
    @discardableResult
    public func fill(_ inputs: [Lockfile.Input]) async throws -> [Lockfile.Input] {
        var seen: Set<Digest> = []
        let wanted = inputs.filter { seen.insert($0.sha256).inserted }.map { RemoteInput($0, from: .objects) }
        let missing = try await missing(of: wanted)
        // Lists of apt's name mirrors of Debian's alone: nobody is asked for them here.
        guard !missing.isEmpty, configured.general.contains(where: { $0.isLocal || !offline }) else {
            return missing.map(\.input)
        }
        return try await fetchAll(missing, received: { _ in }).map(\.input)
    }

    /// Makes sure that the store has files of the user's own: from beside the manifest, or from mirrors of objects.
    /// - Throws: `StoreError.fileMissing` for what nobody has.
    public func gather(_ inputs: [Lockfile.Input], from folders: ManifestFolders) async throws {
        let missing = try inputs.filter { try !store.takes($0, from: folders) }
        if missing.isEmpty { return }
        try await fill(missing)
        for input in missing { try store.adopt(input, from: folders) }
    }

    /// Inputs that the store lacks, hashing those it has on all cores. One whose bytes changed is dropped and said.
    private func missing(of wanted: [RemoteInput]) async throws -> [RemoteInput] {
        if wanted.count > 10 { events(.phase(name: "check the store's \(wanted.count) inputs", total: 0)) }
        let store = store
        let workers = max(1, processorCount)
        let isOver = Latch()
        return try await withThrowingTaskGroup(of: [(Int, Store.State)].self) { group in
            for worker in 0..<workers {
                // Hashing blocks; and it may be of no use any more after any file.
                group.addTask {
                    try await withTaskCancellationHandler {
                        try await onThread {
                            try stride(from: worker, to: wanted.count, by: workers).map { index in
                                if isOver.isSet { throw CancellationError() }
                                return (index, try store.state(of: wanted[index].input))
                            }
                        }
                    } onCancel: {
                        isOver.set()
                    }
                }
            }
            var absent: Set<Int> = []
            for try await states in group {
                for (index, state) in states {
                    switch state {
                    case .present: continue
                    case .absent: absent.insert(index)
                    case .changed(let reason):
                        let input = wanted[index].input
                        events(.note("\(store.path(of: input.sha256)) \(reason); it is dropped and fetched anew"))
                        store.remove(input.sha256)
                        absent.insert(index)
                    }
                }
            }
            return absent.sorted().map { wanted[$0] }
        }
    }

    /// What every source said when none had the bytes; nil when one had.
    private func fetch(_ wanted: RemoteInput, received: @escaping @Sendable (Int) -> Void) async throws
        -> [SourceFailure]?
    {
        var failures: [SourceFailure] = []
        for source in try await mirrors.sources(of: wanted, hasObjects: { servers.hasObjects($0) }) {
            do {
                guard try await take(wanted.input, from: source, received: received) else { continue }
                // What comes from this host comes as a whole.
                if source.isLocal { received(wanted.input.size) }
                return nil
            } catch let failure as SourceFailure {
                if failure.kind == .wrongBytes { events(.note(failure.description)) }
                failures.append(failure)
            }
        }
        return failures
    }

    /// - Returns: Whether the store has it now; false where nothing is said of it.
    /// - Throws: `SourceFailure`, `SystemError`, `StoreError`.
    private func take(
        _ input: Lockfile.Input, from source: InputSource, received: @escaping @Sendable (Int) -> Void
    ) async throws -> Bool {
        let store = store
        switch source {
        case .file(let path):
            return try await take(input, fromFile: path)
        case .bundle(let path):
            return try await take(input, fromBundle: path)
        case .url(let url):
            return try await download(input, from: url) { file in
                try await self.downloader.download(url, as: input, into: file, received: received)
            }
        case .objects(let base):
            let url = "\(base)/\(Store.place(of: input.sha256))"
            do {
                let isTaken = try await download(input, from: url) { file in
                    try await self.downloader.download(url, as: input, into: file, received: received)
                }
                if isTaken { servers.found(base) }
                return isTaken
            } catch let failure as SourceFailure where failure.kind == .file {
                // Most mirrors have paths alone, of which nobody is told; one that has none says so here.
                if input.path.contains("/"), !servers.hasObjects(base) { return false }
                throw failure
            }
        case .gateway(let place):
            return try await download(input, from: place.server) { file in
                try await self.servers.gateway(place, self.downloader).download(input, into: file, received: received)
            }
        }
    }

    /// Downloads into the store from a server that can still be asked.
    private func download(
        _ input: Lockfile.Input, from url: String, by work: (AtomicFile) async throws -> Void
    ) async throws -> Bool {
        if offline { return false }
        let server = Self.server(of: url)
        if let reason = unreachable.withLock({ $0[server] }) {
            throw SourceFailure(kind: .source, description: "\(server): \(reason)")
        }
        do {
            let file = try store.newObject(sha256: input.sha256)
            try await work(file)
            try store.keep(file, sha256: input.sha256)
            return true
        } catch let failure as SourceFailure {
            await condemn(server, for: failure)
            throw failure
        }
    }

    private func take(_ input: Lockfile.Input, fromFile path: String) async throws -> Bool {
        let store = store
        return try await onThread {
            // A mirror that can't be read is none, and the next one is asked.
            let descriptor = RegularFile.open(path)
            guard descriptor >= 0 else {
                let reason = errno
                throw SourceFailure(
                    kind: [ENOENT, ENOTDIR].contains(reason) ? .file : .source,
                    description: reason == ENOENT
                        ? "\(path): no such file" : "\(path): \(String(cString: strerror(reason)))")
            }
            close(descriptor)
            guard let found = try store.adopt(path, as: input) else {
                throw SourceFailure(kind: .file, description: "\(path): no such file")
            }
            guard found == input.sha256 else {
                throw SourceFailure(
                    kind: .wrongBytes,
                    description: "\(path): wrong bytes: sha256 \(found) instead of \(input.sha256)")
            }
            return true
        }
    }

    private func take(_ input: Lockfile.Input, fromBundle path: String) async throws -> Bool {
        let (store, servers) = (store, servers)
        return try await onThread {
            do {
                let file = try store.newObject(sha256: input.sha256)
                guard try servers.bundle(path).copy(input, to: file) else {
                    throw SourceFailure(kind: .file, description: "\(path): it doesn't have it")
                }
                try store.keep(file, sha256: input.sha256)
                return true
            } catch let error as BundleError {
                // What is wrong with all of it is told at the end, and not of each input.
                if case .wrong = error { throw SourceFailure(kind: .wrongBytes, description: "\(error)") }
                throw SourceFailure(kind: .source, description: "\(error)")
            } catch let error as FileReadError {
                throw SourceFailure(kind: .source, description: "\(error)")
            }
        }
    }

    /// Asks a server for nothing more in this run, where it can't be reached or had its chances.
    func condemn(_ server: String, for failure: SourceFailure) async {
        let isGivenUp = await downloader.isGivenUp(server)
        guard failure.kind == .source || isGivenUp else { return }
        let reason = failure.kind == .source ? "could not be reached before" : "served nothing of several files before"
        unreachable.withLock { $0[server] = reason }
    }

    static func server(of url: String) -> String {
        let parts = WebAddress.withoutLogin(url).split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        return parts.prefix(3).joined(separator: "/")
    }
}

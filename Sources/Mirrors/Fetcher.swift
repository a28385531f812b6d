import Glibc
import Host
import InputStore
import RuntimeSpec
import Synchronization

/// Brings inputs into the store, each from the first source that has its bytes.
public final class Fetcher: Sendable {
    /// An input and where it is served.
    public struct Wanted: Sendable {
        /// What serves it.
        public enum Origin: Sendable {
            case debian(Lockfile.Archive)
            /// Alpine's mirrors.
            case alpine
            /// The input's path is a URL of its own.
            case web
        }

        public var input: Lockfile.Input
        public var origin: Origin

        public init(_ input: Lockfile.Input, from origin: Origin) { (self.input, self.origin) = (input, origin) }

        public init(_ input: Lockfile.Input, of archive: Lockfile.Archive) { self.init(input, from: .debian(archive)) }

        /// All that a build of a lock reads, but for what lies beside the manifest and for wheels.
        public static func inputs(of lock: Lockfile) -> [Wanted] {
            let web = (lock.files.map(\.source) + [lock.tarball].compactMap { $0 }).filter(\.isWeb)
            var alpine = lock.alpine.repositories.map(\.index) + lock.alpine.packages.map(\.file)
            if lock.system == .alpine, let tarball = lock.tarball { alpine.append(tarball) }
            return (lock.packages + lock.toolchain).compactMap { package in
                lock.archive(named: package.archive).map { Wanted(package.file, of: $0) }
            } + web.map { Wanted($0, from: .web) } + alpine.map { Wanted($0, from: .alpine) }
        }
    }

    private let store: Store
    private let configured: MirrorList
    private let expanded = Mutex<MirrorList?>(nil)
    private let offline: Bool
    private let events: EventSink
    private let downloader: Downloader
    /// Servers that could not be reached in this run: not every one of hundreds of files waits for them again.
    private let unreachable = Mutex<[String: String]>([:])
    private let connections = 8

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
    private var mirrors: MirrorList {
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
    public func fetch(_ wanted: [Wanted]) async throws {
        var seen: Set<String> = []
        let distinct = wanted.filter { seen.insert($0.input.sha256).inserted }
        let missing = try await missing(of: distinct)
        if missing.isEmpty { return }
        if offline, !configured.mirrors.contains(where: \.isDirectory) {
            throw FetchError.missingOffline(missing.map(\.input), store: store.directory)
        }
        events(
            .phase(
                name:
                    "fetch \(missing.count == 1 ? missing[0].input.path : "\(missing.count) inputs"), \(readableByteCount(missing.map(\.input.size).reduce(0, +)))",
                total: missing.map(\.input.size).reduce(0, +)))
        let received = Mutex(0)
        let count: @Sendable (Int) -> Void = { bytes in
            let sum = received.withLock {
                $0 += bytes
                return $0
            }
            self.events(.progress(done: sum))
        }
        var failed: [(input: Lockfile.Input, reasons: [String])] = []
        try await withThrowingTaskGroup(of: (Lockfile.Input, [String]?).self) { group in
            var rest = missing[...]
            func startNext() {
                guard let next = rest.popFirst() else { return }
                group.addTask { (next.input, try await self.fetch(next, received: count)) }
            }
            for _ in 0..<connections { startNext() }
            while let (input, reasons) = try await group.next() {
                if let reasons { failed.append((input, reasons)) }
                startNext()
            }
        }
        if failed.isEmpty { return }
        failed.sort { $0.input.path < $1.input.path }
        if offline { throw FetchError.missingOffline(failed.map(\.input), store: store.directory) }
        throw FetchError.unavailable(failed, total: distinct.count)
    }

    /// Inputs that the store lacks, hashing those it has on all cores. One whose bytes changed is dropped and said.
    private func missing(of wanted: [Wanted]) async throws -> [Wanted] {
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
    private func fetch(_ wanted: Wanted, received: @escaping @Sendable (Int) -> Void) async throws -> [String]? {
        var reasons: [String] = []
        for url in try await mirrors.urls(of: wanted) {
            if url.hasPrefix("/") {
                let (store, input) = (store, wanted.input)
                if let found = try await onThread({ try store.adopt(url, as: input) }) {
                    if found.hex == wanted.input.sha256 { return nil }
                    let reason = "\(url): wrong bytes: sha256 \(found) instead of \(wanted.input.sha256)"
                    events(.note(reason))
                    reasons.append(reason)
                } else {
                    reasons.append("\(url): no such file")
                }
                continue
            }
            if offline { continue }
            let server = Self.server(of: url)
            if let reason = unreachable.withLock({ $0[server] }) {
                reasons.append("\(server): \(reason)")
                continue
            }
            do {
                let file = try store.newObject(sha256: wanted.input.sha256)
                try await downloader.download(url, as: wanted.input, into: file, received: received)
                try store.keep(file, sha256: wanted.input.sha256)
                return nil
            } catch let failure as SourceFailure {
                reasons.append(failure.description)
                if failure.kind == .wrongBytes { events(.note(failure.description)) }
                await condemn(server, for: failure)
            }
        }
        return Self.withoutRepeats(reasons.isEmpty ? [Self.unknown] : reasons)
    }

    /// Bytes whose hash nobody knows yet (a Release), from the first mirror of a suite that has them. Where no mirror is
    /// known (the host's apt is another distribution's), the snapshot archive stands in with its newest state.
    /// - Returns: The bytes and the mirror.
    public func newest(_ path: String, suite: String, limit: Int) async throws -> (bytes: [UInt8], mirror: Mirror) {
        let known = try await mirrors.mirrors(forSuite: suite)
        let standIn = configured.snapshots(forSuite: suite, at: SnapshotTime(seconds: time(nil))).prefix(1)
        return try await newest(path, from: known.isEmpty ? Array(standIn) : known, limit: limit)
    }

    /// Asks a server for nothing more in this run, where it can't be reached or had its chances.
    private func condemn(_ server: String, for failure: SourceFailure) async {
        let isGivenUp = await downloader.isGivenUp(server)
        guard failure.kind == .source || isGivenUp else { return }
        let reason = failure.kind == .source ? "could not be reached before" : "served nothing of several files before"
        unreachable.withLock { $0[server] = reason }
    }

    /// The same from one mirror.
    public func newest(_ path: String, on mirror: Mirror, limit: Int) async throws -> [UInt8] {
        try await newest(path, from: [mirror], limit: limit).bytes
    }

    /// Gives `body` a suite's file as the snapshot archive has it at a time and then in the hours and days after, until
    /// that says that it has seen enough.
    /// - Throws: `FetchError.unavailable` when nothing is served.
    public func snapshots(
        of path: String, suite: String, from time: SnapshotTime, limit: Int,
        isEnough body: ([UInt8]) async throws -> Bool
    ) async throws {
        var reasons: [String] = []
        var isServed = false
        for mirror in configured.snapshots(forSuite: suite, at: time) where mirror.isDirectory || !offline {
            let server = Self.server(of: mirror.base)
            if let reason = unreachable.withLock({ $0[server] }) {
                reasons.append("\(server): \(reason)")
                break
            }
            do {
                let bytes = try await unpinned(path, from: mirror, limit: limit)
                isServed = true
                if try await body(bytes) { return }
            } catch let failure as SourceFailure {
                reasons.append(failure.description)
                await condemn(server, for: failure)
                if failure.kind == .source { break }
            }
        }
        if !isServed { throw Self.unavailable(path, reasons) }
    }

    /// Bytes whose hash nobody knows yet, from the first of Alpine's mirrors that has them.
    public func newestAlpine(_ path: String, limit: Int) async throws -> [UInt8] {
        try await newest(path, from: configured.alpineMirrors, limit: limit).bytes
    }

    /// What a URL serves now; its hash is looked at by the caller.
    public func download(_ url: String, limit: Int) async throws -> [UInt8] {
        guard let slash = url.lastIndex(of: "/") else { return [] }
        return try await newest(
            String(url[url.index(after: slash)...]), from: [Mirror(String(url[..<slash]))], limit: limit
        ).bytes
    }

    /// The names in a folder of Alpine's mirrors that are folders of this machine.
    public func alpineNames(in path: String) -> [String] {
        configured.alpineMirrors.filter(\.isDirectory).flatMap { Folder.names(in: $0.url(of: path)) }
    }

    private func newest(_ path: String, from mirrors: [Mirror], limit: Int) async throws
        -> (bytes: [UInt8], mirror: Mirror)
    {
        var reasons: [String] = []
        for mirror in mirrors where mirror.isDirectory || !offline {
            do {
                return (try await unpinned(path, from: mirror, limit: limit), mirror)
            } catch let failure as SourceFailure {
                reasons.append(failure.description)
            }
        }
        throw Self.unavailable(path, reasons)
    }

    /// What one mirror has under a path; no hash says what it must be.
    private func unpinned(_ path: String, from mirror: Mirror, limit: Int) async throws -> [UInt8] {
        let url = mirror.url(of: path)
        if mirror.isDirectory {
            guard let bytes = try await onThread({ try Self.read(url, limit: limit) }) else {
                throw SourceFailure(kind: .file, description: "\(url): no such file")
            }
            return bytes
        }
        let file = try AtomicFile(directory: store.directory)
        let size = try await downloader.download(url, limit: limit, into: FileSink(file), received: { _ in })
        do {
            let bytes = try OpenFile.bytes(file.descriptor, at: 0, count: size)
            if bytes.count == size { return bytes }
        } catch { throw SystemError("cannot read what was downloaded from \(url)", error.rawValue) }
        throw SystemError("cannot read what was downloaded from \(url)", EIO)
    }

    private static let unknown =
        "no mirror is known for it: this host's apt names none of its archive's, nor does --mirror"

    private static func unavailable(_ path: String, _ reasons: [String]) -> FetchError {
        let input = Lockfile.Input(path: path, size: 0, sha256: "")
        return .unavailable([(input, reasons.isEmpty ? [Self.unknown] : reasons)], total: 1)
    }

    private static func read(_ path: String, limit: Int) throws -> [UInt8]? {
        do {
            return try SmallFile.bytes(path, limit: limit)
        } catch let error as SystemError where error.code == ENOENT || error.code == ENOTDIR {
            return nil
        } catch let error as SystemError where error.code == EFBIG {
            throw SourceFailure(kind: .file, description: "\(path): more than the expected \(limit) bytes")
        }
    }

    private static func server(of url: String) -> String {
        let parts = WebAddress.withoutLogin(url).split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        return parts.prefix(3).joined(separator: "/")
    }

    private static func withoutRepeats(_ lines: [String]) -> [String] {
        var seen: Set<String> = []
        return lines.filter { seen.insert($0).inserted }
    }
}

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
        throw FetchError.unavailable(failed.map { ($0.input.path, $0.reasons) }, total: distinct.count)
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
    private func fetch(_ wanted: RemoteInput, received: @escaping @Sendable (Int) -> Void) async throws -> [String]? {
        var reasons: [String] = []
        for url in try await mirrors.urls(of: wanted) {
            if url.hasPrefix("/") {
                let (store, input) = (store, wanted.input)
                if let found = try await onThread({ try store.adopt(url, as: input) }) {
                    if found == wanted.input.sha256 { return nil }
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

    private static func withoutRepeats(_ lines: [String]) -> [String] {
        var seen: Set<String> = []
        return lines.filter { seen.insert($0).inserted }
    }
}

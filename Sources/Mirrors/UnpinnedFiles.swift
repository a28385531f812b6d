import Glibc
import Host

/// Files that no hash is known of yet: Releases, indexes of Alpine, what a manifest takes from the web.
extension Fetcher {
    /// Bytes whose hash nobody knows yet (a Release), from the first mirror of a suite that has them. Where no mirror is
    /// known (the host's apt is another distribution's), the snapshot archive stands in with its newest state.
    /// - Returns: The bytes and the mirror.
    public func newest(_ path: String, suite: String, limit: Int) async throws -> (bytes: [UInt8], mirror: Mirror) {
        let known = try await mirrors.mirrors(forSuite: suite)
        let standIn = configured.snapshots(forSuite: suite, at: SnapshotTime(seconds: time(nil))).prefix(1)
        return try await newest(path, from: known.isEmpty ? Array(standIn) : known, limit: limit)
    }

    /// The same from one mirror.
    public func newest(_ path: String, on mirror: Mirror, limit: Int) async throws -> [UInt8] {
        try await newest(path, from: [mirror], limit: limit).bytes
    }

    /// Gives `body` a suite's file as the snapshot archive has it at a time and then in the hours and days after, until
    /// that says that it has seen enough.
    /// - Throws: `FetchError.notServed` when nothing is served.
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

    static let unknown =
        "no mirror is known for it: this host's apt names none of its archive's, nor does --mirror"

    private static func unavailable(_ path: String, _ reasons: [String]) -> FetchError {
        .notServed(path, reasons: reasons.isEmpty ? [Self.unknown] : reasons)
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
}

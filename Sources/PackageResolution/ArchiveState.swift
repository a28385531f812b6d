import ContentHash
import Glibc
import InputStore
import Reporting
import RuntimeSpec

/// A suite at one moment, verified: signature, then Release, then each index by its SHA-256.
struct ArchiveState: Sendable {
    /// As it stands in the lock.
    var archive: Lockfile.Archive
    /// Seconds since 1970-01-01 UTC.
    let date: Int
    let releaseText: String
    /// One a component, in the order of `archive.indexes`.
    let indexes: [PackageIndex]
    private let indexBytes: [[UInt8]]

    /// The entry of a package, in any component.
    func stanza(named name: String, version: String, architecture: String) -> PackageIndex.Stanza? {
        indexes.lazy.compactMap { $0.stanza(named: name, version: version, architecture: architecture) }.first
    }

    /// Lays the verified files out as an archive, for apt to read.
    func write(to base: String) throws {
        let folder = "\(base)/dists/\(archive.suite)"
        try Paths.createDirectory(folder)
        try AtomicFile.write(releaseText, to: "\(folder)/Release")
        for (index, bytes) in zip(archive.indexes, indexBytes) {
            let path = "\(folder)/\(index.path)"
            try Paths.createDirectory(Paths.parent(of: path))
            let file = try AtomicFile(directory: Paths.parent(of: path))
            try bytes.withUnsafeBytes { try file.write($0) }
            try file.publish(as: path)
        }
    }

    /// The newest state that a mirror serves. InRelease and indexes are kept in the store, as a lock's inputs.
    static func newest(
        suite: String, components: [String], keys: [String], signature: ArchiveSignature, allowExpired: Bool,
        store: Store, fetcher: Fetcher
    ) async throws -> ArchiveState {
        let (bytes, _) = try await fetcher.newest(path(of: suite), suite: suite, limit: 16 << 20)
        let signed = try await SignedRelease(bytes, suite: suite, keys: keys, signature: signature)
        if let end = signed.release.validUntil, end < time(nil), !allowExpired {
            throw ResolutionError.expired(suite: suite, validUntil: signed.release.validUntilText)
        }
        return try await read(
            signed, suite: suite, components: components, keys: keys, store: store, fetcher: fetcher)
    }

    /// The state that a suite was in at a time, as the snapshot archive tells: the one of just that Date, else the last
    /// before it. It has long expired, and is what was asked for.
    /// - Parameter isNamed: Whether the time is one of the snapshot archive's, which has one state for it: the one that it
    ///   serves then. Elsewhere it is the time of a mirror, which had a Release some hours before the snapshot archive.
    static func atTime(
        _ time: SnapshotTime, isNamed: Bool, suite: String, components: [String], keys: [String],
        signature: ArchiveSignature, store: Store, fetcher: Fetcher
    ) async throws -> ArchiveState {
        var best: SignedRelease?
        try await fetcher.snapshots(of: path(of: suite), suite: suite, from: time, limit: 16 << 20) { bytes in
            let signed = try await SignedRelease(bytes, suite: suite, keys: keys, signature: signature)
            let date = signed.release.date
            if best == nil || date == time.seconds || (date < time.seconds && !isNamed) { best = signed }
            return date >= time.seconds
        }
        guard let best else { throw ResolutionError.malformed("\(suite) has no state of \(time.text)") }
        return try await read(best, suite: suite, components: components, keys: keys, store: store, fetcher: fetcher)
    }

    private static func path(of suite: String) -> String { "dists/\(suite)/InRelease" }

    /// An InRelease whose signature is good.
    private struct SignedRelease {
        var bytes: [UInt8]
        var text: String
        var release: ReleaseFile

        init(_ bytes: [UInt8], suite: String, keys: [String], signature: ArchiveSignature) async throws {
            self.bytes = bytes
            text = try await signature.signedText(of: bytes, suite: suite, allowed: keys)
            release = try ReleaseFile(text: text, suite: suite)
        }
    }

    private static func read(
        _ signed: SignedRelease, suite: String, components: [String], keys: [String], store: Store, fetcher: Fetcher
    ) async throws -> ArchiveState {
        let release = signed.release
        let digest = try store.keep(signed.bytes)
        let indexes = try components.map { component in
            guard let index = release.packageIndex(component: component) else {
                throw ResolutionError.malformed("the Release of \(suite) lists no package index of '\(component)'")
            }
            return index
        }
        let archive = Lockfile.Archive(
            name: suite.replacing("/", with: "-"), suite: suite, components: components,
            snapshot: SnapshotTime(seconds: release.date).text,
            inRelease: Lockfile.Input(path: path(of: suite), size: signed.bytes.count, sha256: digest.hex), keys: keys,
            indexes: indexes)
        try await fetchIndexes(of: archive, byHash: release.acquireByHash, fetcher: fetcher)
        return try ArchiveState(archive: archive, release: release, releaseText: signed.text, store: store)
    }

    /// A locked state, derived again from the store's InRelease.
    static func locked(_ archive: Lockfile.Archive, signature: ArchiveSignature, store: Store) async throws
        -> ArchiveState
    {
        let inputs = [archive.inRelease] + archive.indexes
        guard let bytes = try store.bytes(of: archive.inRelease) else {
            throw ResolutionError.inputsMissing(inputs.map(\.path), store: store.directory)
        }
        let text = try await signature.signedText(of: bytes, suite: archive.suite, allowed: archive.keys)
        let release = try ReleaseFile(text: text, suite: archive.suite)
        var wrong: [String] = []
        for index in archive.indexes where release.file(index.path) != index {
            wrong.append(
                "\(archive.name): the Release lists no \(index.path) of \(index.size) bytes, sha256 \(index.sha256)")
        }
        if archive.indexes.map(\.path) != archive.components.compactMap({ release.packageIndex(component: $0)?.path }) {
            wrong.append("\(archive.name): its indexes are not those of its components")
        }
        if SnapshotTime(seconds: release.date).text != archive.snapshot {
            wrong.append("\(archive.name): snapshot \(archive.snapshot) is not the Release's Date")
        }
        guard wrong.isEmpty else { throw ResolutionError.contradicted(wrong) }
        return try ArchiveState(archive: archive, release: release, releaseText: text, store: store)
    }

    /// Fetches a locked state's InRelease and indexes.
    static func fetch(_ archive: Lockfile.Archive, fetcher: Fetcher) async throws {
        try await fetcher.fetch([Fetcher.Wanted(archive.inRelease, of: archive)])
        try await fetchIndexes(of: archive, byHash: true, fetcher: fetcher)
    }

    /// By hash first: a mirror that is being updated then still serves the index that the Release means.
    private static func fetchIndexes(of archive: Lockfile.Archive, byHash: Bool, fetcher: Fetcher) async throws {
        func wanted(_ path: (Lockfile.Input) -> String) -> [Fetcher.Wanted] {
            archive.indexes.map { index in
                var input = index
                input.path = "dists/\(archive.suite)/\(path(index))"
                return Fetcher.Wanted(input, of: archive)
            }
        }
        let plain = wanted(\.path)
        guard byHash else { return try await fetcher.fetch(plain) }
        do {
            try await fetcher.fetch(wanted { "\(Paths.parent(of: $0.path))/by-hash/SHA256/\($0.sha256)" })
        } catch StoreError.unavailable {
            try await fetcher.fetch(plain)
        }
    }

    private init(archive: Lockfile.Archive, release: ReleaseFile, releaseText: String, store: Store) throws {
        var (indexes, indexBytes) = ([PackageIndex](), [[UInt8]]())
        for input in archive.indexes {
            guard let bytes = try store.bytes(of: input) else {
                throw ResolutionError.inputsMissing([input.path], store: store.directory)
            }
            indexes.append(
                try PackageIndex(text: try Decompression.bytes(of: bytes, name: input.path), name: input.path))
            indexBytes.append(bytes)
        }
        (self.archive, self.date, self.releaseText) = (archive, release.date, releaseText)
        (self.indexes, self.indexBytes) = (indexes, indexBytes)
    }
}

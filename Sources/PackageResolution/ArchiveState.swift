import Glibc
import Host
import InputStore
import Mirrors
import RuntimeSpec

/// A suite at one moment, verified: signature, then Release, then each index by its SHA-256.
struct ArchiveState: Sendable {
    /// As it stands in the lock.
    var archive: Lockfile.Archive
    /// Seconds since 1970-01-01 UTC.
    let date: Int
    let releaseText: String
    /// When the key that signed it expired, if it has by now: seconds since 1970-01-01 UTC.
    let keyExpiry: Int?
    /// In the order of `archive.indexes`.
    let indexes: [PackageIndex]
    private let indexBytes: [[UInt8]]

    /// The entry of a package, in any component.
    func stanza(named name: String, version: String, architecture: String) -> PackageIndex.Stanza? {
        indexes.lazy.compactMap { $0.stanza(named: name, version: version, architecture: architecture) }.first
    }

    /// Lays the verified files out as an archive, for apt to read.
    func write(to base: String) throws {
        let folder = "\(base)/dists/\(archive.suite)"
        try Folder.create(folder)
        try AtomicFile.write(releaseText, to: "\(folder)/Release")
        for (index, bytes) in zip(archive.indexes, indexBytes) {
            let path = "\(folder)/\(index.path)"
            try Folder.create(Paths.parent(of: path))
            try AtomicFile.write(bytes, to: path)
        }
    }

    /// The newest state that a mirror serves. InRelease and indexes are kept in the store, as a lock's inputs.
    static func newest(
        suite: String, components: [String], keys: [String], signature: ArchiveSignature, allowExpired: Bool,
        store: Store, fetcher: Fetcher
    ) async throws -> ArchiveState {
        let signed = try await SignedRelease(
            try await newestRelease(of: suite, fetcher: fetcher), suite: suite, keys: keys, signature: signature,
            allowExpired: allowExpired)
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
        signature: ArchiveSignature, allowExpired: Bool, store: Store, fetcher: Fetcher
    ) async throws -> ArchiveState {
        var best: SignedRelease?
        try await fetcher.snapshots(of: path(of: suite), suite: suite, from: time, limit: 16 << 20) { bytes in
            let signed = try await SignedRelease(
                ReleaseBytes(release: bytes), suite: suite, keys: keys, signature: signature,
                allowExpired: allowExpired)
            let date = signed.release.date
            if best == nil || date == time.seconds || (date < time.seconds && !isNamed) { best = signed }
            return date >= time.seconds
        }
        guard let best else { throw ResolutionError.malformed("\(suite) has no state of \(time.text)") }
        return try await read(best, suite: suite, components: components, keys: keys, store: store, fetcher: fetcher)
    }

    private static func path(of suite: String, _ name: String = "InRelease") -> String { "dists/\(suite)/\(name)" }

    /// A Release as an archive serves it.
    private struct ReleaseBytes {
        /// InRelease, or Release where a signature is beside it.
        var release: [UInt8]
        /// Release.gpg.
        var signature: [UInt8]?
    }

    /// InRelease, or Release and Release.gpg where an archive has no such file.
    private static func newestRelease(of suite: String, fetcher: Fetcher) async throws -> ReleaseBytes {
        let limit = 16 << 20
        do {
            return ReleaseBytes(release: try await fetcher.newest(path(of: suite), suite: suite, limit: limit).bytes)
        } catch  where isInputFailure(error) {
            let first = error
            do {
                let (signature, mirror) = try await fetcher.newest(
                    path(of: suite, "Release.gpg"), suite: suite, limit: 1 << 20)
                return ReleaseBytes(
                    release: try await fetcher.newest(path(of: suite, "Release"), on: mirror, limit: limit),
                    signature: signature)
            } catch  where isInputFailure(error) {
                // What was asked for first says more.
                throw first
            }
        }
    }

    /// A Release whose signature is good.
    private struct SignedRelease {
        var bytes: ReleaseBytes
        var text: String
        var keyExpiry: Int?
        var release: ReleaseFile

        /// - Parameter allowExpired: Whether a key counts that has expired by now, for what it signed before.
        init(
            _ bytes: ReleaseBytes, suite: String, keys: [String], signature: ArchiveSignature, allowExpired: Bool
        ) async throws {
            self.bytes = bytes
            let signed = try await signature.signedText(
                of: bytes.release, detached: bytes.signature, suite: suite, allowed: keys)
            (text, keyExpiry) = (signed.text, signed.keyExpiry)
            release = try ReleaseFile(text: text, suite: suite)
            guard let keyExpiry else { return }
            let day = SnapshotTime(seconds: keyExpiry).text
            guard release.date < keyExpiry else {
                throw ResolutionError.signature(
                    suite: suite, reason: "the key that signed it expired at \(day), before the Release's Date")
            }
            guard allowExpired else {
                throw ResolutionError.signature(
                    suite: suite,
                    reason: "the key that signed it expired at \(day); update the keyring, or pass --allow-expired")
            }
        }
    }

    private static func read(
        _ signed: SignedRelease, suite: String, components: [String], keys: [String], store: Store, fetcher: Fetcher
    ) async throws -> ArchiveState {
        let release = signed.release
        func kept(_ bytes: [UInt8], _ name: String) throws -> Lockfile.Input {
            Lockfile.Input(path: path(of: suite, name), size: bytes.count, sha256: try store.keep(bytes).hex)
        }
        let indexes = try components.flatMap { component in
            let indexes = release.packageIndexes(component: component)
            guard !indexes.isEmpty else {
                throw ResolutionError.malformed("the Release of \(suite) lists no package index of '\(component)'")
            }
            return indexes
        }
        let archive = Lockfile.Archive(
            name: suite.replacing("/", with: "-"), suite: suite, components: components,
            snapshot: SnapshotTime(seconds: release.date).text,
            inRelease: try kept(signed.bytes.release, signed.bytes.signature == nil ? "InRelease" : "Release"),
            signature: try signed.bytes.signature.map { try kept($0, "Release.gpg") }, keys: keys, indexes: indexes)
        try await fetchIndexes(of: archive, byHash: release.acquireByHash, fetcher: fetcher)
        return try ArchiveState(
            archive: archive, release: release, releaseText: signed.text, keyExpiry: signed.keyExpiry, store: store)
    }

    /// A locked state, derived again from the store's InRelease. A key that has expired since counts: the lock says when.
    static func locked(_ archive: Lockfile.Archive, signature: ArchiveSignature, store: Store) async throws
        -> ArchiveState
    {
        func stored(_ input: Lockfile.Input) throws -> [UInt8] {
            if let bytes = try store.bytes(of: input) { return bytes }
            let inputs = [archive.inRelease] + [archive.signature].compactMap { $0 } + archive.indexes
            throw ResolutionError.inputsMissing(inputs.map(\.path), store: store.directory)
        }
        let bytes = ReleaseBytes(
            release: try stored(archive.inRelease), signature: try archive.signature.map(stored))
        let signed: SignedRelease
        do {
            signed = try await SignedRelease(
                bytes, suite: archive.suite, keys: archive.keys, signature: signature, allowExpired: true)
        } catch let error as ResolutionError {
            guard case .otherSuite = error else { throw error }
            throw ResolutionError.contradicted(["\(archive.name): \(error)"])
        }
        let release = signed.release
        var wrong: [String] = []
        for index in archive.indexes where release.file(index.path) != index {
            wrong.append(
                "\(archive.name): the Release lists no \(index.path) of \(index.size) bytes, sha256 \(index.sha256)")
        }
        if archive.indexes != archive.components.flatMap(release.packageIndexes) {
            wrong.append("\(archive.name): its indexes are not those of its components")
        }
        if SnapshotTime(seconds: release.date).text != archive.snapshot {
            wrong.append("\(archive.name): snapshot \(archive.snapshot) is not the Release's Date")
        }
        guard wrong.isEmpty else { throw ResolutionError.contradicted(wrong) }
        return try ArchiveState(
            archive: archive, release: release, releaseText: signed.text, keyExpiry: signed.keyExpiry, store: store)
    }

    /// Fetches a locked state's InRelease and indexes.
    static func fetch(_ archive: Lockfile.Archive, fetcher: Fetcher) async throws {
        let release = [archive.inRelease] + [archive.signature].compactMap { $0 }
        try await fetcher.fetch(release.map { Fetcher.Wanted($0, of: archive) })
        try await fetchIndexes(of: archive, byHash: true, fetcher: fetcher)
    }

    /// By hash first: a mirror that is being updated then still serves the index that the Release means.
    static func fetchIndexes(of archive: Lockfile.Archive, byHash: Bool, fetcher: Fetcher) async throws {
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
        } catch FetchError.unavailable {
            try await fetcher.fetch(plain)
        }
    }

    private init(
        archive: Lockfile.Archive, release: ReleaseFile, releaseText: String, keyExpiry: Int?, store: Store
    ) throws {
        var (indexes, indexBytes) = ([PackageIndex](), [[UInt8]]())
        for input in archive.indexes {
            guard let bytes = try store.bytes(of: input) else {
                throw ResolutionError.inputsMissing([input.path], store: store.directory)
            }
            indexes.append(
                try PackageIndex(text: try ArchiveContents.bytes(of: bytes, name: input.path), name: input.path))
            indexBytes.append(bytes)
        }
        (self.archive, self.date, self.releaseText) = (archive, release.date, releaseText)
        self.keyExpiry = keyExpiry
        (self.indexes, self.indexBytes) = (indexes, indexBytes)
    }
}

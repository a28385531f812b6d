import Glibc
import InputStore
import Mirrors
import RuntimeSpec

/// Reads suites of archives as verified states, from mirrors and from the snapshot archive. InRelease and indexes are kept in
/// the store, as a lock's inputs.
struct SuiteReader: Sendable {
    let signature: ArchiveSignature
    let store: Store
    let fetcher: Fetcher

    /// What is read: one of several suites, by name.
    struct Suite {
        var name: String
        var components: [String]
        /// Fingerprints of the primary keys that may sign it.
        var keys: [String]

        init(_ name: String, of suites: DebianSuites) {
            (self.name, components, keys) = (name, suites.components, suites.keys)
        }

        /// That of a locked archive.
        init(of archive: Lockfile.Archive) {
            (name, components, keys) = (archive.suite, archive.components, archive.keys)
        }
    }

    /// The newest state that a mirror serves.
    /// - Parameter allowExpired: Whether a Release past its Valid-Until counts, and one by a key that has expired since.
    func newest(_ suite: Suite, allowExpired: Bool = false) async throws -> ArchiveState {
        let bytes: ReleaseBytes
        do { bytes = try await newestRelease(of: suite.name) } catch  where isInputFailure(error) {
            throw ResolutionError.suiteMissing(suite: suite.name, reason: "\(error)")
        }
        let signed = try await signedRelease(bytes, of: suite, allowExpired: allowExpired)
        if let end = signed.release.validUntil, end < time(nil), !allowExpired {
            throw ResolutionError.expired(suite: suite.name, validUntil: signed.release.validUntilText)
        }
        return try await read(signed, suite)
    }

    /// The state that a suite was in at a time, as the snapshot archive tells: the one of just that Date, else the last
    /// before it. It has long expired, and is what was asked for.
    /// - Parameter isNamed: Whether the time is one of the snapshot archive's, which has one state for it: the one that it
    ///   serves then. Elsewhere it is the time of a mirror, which had a Release some hours before the snapshot archive.
    /// - Parameter isStrict: Whether none of after the time will do.
    func state(
        of suite: Suite, at time: SnapshotTime, isNamed: Bool, allowExpired: Bool, isStrict: Bool = false
    ) async throws -> ArchiveState {
        var best: SignedRelease?
        try await fetcher.snapshots(
            of: ArchiveState.path(of: suite.name), suite: suite.name, from: time, limit: Self.largestRelease
        ) { bytes in
            let signed = try await signedRelease(ReleaseBytes(release: bytes), of: suite, allowExpired: allowExpired)
            let date = signed.release.date
            if isStrict, date > time.seconds { return true }
            if best == nil || date == time.seconds || (date < time.seconds && !isNamed) { best = signed }
            return date >= time.seconds
        }
        guard let best else { throw ResolutionError.malformed("\(suite.name) has no state of \(time.text)") }
        return try await read(best, suite)
    }

    /// A locked state, fetched where the store lacks it.
    func locked(_ archive: Lockfile.Archive) async throws -> ArchiveState {
        try await ArchiveState.fetch(archive, fetcher: fetcher)
        return try await ArchiveState.locked(archive, signature: signature, store: store)
    }

    private static let largestRelease = 16 << 20

    private func signedRelease(
        _ bytes: ReleaseBytes, of suite: Suite, allowExpired: Bool
    ) async throws -> SignedRelease {
        try await SignedRelease(
            bytes, suite: suite.name, keys: suite.keys, signature: signature, allowExpired: allowExpired)
    }

    /// InRelease, or Release and Release.gpg where an archive has no such file.
    private func newestRelease(of suite: String) async throws -> ReleaseBytes {
        let limit = Self.largestRelease
        do {
            return ReleaseBytes(
                release: try await fetcher.newest(ArchiveState.path(of: suite), suite: suite, limit: limit).bytes)
        } catch  where isInputFailure(error) {
            let first = error
            do {
                let (signature, mirror) = try await fetcher.newest(
                    ArchiveState.path(of: suite, "Release.gpg"), suite: suite, limit: 1 << 20)
                return ReleaseBytes(
                    release: try await fetcher.newest(
                        ArchiveState.path(of: suite, "Release"), on: mirror, limit: limit),
                    signature: signature)
            } catch  where isInputFailure(error) {
                // What was asked for first says more.
                throw first
            }
        }
    }

    private func read(_ signed: SignedRelease, _ suite: Suite) async throws -> ArchiveState {
        let (release, name) = (signed.release, suite.name)
        func kept(_ bytes: [UInt8], _ file: String) throws -> Lockfile.Input {
            Lockfile.Input(path: ArchiveState.path(of: name, file), size: bytes.count, sha256: try store.keep(bytes))
        }
        let indexes = try suite.components.flatMap { component in
            let indexes = release.packageIndexes(component: component)
            guard !indexes.isEmpty else {
                throw ResolutionError.malformed("the Release of \(name) lists no package index of '\(component)'")
            }
            return indexes
        }
        let archive = Lockfile.Archive(
            name: name.replacing("/", with: "-"), suite: name, components: suite.components,
            snapshot: SnapshotTime(seconds: release.date).text,
            inRelease: try kept(signed.bytes.release, signed.bytes.signature == nil ? "InRelease" : "Release"),
            signature: try signed.bytes.signature.map { try kept($0, "Release.gpg") }, keys: suite.keys,
            indexes: indexes)
        try await ArchiveState.fetchIndexes(of: archive, byHash: release.acquireByHash, fetcher: fetcher)
        return try ArchiveState(
            archive: archive, release: release, releaseText: signed.text, keyExpiry: signed.keyExpiry, store: store)
    }
}

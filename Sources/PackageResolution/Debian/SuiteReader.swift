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
        /// Who may sign it.
        var signers: ArchiveSignature.Signers
        /// Other people's, by the name that a lock gives it; nil for Debian's.
        var thirdParty: (name: String, archive: Lockfile.ThirdParty)?

        init(_ name: String, of suites: DebianSuites) {
            (self.name, components, signers) = (name, suites.components, .init(allowed: suites.keys))
        }

        /// Other people's.
        /// - Parameter key: The file with its keys, where the manifest names one.
        init(_ archive: ThirdPartyArchive, key: (input: Lockfile.Input, keys: ArchiveKeys)?) {
            (name, components) = (archive.suite, archive.components)
            signers = .init(allowed: key?.keys.fingerprints ?? [], file: key.map { ($0.input.path, $0.keys) })
            if case .fingerprint(let fingerprint) = archive.key { signers.allowed = [fingerprint] }
            thirdParty = (
                archive.name,
                Lockfile.ThirdParty(
                    url: archive.url, key: key?.input, prefer: archive.prefer, packages: archive.packages)
            )
        }

        /// That of a locked archive, whose key is in the store.
        init(of archive: Lockfile.Archive, store: Store) throws {
            (name, components) = (archive.suite, archive.components)
            signers = try archive.signers(from: store)
            thirdParty = archive.thirdParty.map { (archive.ownName, $0) }
        }

        /// What tells it from every other, and people (`Lockfile.Archive.place`).
        var place: String { thirdParty.map { $0.archive.place(of: name, called: $0.name) } ?? name }

        /// Its one server, where it has one.
        var server: Mirror? { thirdParty.map { Mirror($0.archive.url) } }
    }

    /// The newest state that a mirror serves.
    /// - Parameter allowExpired: Whether a Release past its Valid-Until counts, and one by a key that has expired since.
    func newest(_ suite: Suite, allowExpired: Bool = false) async throws -> ArchiveState {
        let bytes: ReleaseBytes
        do { bytes = try await newestRelease(of: suite) } catch  where isInputFailure(error) {
            if suite.thirdParty != nil {
                throw ResolutionError.archiveMissing(archive: suite.place, reason: "\(error)")
            }
            throw ResolutionError.suiteMissing(suite: suite.name, reason: "\(error)")
        }
        let signed = try await signedRelease(bytes, of: suite, allowExpired: allowExpired)
        if let end = signed.release.validUntil, end < time(nil), !allowExpired {
            throw ResolutionError.expired(
                suite: suite.place, validUntil: signed.release.validUntilText,
                hasOldStates: suite.thirdParty == nil)
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
            bytes, suite: suite.name, shown: suite.place, signers: suite.signers, isThirdParty: suite.thirdParty != nil,
            signature: signature, allowExpired: allowExpired)
    }

    /// InRelease, or Release and Release.gpg where an archive has no such file.
    private func newestRelease(of suite: Suite) async throws -> ReleaseBytes {
        func newest(_ file: String, limit: Int) async throws -> (bytes: [UInt8], mirror: Mirror) {
            let path = ArchiveState.path(of: suite.name, file)
            guard let server = suite.server else {
                return try await fetcher.newest(path, suite: suite.name, limit: limit)
            }
            return (try await fetcher.newest(path, on: server, limit: limit), server)
        }
        let limit = Self.largestRelease
        do {
            return ReleaseBytes(release: try await newest("InRelease", limit: limit).bytes)
        } catch  where isInputFailure(error) {
            let first = error
            do {
                let (signature, mirror) = try await newest("Release.gpg", limit: 1 << 20)
                return ReleaseBytes(
                    release: try await fetcher.newest(
                        ArchiveState.path(of: suite.name, "Release"), on: mirror, limit: limit),
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
        let archive = Lockfile.Archive(
            name: suite.thirdParty?.name ?? name.replacing("/", with: "-"), suite: name, components: suite.components,
            snapshot: SnapshotTime(seconds: release.date).text,
            inRelease: try kept(signed.bytes.release, signed.bytes.signature == nil ? "InRelease" : "Release"),
            signature: try signed.bytes.signature.map { try kept($0, "Release.gpg") }, keys: suite.signers.allowed,
            indexes: try release.packageIndexes(ofSuite: name, components: suite.components),
            thirdParty: suite.thirdParty?.archive)
        try await ArchiveState.fetchIndexes(of: archive, byHash: release.acquireByHash, fetcher: fetcher)
        return try ArchiveState(
            archive: archive, release: release, releaseText: signed.text, keyExpiry: signed.keyExpiry, store: store)
    }
}

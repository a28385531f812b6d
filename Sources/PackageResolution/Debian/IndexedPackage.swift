import Archives
import ContentHash
import InputStore
import Mirrors
import RuntimeSpec

/// A package that a lock's archives have besides those that it locks.
public struct IndexedPackage: Sendable {
    /// As the index has it.
    public let version: String
    /// The .deb, by its path in the archive's pool.
    public let file: Lockfile.Input

    /// Finds the newest of a name in the archives that the image's packages are from, by their locked indexes, and fetches
    /// it into the store.
    /// - Returns: nil where none has it.
    /// - Throws: `FetchError` where index or package can't be had.
    public static func fetch(
        _ name: String, of lock: Lockfile, store: Store, fetcher: Fetcher
    ) async throws -> IndexedPackage? {
        let used = Set(lock.packages.map(\.archive))
        var newest: (stanza: PackageIndex.Stanza, archive: Lockfile.Archive)?
        for archive in lock.archives where used.contains(archive.name) && archive.thirdParty == nil {
            try await ArchiveState.fetchIndexes(of: archive, byHash: true, fetcher: fetcher)
            for input in archive.indexes {
                guard let bytes = try store.bytes(of: input) else { continue }
                let index = try PackageIndex(
                    text: try ArchiveContents.bytes(of: bytes, name: input.path), name: input.path)
                for stanza in index.stanzas(named: name) {
                    let isNewer =
                        newest.map { DebianVersion($0.stanza.version) < DebianVersion(stanza.version) } ?? true
                    if isNewer { newest = (stanza, archive) }
                }
            }
        }
        guard let newest else { return nil }
        let file = try newest.stanza.file()
        try await fetcher.fetch([RemoteInput(file, of: newest.archive)])
        return IndexedPackage(version: newest.stanza.version, file: file)
    }

    /// libfaketime of a lock's own archives, which shows programs another date; nil where they have none.
    public static func otherClock(
        of lock: Lockfile, store: Store, fetcher: Fetcher
    ) async throws -> (version: String, sha256: Digest)? {
        try await fetch("libfaketime", of: lock, store: store, fetcher: fetcher).map { ($0.version, $0.file.sha256) }
    }
}

import Archives
import InputStore
import Mirrors
import RuntimeSpec

/// The newest packages of a Debian release, each verified as a lock's are, for what rtverify itself runs beside an image.
public struct NewestPackages: Sendable {
    private let store: Store
    private let fetcher: Fetcher
    private let states: [ArchiveState]

    /// Reads the release's suites.
    public init(of suites: DebianSuites, store: Store, fetcher: Fetcher, keyrings: [String]) async throws {
        (self.store, self.fetcher) = (store, fetcher)
        let reader = SuiteReader(signature: ArchiveSignature(keyrings: keyrings), store: store, fetcher: fetcher)
        states = try await SuiteStates(reader: reader, time: nil, allowExpired: false, note: { _ in }).states(
            of: suites)
    }

    private func newest(_ name: String) throws -> (state: ArchiveState, stanza: PackageIndex.Stanza) {
        let found = states.flatMap { state in
            state.indexes.flatMap { $0.stanzas(named: name) }.map { (state: state, stanza: $0) }
        }
        guard let newest = found.max(by: { DebianVersion($0.stanza.version) < DebianVersion($1.stanza.version) }) else {
            throw ResolutionError.malformed("the archive has no package \(name)")
        }
        return newest
    }

    /// The first package of a given prefix that another one depends on: the one that a metapackage stands for.
    public func dependency(of name: String, prefix: String) throws -> String {
        let names = DependencyField.names(try newest(name).stanza.depends).joined()
        guard let found = names.first(where: { $0.hasPrefix(prefix) }) else {
            throw ResolutionError.malformed("\(name) depends on no package \(prefix)…")
        }
        return found
    }

    /// The plain files of a package, of which `isWanted` says yes to the path.
    public func files(
        of name: String, where isWanted: (String) -> Bool
    ) async throws -> [(path: String, bytes: [UInt8])] {
        let (state, stanza) = try newest(name)
        let file = try stanza.file()
        try await fetcher.fetch([RemoteInput(file, of: state.archive)])
        guard let bytes = try store.bytes(of: file) else {
            throw ResolutionError.inputsMissing([stanza.path], store: store.directory)
        }
        return try PackageFile.data(of: bytes, name: stanza.path, where: isWanted)
    }
}

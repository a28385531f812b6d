import Archives
import InputStore
import Mirrors
import RuntimeSpec

/// How many packages of a lock have a newer version in their suites now.
public struct NewerVersions: Codable, Equatable, Sendable {
    /// By name, where a security suite has it.
    public var security: [String] = []
    /// By name, where another suite has it.
    public var others: [String] = []

    /// Asks each suite of a Debian lock for its newest state.
    /// - Throws: `FetchError`, `ResolutionError` where a suite can't be had or trusted.
    public static func look(
        at lock: Lockfile, store: Store, fetcher: Fetcher, keyrings: [String]
    ) async throws -> NewerVersions {
        let used = Set(lock.packages.map(\.archive))
        let reader = SuiteReader(
            signature: ArchiveSignature(keyrings: keyrings), store: store, fetcher: fetcher)
        var newest: [String: (version: String, isSecurity: Bool)] = [:]
        let names = Set(lock.packages.map(\.name))
        for archive in lock.archives where used.contains(archive.name) {
            let state = try await reader.newest(SuiteReader.Suite(of: archive, store: store))
            let isSecurity =
                archive.thirdParty == nil
                && (archive.suite.contains("security") || archive.suite.hasSuffix("/updates"))
            for name in names {
                for stanza in state.indexes.flatMap({ $0.stanzas(named: name) })
                where newest[name].map({ DebianVersion($0.version) < DebianVersion(stanza.version) }) ?? true {
                    newest[name] = (stanza.version, isSecurity)
                }
            }
        }
        var found = NewerVersions()
        for package in lock.packages {
            guard let now = newest[package.name], DebianVersion(package.version) < DebianVersion(now.version) else {
                continue
            }
            if now.isSecurity { found.security.append(package.name) } else { found.others.append(package.name) }
        }
        return found
    }
}

import InputStore
import Reporting
import RuntimeSpec

/// Derives a lock's every entry again, offline: signature, Release, index, package, stage.
public struct LockVerification {
    private let store: Store
    private let signature: ArchiveSignature

    /// What was derived.
    public struct Outcome: Codable, Equatable, Sendable {
        public var archives: Int
        public var packages: Int
        /// The keys that the lock lets sign and that are not known as Debian's own for its release.
        public var unfamiliarKeys: [String]
    }

    /// - Parameter keyrings: Files to look for keys in; those of the host when empty.
    public init(store: Store, keyrings: [String]) {
        self.store = store
        signature = ArchiveSignature(keyrings: keyrings)
    }

    /// Fetches what `verify` reads.
    public static func fetchInputs(of lock: Lockfile, fetcher: Fetcher) async throws {
        for archive in lock.archives { try await ArchiveState.fetch(archive, fetcher: fetcher) }
    }

    /// - Throws: `ResolutionError.contradicted` with everything that doesn't follow.
    public func verify(_ lock: Lockfile) async throws -> Outcome {
        var states: [String: ArchiveState] = [:]
        var wrong: [String] = []
        for archive in lock.archives {
            do {
                states[archive.name] = try await .locked(archive, signature: signature, store: store)
            } catch ResolutionError.contradicted(let reasons) {
                wrong += reasons
            }
        }
        guard wrong.isEmpty else { throw ResolutionError.contradicted(wrong) }
        var stanzas: [PackageIndex.Stanza] = []
        for (list, isToolchain) in [(lock.packages, false), (lock.toolchain, true)] {
            for package in list {
                let name = isToolchain ? "toolchain \(package.name)" : package.name
                guard
                    let stanza = states[package.archive]?.stanza(
                        named: package.name, version: package.version, architecture: package.architecture)
                else {
                    wrong.append("\(name) \(package.version) \(package.architecture) is not in \(package.archive)")
                    continue
                }
                if stanza.file != package.file { wrong.append(Self.difference(name, package.file, stanza.file)) }
                if !isToolchain { stanzas.append(stanza) }
            }
        }
        if wrong.isEmpty {
            let stages = try InstallationStages(stanzas).stages()
            for package in lock.packages where stages[package.name] != package.stage {
                wrong.append(
                    "\(package.name): stage \(package.stage), where its dependencies give "
                        + "\(stages[package.name] ?? 0)")
            }
        }
        guard wrong.isEmpty else { throw ResolutionError.contradicted(wrong) }
        let known = DebianSuites.knownKeys
        return Outcome(
            archives: lock.archives.count, packages: lock.packages.count + lock.toolchain.count,
            unfamiliarKeys: Set(lock.archives.flatMap(\.keys)).subtracting(known).sorted())
    }

    private static func difference(_ name: String, _ locked: Lockfile.Input, _ listed: Lockfile.Input) -> String {
        if locked.sha256 != listed.sha256 { return "\(name): sha256 \(locked.sha256), the index says \(listed.sha256)" }
        if locked.size != listed.size { return "\(name): \(locked.size) bytes, the index says \(listed.size)" }
        return "\(name): path \(locked.path), the index says \(listed.path)"
    }
}

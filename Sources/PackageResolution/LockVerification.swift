import Host
import InputStore
import Mirrors
import RuntimeSpec
import Sandbox

/// Derives a lock's every entry again, offline: signature, Release, index, package, stage.
public struct LockVerification {
    private let store: Store
    private let signature: ArchiveSignature
    private let programs: TargetPrograms

    /// What was derived.
    public struct Outcome: Codable, Equatable, Sendable {
        /// How many signed states were verified.
        public var archives: Int
        /// Packages of the image and of the toolchain.
        public var packages: Int
        /// Wheels that pip chose again.
        public var wheels = 0
        /// Suites signed by a key that has expired since, with the day.
        public var expiredKeys: [String] = []
        /// The keys that the lock lets sign and that are not known as Debian's own, or as the minirootfs's.
        public var unfamiliarKeys: [String]
        /// Archives of other people, each with the fingerprints of its keys and what comes from it.
        public var thirdParties: [String] = []
        /// Packages and wheels of the user's own, which follow from nothing but their bytes.
        public var ownFiles: [String] = []

        /// What a reader of the lock has to know, though it holds.
        public var warnings: [String] {
            (expiredKeys.isEmpty
                ? []
                : ["keys that had not expired when they signed, and have since: \(expiredKeys.joined(separator: ", "))"])
                + (unfamiliarKeys.isEmpty
                    ? []
                    : [
                        "the lock lets keys sign that are not Debian's or Alpine's: \(unfamiliarKeys.joined(separator: ", "))"
                    ]) + thirdParties + ownFiles
        }
    }

    /// - Parameter keyrings: Files to look for keys in; those of the host when empty.
    public init(store: Store, keyrings: [String], programs: TargetPrograms) {
        (self.store, self.programs) = (store, programs)
        signature = ArchiveSignature(keyrings: keyrings)
    }

    /// What `verify` reads of a lock besides its archives.
    private static func inputs(of lock: Lockfile) -> [RemoteInput] {
        // pip comes from the toolchain, which is unpacked whole.
        let names = Set((lock.python?.interpreter ?? []) + (lock.python == nil ? [] : lock.toolchain.map(\.name)))
        let isNeeded = Set(
            (lock.packages + lock.toolchain).filter { names.contains($0.name) }.map(\.file.sha256)
                + (lock.alpine.map { $0.repositories.map(\.index.sha256) + $0.packages.map(\.file.sha256) } ?? [])
                + [lock.rootArchive?.sha256].compactMap { $0 })
        return RemoteInput.inputs(of: lock).filter { isNeeded.contains($0.input.sha256) }
    }

    /// Takes what `verify` reads and lies beside the manifest: keys of other people's archives, packages and wheels of the
    /// user's own, a tarball whose Python chooses wheels.
    /// - Parameters:
    ///   - path: The lock's.
    ///   - fetcher: Asked for what is neither there nor in the store; nil for nobody.
    /// - Throws: `StoreError.fileMissing` for what nobody has.
    public func adoptOwnInputs(of lock: Lockfile, path: String, fetcher: Fetcher?) async throws {
        let folders = ManifestFolders(lock: path, name: lock.name)
        var own = lock.archives.compactMap { $0.thirdParty?.key } + (lock.python?.ownWheels ?? [])
        own += lock.packages.filter { $0.archive == nil }.map(\.file)
        if case .tarball(let tarball) = lock.base, lock.python != nil, !tarball.isWeb { own.append(tarball) }
        if let fetcher {
            try await fetcher.gather(own, from: folders)
        } else {
            for input in own { try store.adopt(input, from: folders) }
        }
        // The release's own is in the minirootfs.
        let keys = try (lock.alpine?.repositories ?? []).map(\.key).filter { try !store.takes($0, from: folders) }
        try await fetcher?.fill(keys)
    }

    /// Fetches what `verify` reads, but for wheels.
    public func fetchInputs(of lock: Lockfile, fetcher: Fetcher) async throws {
        for archive in lock.archives { try await ArchiveState.fetch(archive, fetcher: fetcher) }
        try await fetcher.fetch(Self.inputs(of: lock))
        if let alpine = lock.alpine {
            for repository in alpine.repositories { _ = try store.keepKey(repository.key, of: alpine) }
        }
    }

    private func checkPresent(_ lock: Lockfile) throws {
        let inputs = Self.inputs(of: lock).map(\.input) + (lock.python?.wheels.map(\.file) ?? [])
        let missing = try inputs.filter { input in
            if case .present = try store.state(of: input) { false } else { true }
        }
        if !missing.isEmpty { throw ResolutionError.inputsMissing(missing.map(\.path), store: store.directory) }
    }

    /// Wheels: pip, with the lock's wheels alone to choose from, must want just these.
    private func verifyWheels(_ lock: Lockfile) async throws -> [String] {
        guard let python = lock.python else { return [] }
        let again = try await programs.rederivedWheels(for: python, of: lock).map { choice in
            let wheel = python.wheels.first { $0.name == choice.name && $0.version == choice.version }
            return (choice.name, "\(choice.version) \(wheel?.file.sha256.hex ?? "(not locked)")")
        }
        return Self.differences(
            "wheel", python.wheels.map { ($0.name, "\($0.version) \($0.file.sha256)") }, again, source: "pip")
    }

    /// Alpine: each index by its signature, each package by its index, all of them by apk's choice.
    private func verifyAlpine(_ lock: Lockfile, unfamiliar: inout [String]) async throws -> [String] {
        guard let alpine = lock.alpine, !alpine.repositories.isEmpty else { return [] }
        guard let root = try store.bytes(of: alpine.minirootfs) else {
            throw ResolutionError.inputsMissing([alpine.minirootfs.path], store: store.directory)
        }
        let own = try AlpineResolution.ownKeys(minirootfs: root, name: alpine.minirootfs.path)
        var wrong: [String] = []
        var indexes: [(name: String, index: AlpineIndex)] = []
        for repository in alpine.repositories {
            guard let bytes = try store.bytes(of: repository.index), let key = try store.bytes(of: repository.key)
            else {
                throw ResolutionError.inputsMissing(
                    [repository.index.path, repository.key.path], store: store.directory)
            }
            let trusted = AlpineKey(name: repository.key.path, bytes: key)
            let (index, _) = try AlpineResolution.verifiedIndex(
                bytes, path: repository.index.path, trusted: [trusted])
            indexes.append((repository.name, index))
            if !own.contains(where: { $0.bytes == key }) {
                unfamiliar.append("\(repository.key.path) (of \(repository.url ?? repository.name))")
            }
        }
        for package in alpine.packages {
            guard let bytes = try store.bytes(of: package.file) else {
                throw ResolutionError.inputsMissing([package.file.path], store: store.directory)
            }
            do {
                let choice = PackageChoice(name: package.name, version: package.version)
                let listed = try AlpineResolution.listed(choice, of: alpine, in: indexes)
                try AlpinePackageFile.check(bytes, is: listed.package, name: package.file.path)
                if listed.repository != package.repository {
                    wrong.append("\(package.name) is from \(listed.repository)")
                }
                let folder = alpine.repositories.first { $0.name == package.repository }.map {
                    Paths.parent(of: $0.index.path)
                }
                if package.file.path != "\(folder ?? "")/\(package.name)-\(package.version).apk" {
                    wrong.append("\(package.name): \(package.file.path) is no place of \(package.repository)")
                }
            } catch ResolutionError.malformed(let reason) { wrong.append(reason) }
        }
        guard wrong.isEmpty else { return wrong }
        return Self.differences(
            "package", alpine.packages.map { ($0.name, $0.version) },
            try await programs.alpineChoice(
                for: alpine, sourceDateEpoch: lock.sourceDateEpoch, holding: [:], name: lock.name
            ).map { ($0.name, $0.version) }, source: "apk")
    }

    private static func differences(
        _ what: String, _ locked: [(String, String)], _ chosen: [(String, String)], source: String
    ) -> [String] {
        let locked = Dictionary(locked, uniquingKeysWith: { first, _ in first })
        let chosen = Dictionary(chosen, uniquingKeysWith: { first, _ in first })
        return Set(locked.keys).union(chosen.keys).sorted().compactMap { name in
            locked[name] == chosen[name]
                ? nil
                : "\(what) \(name): \(locked[name] ?? "not locked"), where \(source) chooses \(chosen[name] ?? "none")"
        }
    }

    /// - Throws: `ResolutionError.contradicted` with everything that doesn't follow; `.selectionUnknown` when all of it does
    ///   and the lock doesn't say what was asked for.
    public func verify(_ lock: Lockfile) async throws -> Outcome {
        let derived = try await derive(lock)
        for check in Self.checks {
            let wrong = try check(lock, derived)
            guard wrong.isEmpty else { throw ResolutionError.contradicted(wrong) }
        }
        try checkPresent(lock)
        var unfamiliar = Set(lock.archives.filter { $0.thirdParty == nil }.flatMap(\.keys))
            .subtracting(DebianSuites.knownKeys).sorted()
        let wrong = try await verifyAlpine(lock, unfamiliar: &unfamiliar) + verifyWheels(lock)
        guard wrong.isEmpty else { throw ResolutionError.contradicted(wrong) }
        if let debian = lock.debian, debian.selection == nil { throw ResolutionError.selectionUnknown }
        return Outcome(
            archives: lock.archives.count + (lock.alpine?.repositories.count ?? 0),
            packages: lock.packages.count { $0.archive != nil } + lock.tools.count + (lock.alpine?.packages.count ?? 0),
            wheels: lock.python?.wheels.count ?? 0,
            expiredKeys: lock.archives.compactMap { archive in
                derived.states[archive.name]?.keyExpiry.map { "\(archive.suite) (\(SnapshotTime(seconds: $0).text))" }
            }, unfamiliarKeys: unfamiliar, thirdParties: lock.thirdPartyArchives.map { Self.line($0, in: lock) },
            ownFiles: Self.ownLines(of: lock, derived))
    }

    private static func ownLines(of lock: Lockfile, _ derived: Derived) -> [String] {
        let indexes = lock.baseArchives.compactMap { derived.states[$0.name] }.flatMap(\.indexes)
        let packages = lock.packages.filter { $0.archive == nil }.map { package in
            let isDebians = indexes.contains { !$0.stanzas(named: package.name).isEmpty }
            return
                "\(package.name) \(package.version) is the user's own, \(package.file.path), sha256 \(package.file.sha256)"
                + (isDebians ? "; Debian has that package too" : "")
        }
        return packages
            + (lock.python?.ownWheels ?? []).map { "\($0.path) is a wheel of the user's own, sha256 \($0.sha256)" }
    }

    private static func line(_ archive: Lockfile.Archive, in lock: Lockfile) -> String {
        let names = lock.packages.filter { $0.archive == archive.name }.map(\.name)
        return "\(archive.shown), signed by \(archive.keys.joined(separator: ", ")), gives "
            + (names.isEmpty ? "nothing" : names.joined(separator: ", "))
    }

    /// Signature, Release, index and entry of each package, and rtverify's own init.
    private func derive(_ lock: Lockfile) async throws -> Derived {
        var (derived, wrong) = (Derived(), [String]())
        for archive in lock.archives {
            do {
                derived.states[archive.name] = try await .locked(archive, signature: signature, store: store)
            } catch ResolutionError.contradicted(let reasons) {
                wrong += reasons
            }
        }
        guard wrong.isEmpty else { throw ResolutionError.contradicted(wrong) }
        let own = try OwnPackages(
            lock.packages.filter { $0.archive == nil }.map { package in
                guard let bytes = try store.bytes(of: package.file) else {
                    throw ResolutionError.inputsMissing([package.file.path], store: store.directory)
                }
                return (package.file, bytes)
            })
        func stanzas(_ packages: [Lockfile.Package], _ prefix: String) -> [PackageIndex.Stanza] {
            packages.compactMap { package in
                let name = prefix + package.name
                let found =
                    if let archive = package.archive {
                        derived.states[archive]?.stanza(
                            named: package.name, version: package.version, architecture: package.architecture)
                    } else {
                        own.index.stanza(
                            named: package.name, version: package.version, architecture: package.architecture)
                    }
                guard let stanza = found else {
                    wrong.append(
                        "\(name) \(package.version) \(package.architecture) is not in \(package.archive ?? package.file.path)"
                    )
                    return nil
                }
                if let difference = Self.difference(name, package.file, stanza) { wrong.append(difference) }
                return stanza
            }
        }
        (derived.packages, derived.tools) = (stanzas(lock.packages, ""), stanzas(lock.toolchain, "toolchain "))
        derived.compiler = stanzas(lock.contents.agent?.compiler ?? [], "compiler ")
        wrong += (lock.contents.agent?.sources ?? []).filter { AgentSources.bytes(of: $0) == nil }.map {
            "agent: \($0.path) is no source of an agent of rtverify's, up to this release"
        }
        if let script = lock.contents.initScript, script.bytes == nil {
            wrong.append("init: its sha256 isn't that of an init of rtverify's, up to this release, with that command")
        }
        guard wrong.isEmpty else { throw ResolutionError.contradicted(wrong) }
        return derived
    }

    private static func difference(
        _ name: String, _ locked: Lockfile.Input, _ listed: PackageIndex.Stanza
    ) -> String? {
        if locked.sha256 != listed.sha256 {
            return "\(name): sha256 \(locked.sha256), the index says \(listed.sha256?.hex ?? "none")"
        }
        if locked.size != listed.size { return "\(name): \(locked.size) bytes, the index says \(listed.size)" }
        return locked.path == listed.path ? nil : "\(name): path \(locked.path), the index says \(listed.path)"
    }
}

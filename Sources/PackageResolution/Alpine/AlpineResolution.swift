import Archives
import FileTree
import InputStore
import Mirrors
import RuntimeSpec
import Sandbox

/// Alpine's part of a lock: the minirootfs, signed indexes, apk's choice.
struct AlpineResolution {
    let base: AlpineBase
    /// Keys of the manifest that may sign; the minirootfs's own when empty.
    let keys: [Lockfile.Input]
    /// The keys of repositories that are none of the branch, by their names.
    var otherKeys: [String: Lockfile.Input] = [:]
    let fetcher: Fetcher
    let store: Store
    let programs: TargetPrograms
    /// The runtime's.
    let name: String
    /// Seconds since 1970-01-01 UTC.
    let sourceDateEpoch: Int

    private static let architecture = "x86_64"
    private static let largestMinirootfs = 1 << 28

    /// The base with what apk chooses for a world.
    /// - Parameters:
    ///   - skippingUnlisted: Whether what no index lists is passed over, as for a draft.
    ///   - held: A minirootfs to keep, and its release.
    ///   - pins: Versions to hold where the index has them, by package name.
    func resolve(
        world: [String], skippingUnlisted: Bool = false, holding held: Lockfile.Alpine? = nil,
        pins: [String: String] = [:]
    ) async throws -> Lockfile.Alpine {
        let start: Lockfile.Alpine
        if let held {
            start = Lockfile.Alpine(release: held.release, minirootfs: held.minirootfs)
            try await fetcher.fetch(RemoteInput.inputs(of: start))
        } else {
            start = try await minirootfs()
        }
        if world.isEmpty { return start }
        guard let bytes = try store.bytes(of: start.minirootfs) else {
            throw ResolutionError.inputsMissing([start.minirootfs.path], store: store.directory)
        }
        let trusted = try trustedKeys(minirootfs: bytes, name: start.minirootfs.path)
        var (repositories, indexes) = ([Lockfile.Repository](), [(name: String, index: AlpineIndex)]())
        for (name, folder, keys, tag) in try sources(trusting: trusted) {
            let path = "\(folder)/\(Self.architecture)/APKINDEX.tar.gz"
            let bytes = try await newest(path, limit: 1 << 26)
            let (index, key) = try Self.verifiedIndex(bytes, path: path, trusted: keys)
            _ = try (store.keep(bytes), store.keep(key.bytes))
            indexes.append((name, index))
            repositories.append(
                Lockfile.Repository(
                    name: name, index: .init(path: path, of: bytes), key: .init(path: key.name, of: key.bytes), tag: tag
                ))
        }
        let world = world.filter { name in
            !skippingUnlisted || indexes.contains { $0.index.lists(Spelling.alpineName(name)) }
        }
        guard !world.isEmpty else { return start }
        let alpine = Lockfile.Alpine(
            release: start.release, minirootfs: start.minirootfs, repositories: repositories, world: world)
        let held = pins.filter { pin in
            indexes.contains { $0.index.package(named: pin.key, version: pin.value) != nil }
        }
        return alpine.adding(
            try await packages(
                try await programs.alpineChoice(
                    for: alpine, sourceDateEpoch: sourceDateEpoch, holding: held, name: name), of: alpine, in: indexes))
    }

    /// The repositories to read, each with the keys that may sign it: the branch's, by their paths on a mirror, and others by URL.
    private func sources(
        trusting keys: [AlpineKey]
    ) throws -> [(name: String, folder: String, keys: [AlpineKey], tag: String?)] {
        try base.repositories.map { ($0, "\(base.branch)/\($0)", keys, nil) }
            + base.others.map { other in
                (other.name, other.url, try otherKeys[other.name].map { try self.keys(of: [$0]) } ?? keys, other.tag)
            }
    }

    /// What stands at a path of Alpine's mirrors, or at a URL.
    private func newest(_ path: String, limit: Int) async throws -> [UInt8] {
        RemoteFile.isURL(path)
            ? try await fetcher.download(path, limit: limit) : try await fetcher.newestAlpine(path, limit: limit)
    }

    /// What apk chose, fetched, and each checked by its index.
    private func packages(
        _ choices: [PackageChoice], of alpine: Lockfile.Alpine, in indexes: [(name: String, index: AlpineIndex)]
    ) async throws -> [Lockfile.AlpinePackage] {
        var packages: [Lockfile.AlpinePackage] = []
        for choice in choices {
            let (repository, package) = try Self.listed(choice, of: alpine, in: indexes)
            let url = alpine.repositories.first { $0.name == repository }?.url
            let path =
                (url ?? "\(base.branch)/\(repository)") + "/\(Self.architecture)/\(choice.name)-\(choice.version).apk"
            let bytes = try await newest(path, limit: package.size)
            try AlpinePackageFile.check(bytes, is: package, name: path)
            _ = try store.keep(bytes)
            packages.append(
                Lockfile.AlpinePackage(
                    name: choice.name, version: choice.version, repository: repository,
                    file: .init(path: path, of: bytes)))
        }
        return packages
    }

    /// The repository that lists a package, and what its index says of it: the one with its tag, where it is asked for by one,
    /// and of several without one the first.
    static func listed(
        _ choice: PackageChoice, of alpine: Lockfile.Alpine, in indexes: [(name: String, index: AlpineIndex)]
    ) throws -> (repository: String, package: AlpineIndex.Package) {
        let tag = alpine.world.first { Spelling.alpineName($0) == choice.name }.flatMap(Spelling.alpineTag)
        func isOf(_ name: String, _ tag: String?) -> Bool {
            alpine.repositories.first { $0.name == name }?.tag == tag
        }
        let sorted = alpine.repositories.flatMap { repository in indexes.filter { $0.name == repository.name } }
        let ordered = sorted.filter { isOf($0.name, tag) } + sorted.filter { isOf($0.name, nil) } + sorted
        for (name, index) in ordered {
            if let package = index.package(named: choice.name, version: choice.version) { return (name, package) }
        }
        throw ResolutionError.malformed(
            "apk chose \(choice.name) \(choice.version), which no verified index lists")
    }

    // MARK: The minirootfs

    private func minirootfs() async throws -> Lockfile.Alpine {
        let folder = "\(base.branch)/releases/\(Self.architecture)"
        let release = base.release.split(separator: ".").count > 2 ? base.release : try await newestRelease(in: folder)
        let path = "\(folder)/alpine-minirootfs-\(release)-\(Self.architecture).tar.gz"
        let bytes = try await fetcher.newestAlpine(path, limit: Self.largestMinirootfs)
        let input = Lockfile.Input(path: path, of: bytes)
        if let pinned = base.minirootfs, pinned != input.sha256 {
            throw ResolutionError.malformed(
                "\(path): wrong bytes: sha256 \(input.sha256), where the manifest says \(pinned)")
        }
        _ = try store.keep(bytes)
        return Lockfile.Alpine(release: release, minirootfs: input)
    }

    /// The newest point release of the branch: by the list that Alpine publishes, or by what a folder holds.
    private func newestRelease(in folder: String) async throws -> String {
        let names: [String]
        do {
            let list = try await fetcher.newestAlpine("\(folder)/latest-releases.yaml", limit: 1 << 20)
            names = String(decoding: list, as: UTF8.self).split { $0 == "\n" || $0 == " " }.map(String.init)
        } catch {
            names = fetcher.alpineNames(in: folder)
            if names.isEmpty { throw error }
        }
        let (prefix, suffix) = ("alpine-minirootfs-\(base.release).", "-\(Self.architecture).tar.gz")
        let points = names.compactMap { name in
            name.hasPrefix(prefix) && name.hasSuffix(suffix)
                ? Int(name.dropFirst(prefix.count).dropLast(suffix.count)) : nil
        }
        guard let newest = points.max() else {
            throw ResolutionError.malformed(
                "no minirootfs of Alpine \(base.release) is in \(folder); name a point release, as '\(base.release).0'")
        }
        return "\(base.release).\(newest)"
    }

    // MARK: Signatures

    private func trustedKeys(minirootfs: [UInt8], name: String) throws -> [AlpineKey] {
        try keys.isEmpty ? Self.ownKeys(minirootfs: minirootfs, name: name) : keys(of: keys)
    }

    private func keys(of inputs: [Lockfile.Input]) throws -> [AlpineKey] {
        try inputs.map { input in
            guard let bytes = try store.bytes(of: input) else {
                throw ResolutionError.inputsMissing([input.path], store: store.directory)
            }
            return AlpineKey(name: String(input.path.split(separator: "/").last ?? ""), bytes: bytes)
        }
    }

    /// What a minirootfs's apk was asked for.
    static func world(minirootfs: [UInt8], name: String) throws -> [String] {
        try text("etc/apk/world", of: minirootfs, name: name).split { $0.isWhitespace }.map(String.init)
    }

    /// The versions of a minirootfs's packages by name.
    static func installed(minirootfs: [UInt8], name: String) throws -> [String: String] {
        let bytes = try text("lib/apk/db/installed", of: minirootfs, name: name).utf8
        return Dictionary(
            ApkInstalled(bytes).packages.filter { !$0.version.isEmpty }.map { ($0.name, $0.version) }
        ) { $1 }
    }

    private static func text(_ path: String, of minirootfs: [UInt8], name: String) throws -> String {
        let tar = try ArchiveContents.bytes(of: minirootfs, name: name)
        let entries = try ArchiveContents.files(tar, name: name) { $0 == path || $0 == "./\(path)" }
        return String(decoding: entries.first?.bytes ?? [], as: UTF8.self)
    }

    /// The keys that a minirootfs has.
    static func ownKeys(minirootfs: [UInt8], name: String) throws -> [AlpineKey] {
        do { return try AlpineKey.all(inMinirootfs: minirootfs) } catch let error as ArchiveError {
            throw ResolutionError.malformed("\(name) can't be read: \(error)")
        }
    }

    /// An index and the key that signed it.
    /// - Throws: `ResolutionError.signature` when none of the trusted ones did.
    static func verifiedIndex(_ bytes: [UInt8], path: String, trusted: [AlpineKey]) throws -> (AlpineIndex, AlpineKey) {
        let signed = try AlpineSigned(bytes, name: path)
        guard let key = trusted.first(where: { $0.name == signed.keyName }) else {
            throw ResolutionError.signature(
                suite: path,
                reason: "it is signed by \(signed.keyName); trusted are "
                    + (trusted.isEmpty ? "none" : trusted.map(\.name).sorted().joined(separator: ", ")))
        }
        guard signed.isSigned(by: key.bytes) else {
            throw ResolutionError.signature(suite: path, reason: "bad signature by \(signed.keyName)")
        }
        // What follows the signed part would be read and is signed by nobody.
        guard signed.streams.count == 1 else {
            throw ResolutionError.signature(suite: path, reason: "it has parts that the signature doesn't cover")
        }
        return (try AlpineIndex(stream: signed.streams[0], name: path), key)
    }
}

extension TargetPrograms {
    /// The names and versions that the minirootfs's apk chooses for a base's world from its indexes, without network.
    /// - Parameter held: Versions to hold, by name.
    func alpineChoice(
        for alpine: Lockfile.Alpine, sourceDateEpoch: Int, holding held: [String: String], name: String
    ) async throws -> [PackageChoice] {
        try await ask(.alpine(alpine, sourceDateEpoch: sourceDateEpoch, holding: held), for: name, use: \.choices)
    }
}

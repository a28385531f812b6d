import ContentHash
import Glibc
import Host
import InputStore
import Mirrors
import RuntimeSpec
import Synchronization

/// A suite at one moment, verified: signature, then Release, then each index by its SHA-256.
struct ArchiveState: Sendable {
    /// As it stands in the lock.
    var archive: Lockfile.Archive
    /// Seconds since 1970-01-01 UTC.
    let date: Int
    let releaseText: String
    /// Whether apt takes packages from it that nobody asked for from it.
    let isAutomatic: Bool
    private let automaticFields: String
    /// What the Release calls itself where that isn't the suite that was asked for.
    let otherNames: [String]
    /// When the key that signed it expired, if it has by now: seconds since 1970-01-01 UTC.
    let keyExpiry: Int?
    /// In the order of `archive.indexes`.
    private(set) var indexes: [PackageIndex]
    private let indexBytes: [[UInt8]]
    /// Whether it has less than what was served.
    private(set) var isPartial = false

    /// The same without some packages.
    /// - Parameter names: Those that are looked at.
    func without(_ names: some Sequence<String>, where isExcluded: (PackageIndex.Stanza) -> Bool) -> ArchiveState {
        var other = self
        for (number, index) in indexes.enumerated() {
            guard let less = index.without(names, where: isExcluded) else { continue }
            (other.indexes[number], other.isPartial) = (less, true)
        }
        return other
    }

    /// The entry of a package, in any component.
    func stanza(named name: String, version: String, architecture: String) -> PackageIndex.Stanza? {
        indexes.lazy.compactMap { $0.stanza(named: name, version: version, architecture: architecture) }.first
    }

    /// Lays the verified files out as an archive, for apt to read.
    /// - Parameter label: What apt shall call one that isn't Debian's.
    /// - Returns: What stands behind the archive's place in a line of sources.list(5).
    func write(to base: String, label: String) throws -> String {
        if archive.thirdParty == nil, !isPartial {
            try writeAsServed(to: base)
            return "\(archive.suite) \(archive.components.joined(separator: " "))"
        }
        // Only what may come from it, under a name that a pin can mean: Releases of two archives may say the same of both.
        let packages = Array(indexes.map(\.text).joined())
        try Folder.create(base)
        try AtomicFile.write(packages, to: "\(base)/Packages")
        let names =
            if archive.thirdParty != nil {
                "Origin: \(label)\nLabel: \(label)\nSuite: \(archive.suite)\nCodename: \(label)\n"
            } else {
                releaseText.split(separator: "\n").filter { line in
                    ["Origin:", "Label:", "Suite:", "Codename:"].contains { line.hasPrefix($0) }
                }.map { "\($0)\n" }.joined()
            }
        let lines =
            names + (archive.thirdParty?.prefer == nil ? automaticFields : "")
            + "Date: Thu, 01 Jan 1970 00:00:00 UTC\nSHA256:\n \(Digest.of(packages)) \(packages.count) Packages\n"
        try AtomicFile.write(lines, to: "\(base)/Release")
        return "./"
    }

    private func writeAsServed(to base: String) throws {
        let folder = "\(base)/dists/\(archive.suite)"
        try Folder.create(folder)
        try AtomicFile.write(releaseText, to: "\(folder)/Release")
        for (index, bytes) in zip(archive.indexes, indexBytes) {
            let path = "\(folder)/\(index.path)"
            try Folder.create(Paths.parent(of: path))
            try AtomicFile.write(bytes, to: path)
        }
    }

    static func path(of suite: String, _ name: String = "InRelease") -> String {
        Lockfile.Archive.folder(ofSuite: suite) + name
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
                bytes, suite: archive.suite, shown: archive.shown, signers: try archive.signers(from: store),
                isThirdParty: archive.thirdParty != nil, signature: signature, allowExpired: true)
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
        if try archive.indexes != release.packageIndexes(ofSuite: archive.suite, components: archive.components) {
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
        try await fetcher.fetch(release.map { RemoteInput($0, of: archive) })
        try await fetchIndexes(of: archive, byHash: true, fetcher: fetcher)
    }

    /// By hash first: a mirror that is being updated then still serves the index that the Release means.
    static func fetchIndexes(of archive: Lockfile.Archive, byHash: Bool, fetcher: Fetcher) async throws {
        func wanted(_ path: (Lockfile.Input) -> String) -> [RemoteInput] {
            archive.indexes.map { index in
                let path = Self.path(of: archive.suite, path(index))
                return RemoteInput(.init(path: path, size: index.size, sha256: index.sha256), of: archive)
            }
        }
        let plain = wanted(\.path)
        guard byHash else { return try await fetcher.fetch(plain) }
        do {
            try await fetcher.fetch(
                wanted { index in
                    let folder = index.path.contains("/") ? "\(Paths.parent(of: index.path))/" : ""
                    return "\(folder)by-hash/SHA256/\(index.sha256)"
                })
        } catch FetchError.unavailable {
            try await fetcher.fetch(plain)
        }
    }

    init(
        archive: Lockfile.Archive, release: ReleaseFile, releaseText: String, keyExpiry: Int?, store: Store
    ) throws {
        let inputs = archive.indexes
        let parsed = Mutex<[(bytes: [UInt8], index: PackageIndex)?]>(Array(repeating: nil, count: inputs.count))
        try concurrently(inputs.count) { number in
            let input = inputs[number]
            guard let bytes = try store.bytes(of: input) else {
                throw ResolutionError.inputsMissing([input.path], store: store.directory)
            }
            let index = try PackageIndex(
                text: try ArchiveContents.bytes(of: bytes, name: input.path), name: input.path,
                only: archive.thirdParty.map { .init(names: $0.packages.map(Set.init)) })
            parsed.withLock { $0[number] = (bytes, index) }
        }
        let (indexes, indexBytes) = parsed.withLock { ($0.compactMap { $0?.index }, $0.compactMap { $0?.bytes }) }
        (self.archive, self.date, self.releaseText) = (archive, release.date, releaseText)
        (isAutomatic, automaticFields, otherNames) = (
            release.isAutomatic || archive.thirdParty?.prefer != nil, release.automaticFields, release.otherNames
        )
        self.keyExpiry = keyExpiry
        (self.indexes, self.indexBytes) = (indexes, indexBytes)
    }
}

import ContentHash
import Glibc
import Host
import RuntimeSpec

/// The files that a manifest names: those beside it, and those of the web whose bytes it pins.
struct ManifestFiles {
    let manifest: Manifest
    let directory: String

    /// More bytes than this are no file for an image.
    static let largest = 4 << 30

    /// What the files are.
    struct Found {
        var files: [Lockfile.File] = []
        /// A tarball base's archive.
        var tarball: Lockfile.Input?
        /// Keys that may sign an Alpine index, by file name.
        var keys: [Lockfile.Input] = []

        /// What a lock names its manifest by.
        func sha256(with manifest: Manifest) -> String {
            let inputs = files.map(\.source) + [tarball].compactMap { $0 } + keys
            let hashes = inputs.map { "\($0.sha256)  \($0.path)\n" }.joined()
            return Digest.of(Array((manifest.canonicalText + "\n" + hashes).utf8)).hex
        }
    }

    /// Each file with its size and SHA-256.
    /// - Parameters:
    ///   - keep: Gets a file's bytes and returns their digest.
    ///   - download: The bytes behind a URL; nil to believe the manifest, where only its hash is asked for.
    func files(
        keep: ([UInt8]) throws -> Digest, download: (String) async throws -> [UInt8]
    ) async throws -> Found {
        var found = Found()
        for file in manifest.files {
            found.files.append(
                Lockfile.File(
                    target: file.target, mode: file.mode, source: try await input(file.source, keep, download)))
        }
        if let tarball = manifest.tarball { found.tarball = try await input(tarball, keep, download) }
        for key in manifest.alpine?.keys ?? [] { found.keys.append(try await input(.beside(key), keep, download)) }
        return found
    }

    private func input(
        _ source: FileSource, _ keep: ([UInt8]) throws -> Digest, _ download: (String) async throws -> [UInt8]
    ) async throws -> Lockfile.Input {
        let bytes: [UInt8]
        switch source {
        case .beside(let path):
            do {
                bytes = try SmallFile.bytes("\(directory)/\(path)", limit: Self.largest)
            } catch { throw ResolutionError.fileUnreadable("\(directory)/\(path)") }
        case .web(let url, let sha256):
            bytes = try await download(url)
            let digest = Digest.of(bytes).hex
            guard digest == sha256 else {
                throw ResolutionError.malformed(
                    "\(url): wrong bytes: \(bytes.count) bytes, sha256 \(digest), where the manifest says \(sha256)")
            }
        }
        return Lockfile.Input(path: source.path, size: bytes.count, sha256: try keep(bytes).hex)
    }
}

/// Whether a manifest and a lock belong together, decided offline.
public enum LockCheck {
    /// Whether what a lock repeats of its manifest is the manifest's still: a lock that was edited isn't its.
    private static func repeats(_ manifest: Manifest, _ found: ManifestFiles.Found, _ lock: Lockfile) -> Bool {
        let tarball = manifest.alpine?.minirootfs.map { $0 == lock.tarball?.sha256 } ?? true
        return lock.name == manifest.name && lock.system == manifest.system && lock.files == found.files
            && lock.steps == manifest.steps && lock.prune == manifest.prune && lock.allowed == manifest.allowed
            && (lock.selection == nil || lock.selection == manifest.selection)
            && lock.image == manifest.image && lock.python?.packages == manifest.python
            && lock.initProgram == manifest.initProgram && tarball
            && (manifest.system != .tarball || lock.tarball == found.tarball)
            && (manifest.system != .alpine || lock.alpine.world == manifest.packages)
    }

    /// A lock of format 1 with what its manifest asks for, and nothing moved.
    /// - Throws: `ResolutionError.stale` when the lock was made from another manifest or other files.
    public static func upgraded(
        _ lock: Lockfile, to manifest: Manifest, directory: String, manifestPath: String, lockPath: String
    ) async throws -> Lockfile {
        var lock = lock
        lock.version = Lockfile.newestVersion
        if manifest.system == .debian, lock.selection == nil { lock.selection = manifest.selection }
        try await check(
            manifest, directory: directory, manifestPath: manifestPath, lock: lock, lockPath: lockPath)
        return lock
    }

    /// - Throws: `ResolutionError.stale` when the lock was made from another manifest or other files, `.selectionUnknown`
    ///   when all that it says is the manifest's and it doesn't say what was asked for.
    public static func check(
        _ manifest: Manifest, directory: String, manifestPath: String, lock: Lockfile, lockPath: String
    ) async throws {
        // What the web serves is pinned in the manifest itself: its text tells whether it is the same.
        var local = manifest
        let web = Dictionary(
            (lock.files.map(\.source) + [lock.tarball].compactMap { $0 }).filter(\.isWeb).map { ($0.path, $0) },
            uniquingKeysWith: { first, _ in first })
        local.files.removeAll { if case .web = $0.source { true } else { false } }
        if case .web = manifest.tarball { local.tarball = nil }
        var found = try await ManifestFiles(manifest: local, directory: directory).files(
            keep: { .of($0) }, download: { _ in [] })
        func pinned(_ source: FileSource?) -> Lockfile.Input? {
            guard case .web(let url, let sha256) = source else { return nil }
            return web[url].flatMap { $0.sha256 == sha256 ? $0 : nil }
                ?? Lockfile.Input(path: url, size: 0, sha256: sha256)
        }
        var rest = found.files.makeIterator()
        found.files = manifest.files.compactMap { file in
            pinned(file.source).map { Lockfile.File(target: file.target, mode: file.mode, source: $0) } ?? rest.next()
        }
        if found.tarball == nil { found.tarball = pinned(manifest.tarball) }
        guard found.sha256(with: manifest) == lock.manifestSHA256, repeats(manifest, found, lock) else {
            throw ResolutionError.stale(manifest: manifestPath, lock: lockPath)
        }
        if lock.system == .debian, lock.selection == nil { throw ResolutionError.selectionUnknown }
    }
}

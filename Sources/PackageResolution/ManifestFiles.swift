import ContentHash
import Glibc
import Host
import InputStore
import RuntimeSpec

/// The files that a manifest names: those beside it, and those of the web whose bytes it pins.
struct ManifestFiles {
    /// The user's own.
    let files: [Lockfile.File]
    /// What its folders hold.
    let trees: [Lockfile.Tree]
    /// A tarball base's archive.
    let tarball: Lockfile.Input?
    /// Keys that may sign an Alpine index, by file name.
    let keys: [Lockfile.Input]
    /// The key of each archive of other people that has a file with it, by the archive's name.
    let archiveKeys: [String: Lockfile.Input]
    /// The key of each Alpine repository that has one of its own, by the repository's name.
    let repositoryKeys: [String: Lockfile.Input]
    /// Debian packages of the user's own.
    let packages: [Lockfile.Input]
    /// What is asked of Python's packages, its file's requirements with it.
    let python: PythonPackages?
    /// Wheels of the user's own.
    let wheels: [Lockfile.Input]
    private let requirementsFile: Lockfile.Input?

    /// More bytes than this are no file for an image.
    static let largest = 4 << 30

    /// - Parameters:
    ///   - directory: The manifest's folder.
    ///   - input: What a source's bytes are.
    ///   - list: What a folder holds.
    /// - Throws: `SpecError.inconsistent` where what a folder holds can't be where it would be.
    init(
        of manifest: Manifest, in directory: String, input: (FileSource) async throws -> Lockfile.Input,
        list: (TreeSource) throws -> TreeList
    ) async throws {
        var files: [Lockfile.File] = []
        for file in manifest.files {
            files.append(
                Lockfile.File(
                    target: file.target, mode: file.mode, source: try await input(file.source),
                    ownership: file.ownership))
        }
        let lists = try manifest.trees.map(list)
        if !lists.isEmpty { try manifest.check(lists, file: "the manifest") }
        trees = zip(manifest.trees, lists).map { Lockfile.Tree(source: $0, list: $1) }
        var keys: [Lockfile.Input] = []
        for key in manifest.alpine?.keys ?? [] { keys.append(try await input(.beside(key))) }
        if case .tarball(let source) = manifest.base { tarball = try await input(source) } else { tarball = nil }
        var archiveKeys: [String: Lockfile.Input] = [:]
        for archive in manifest.archives {
            if case .file(let path) = archive.key { archiveKeys[archive.name] = try await input(.beside(path)) }
        }
        var repositoryKeys: [String: Lockfile.Input] = [:]
        for other in manifest.alpine?.others ?? [] {
            if let key = other.key { repositoryKeys[other.name] = try await input(.beside(key)) }
        }
        var packages: [Lockfile.Input] = []
        for path in manifest.packageFiles { packages.append(try await input(.beside(path))) }
        var wheels: [Lockfile.Input] = []
        for path in manifest.python?.wheels ?? [] { wheels.append(try await input(.beside(path))) }
        if let python = manifest.python, let path = python.requirementsFile {
            let bytes = try Self.bytes(of: path, in: directory)
            requirementsFile = Lockfile.Input(path: path, of: bytes)
            let lines = try RequirementsFile.requirements(bytes, name: "\(directory)/\(path)")
            if lines.isEmpty { throw ResolutionError.malformed("\(directory)/\(path) asks for nothing") }
            self.python = python.adding(lines)
        } else {
            (self.python, requirementsFile) = (manifest.python, nil)
        }
        (self.files, self.keys) = (files, keys)
        (self.archiveKeys, self.repositoryKeys) = (archiveKeys, repositoryKeys)
        (self.packages, self.wheels) = (packages, wheels)
    }

    /// What a lock names its manifest by.
    func sha256(with manifest: Manifest) -> Digest {
        let inputs =
            files.compactMap(\.own) + trees.map(\.list) + [tarball].compactMap { $0 } + keys
            + manifest.archives.compactMap { archiveKeys[$0.name] } + packages + wheels
            + [requirementsFile].compactMap { $0 }
            + (manifest.alpine?.others ?? []).compactMap { repositoryKeys[$0.name] }
        let hashes = inputs.map { "\($0.sha256)  \($0.path)\n" }.joined()
        return Digest.of(Array((manifest.canonicalText + "\n" + hashes).utf8))
    }

    /// The bytes of a file in the manifest's folder.
    static func bytes(of path: String, in directory: String) throws -> [UInt8] {
        var status = stat()
        if stat("\(directory)/\(path)", &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            throw ResolutionError.malformed(
                "\(directory)/\(path) is a folder; to copy what it holds, write source = \"\(path)/\"")
        }
        do {
            return try SmallFile.bytes("\(directory)/\(path)", limit: largest)
        } catch { throw ResolutionError.fileUnreadable("\(directory)/\(path)") }
    }
}

/// Whether a manifest and a lock belong together, decided offline.
public enum LockCheck {
    /// Whether what a lock repeats of its manifest is the manifest's still: a lock that was edited isn't its.
    private static func repeats(_ manifest: Manifest, _ found: ManifestFiles, _ lock: Lockfile) -> Bool {
        let contents = lock.contents
        return lock.name == manifest.name && repeatsBase(manifest, found, lock) && contents.ownFiles == found.files
            && contents.steps == manifest.steps && contents.prune == manifest.prune
            && contents.allowed == manifest.allowed && contents.image == manifest.image
            && repeatsPackages(manifest, found, lock)
            && contents.trees == found.trees && contents.links == manifest.links && contents.folders == manifest.folders
            && contents.python?.packages == found.python
            && (contents.python?.ownWheels ?? []) == found.wheels
            && contents.initScript?.program == manifest.initProgram
    }

    /// Other people's archives, and the user's own packages.
    private static func repeatsPackages(_ manifest: Manifest, _ found: ManifestFiles, _ lock: Lockfile) -> Bool {
        let own = lock.packages.filter { $0.archive == nil }.map(\.file)
        return Set(own) == Set(found.packages)
            && manifest.archives.allSatisfy { archive in
                lock.thirdPartyArchives.contains { $0.repeats(archive, key: found.archiveKeys[archive.name]) }
            }
            && lock.thirdPartyArchives.allSatisfy { archive in
                manifest.archives.contains { archive.repeats($0, key: found.archiveKeys[$0.name]) }
            }
    }

    /// Repositories that are none of the branch. Where nothing is asked for, a lock has none.
    private static func repeatsRepositories(
        _ base: AlpineBase, _ found: ManifestFiles, _ alpine: Lockfile.Alpine
    ) -> Bool {
        let locked = alpine.repositories.filter { $0.url != nil }
        let keys = Set(found.keys.map(\.sha256))
        func isBases(_ key: Lockfile.Input) -> Bool { keys.isEmpty || keys.contains(key.sha256) }
        guard alpine.repositories.allSatisfy({ $0.url != nil || isBases($0.key) }) else { return false }
        if alpine.world.isEmpty { return locked.isEmpty }
        return locked.count == base.others.count
            && base.others.allSatisfy { other in
                locked.contains { repository in
                    repository.name == other.name && repository.url == other.url && repository.tag == other.tag
                        && (found.repositoryKeys[other.name].map { $0.sha256 == repository.key.sha256 }
                            ?? isBases(repository.key))
                }
            }
    }

    private static func repeatsBase(_ manifest: Manifest, _ found: ManifestFiles, _ lock: Lockfile) -> Bool {
        switch (lock.base, manifest.base) {
        case (.debian(let debian), .debian): debian.selection == nil || debian.selection == manifest.selection
        case (.alpine(let alpine), .alpine(let base)):
            alpine.world == manifest.packages && repeatsRepositories(base, found, alpine)
                && (base.minirootfs.map { $0 == alpine.minirootfs.sha256 } ?? true)
        case (.tarball(let input), .tarball): input == found.tarball
        case (.empty, .empty): true
        default: false
        }
    }

    /// A lock of format 1 with what its manifest asks for, and nothing moved.
    /// - Throws: `ResolutionError.stale` when the lock was made from another manifest or other files.
    public static func upgraded(
        _ lock: Lockfile, to manifest: Manifest, directory: String, manifestPath: String, lockPath: String
    ) async throws -> Lockfile {
        let lock = lock.upgraded(manifest.selection)
        try await check(
            manifest, directory: directory, manifestPath: manifestPath, lock: lock, lockPath: lockPath)
        return lock
    }

    /// Whether a lock was made from a manifest that had another `[init]` and nothing else otherwise.
    static func former(_ manifest: Manifest, of lock: Lockfile, directory: String) async throws -> Bool {
        let former = manifest.with(initProgram: lock.contents.initScript?.program)
        do {
            try await check(former, directory: directory, manifestPath: "", lock: lock, lockPath: "")
            return true
        } catch ResolutionError.stale { return false } catch ResolutionError.selectionUnknown { return true }
    }

    /// - Throws: `ResolutionError.stale` when the lock was made from another manifest or other files, `.selectionUnknown`
    ///   when all that it says is the manifest's and it doesn't say what was asked for.
    public static func check(
        _ manifest: Manifest, directory: String, manifestPath: String, lock: Lockfile, lockPath: String
    ) async throws {
        let web = Dictionary(
            lock.manifestInputs.filter(\.isWeb).map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        let found = try await ManifestFiles(of: manifest, in: directory) { source in
            switch source {
            case .beside(let path): Lockfile.Input(path: path, of: try ManifestFiles.bytes(of: path, in: directory))
            // What the web serves is pinned in the manifest itself: its text tells whether it is the same.
            case .web(let url, let sha256):
                web[url].flatMap { $0.sha256 == sha256 ? $0 : nil }
                    ?? Lockfile.Input(path: url, size: 0, sha256: sha256)
            }
        } list: {
            try TreeReader.list($0, in: directory)
        }
        guard found.sha256(with: manifest) == lock.manifestSHA256, repeats(manifest, found, lock) else {
            throw ResolutionError.stale(manifest: manifestPath, lock: lockPath)
        }
        if let debian = lock.debian, debian.selection == nil { throw ResolutionError.selectionUnknown }
    }
}

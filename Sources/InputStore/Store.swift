import ContentHash
import Glibc
import Host
import RuntimeSpec

/// Verified inputs on disk, each named by its SHA-256.
///
///     objects/ab/abcdef…   an input, read-only; its access time is that of its last use
///     work                 build trees, each under a lock while its build lives
///     uses                 who uses which objects now (`StoreUse`)
///
/// What a name says of a file is not believed: `verified` hashes it again.
public struct Store: Sendable {
    /// Its absolute path.
    public let directory: String

    /// Opens the store, creating its folders.
    public init(directory: String) throws {
        self.directory = Paths.absolute(directory)
        try Folder.create("\(self.directory)/objects")
        try Folder.create("\(self.directory)/work")
    }

    /// A store that is there, for reading.
    public init(existing directory: String) { self.directory = directory }

    /// `$XDG_CACHE_HOME/rtverify`, or `~/.cache/rtverify` (XDG Base Directory Specification).
    public static func defaultDirectory(environment: (String) -> String?) -> String {
        if let cache = environment("XDG_CACHE_HOME"), cache.hasPrefix("/") { return "\(cache)/rtverify" }
        return "\(environment("HOME") ?? "/root")/.cache/rtverify"
    }

    /// Where build trees lie.
    public var workDirectory: String { "\(directory)/work" }

    /// An object's place in a store, in a bundle and on a mirror of objects: `objects/ab/abcd…`. The one place that says it.
    public static func place(of sha256: Digest) -> String { "objects/\(sha256.hex.prefix(2))/\(sha256)" }

    /// An object's path.
    public func path(of sha256: Digest) -> String { "\(directory)/\(Self.place(of: sha256))" }

    private func objectDirectory(of sha256: Digest) -> String { Paths.parent(of: path(of: sha256)) }

    /// What hashing an object again showed.
    public enum State: Sendable {
        /// It is there with its bytes, or it isn't there.
        case present, absent
        /// It is no longer what its name says, and what it is.
        case changed(reason: String)
    }

    /// Hashes an object again.
    /// - Parameter isUse: Whether it is going to be used, which is written down.
    /// - Throws: `StoreError.untrueSize` when its bytes are right, and the input says another size of them: then the input
    ///   would be fetched nowhere.
    public func state(of input: Lockfile.Input, isUse: Bool = true) throws -> State {
        let path = path(of: input.sha256)
        let descriptor = RegularFile.open(path)
        if descriptor < 0 {
            switch errno {
            case ENOENT: return .absent
            case EINVAL, ELOOP, ENXIO: return .changed(reason: "is no file any more")
            default: throw SystemError("cannot read \(path)", errno)
            }
        }
        defer { close(descriptor) }
        var status = stat()
        fstat(descriptor, &status)
        let found = try sha256(ofDescriptor: descriptor, name: path)
        guard found == input.sha256 else {
            return .changed(reason: "has changed on disk (its bytes now hash to \(found))")
        }
        guard Int(status.st_size) == input.size else {
            throw StoreError.untrueSize(input, found: Int(status.st_size))
        }
        Self.setLastUse(of: descriptor, isUse ? nil : status.st_atim, status)
        return .present
    }

    /// Writes down when an object was used last: its access time, which file systems keep by themselves some way or other. One
    /// that isn't this user's stays as it is.
    /// - Parameter time: nil for now.
    private static func setLastUse(of descriptor: CInt, _ time: timespec?, _ status: stat) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        _ = futimens(descriptor, [time ?? now, status.st_mtim])
    }

    /// Forgets an object.
    /// - Returns: Whether it is gone.
    @discardableResult
    public func remove(_ sha256: Digest) -> Bool {
        let path = path(of: sha256)
        return unlink(path) == 0 || errno == ENOENT || (errno == EISDIR && rmdir(path) == 0)
    }

    /// A new file that can become an object.
    public func newObject(sha256: Digest) throws -> AtomicFile {
        let folder = objectDirectory(of: sha256)
        try Folder.create(folder)
        return try AtomicFile(directory: folder, mode: 0o444)
    }

    /// A new file that can become an object when its bytes are known.
    func newObject() throws -> AtomicFile { try AtomicFile(directory: "\(directory)/objects", mode: 0o444) }

    /// Keeps a file whose bytes were hashed while they were written.
    public func keep(_ file: AtomicFile, sha256: Digest) throws {
        try Folder.create(objectDirectory(of: sha256))
        // It is hashed at each use: a crash that takes its bytes is found.
        try file.publish(as: path(of: sha256), syncing: false)
    }

    /// Keeps bytes at hand.
    public func keep(_ bytes: [UInt8]) throws -> Digest {
        let digest = Digest.of(bytes)
        let file = try newObject(sha256: digest)
        try bytes.withUnsafeBytes { try file.write($0) }
        try keep(file, sha256: digest)
        return digest
    }

    /// An object's bytes, hashed while they are read; nil when it isn't there or has changed.
    public func bytes(of input: Lockfile.Input) throws -> [UInt8]? {
        let path = path(of: input.sha256)
        let descriptor = RegularFile.open(path)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        // What the lock says of the size is a stranger's word, and as much memory.
        guard fstat(descriptor, &status) == 0, Int(status.st_size) == input.size else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(input.size)
        let digest = try sha256(ofDescriptor: descriptor, name: path) { bytes += $0 }
        return digest == input.sha256 ? bytes : nil
    }

    /// Takes an object of another store as it is; whoever uses it hashes it.
    public func link(_ sha256: Digest, from other: Store) throws {
        let file = try newObject(sha256: sha256)
        let bytes = try SmallFile.bytes(other.path(of: sha256))
        try bytes.withUnsafeBytes { try file.write($0) }
        try keep(file, sha256: sha256)
    }

    /// Copies an object, hashing what is copied.
    /// - Throws: `StoreError.changedObject`, `SystemError`.
    public func copy(_ input: Lockfile.Input, to target: String, name: String) throws {
        let source = path(of: input.sha256)
        guard try HashedFile.copy(source, to: target, name: name) == input.sha256 else {
            throw StoreError.changedObject(path: source, name: name)
        }
    }

    /// A local file as an object, when it has those bytes.
    public func adopt(_ path: String, as input: Lockfile.Input) throws -> Digest? {
        let descriptor = RegularFile.open(path)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw SystemError("cannot read \(path)", errno)
        }
        defer { close(descriptor) }
        let file = try newObject(sha256: input.sha256)
        let digest = try sha256(ofDescriptor: descriptor, name: path) { try file.write($0) }
        guard digest == input.sha256 else { return digest }
        let size = Int(lseek(descriptor, 0, SEEK_CUR))
        guard size == input.size else { throw StoreError.untrueSize(input, found: size) }
        try keep(file, sha256: input.sha256)
        return digest
    }
}

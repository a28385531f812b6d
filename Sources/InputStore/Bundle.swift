import ContentHash
import Glibc
import Host
import RuntimeSpec

/// A lock and all its inputs as one UnixFS folder, in a CAR or laid out on disk: what rebuilds an image, and verifies its lock, when
/// nobody serves it any more.
///
///     image.lock           the lock
///     keys/FINGERPRINT.pgp   the OpenPGP keys of Debian's archives that the lock lets sign
///     objects/ab/abcd…     every input, by its SHA-256
///
/// Under unixfs-v1-2025 an object of up to 1 MiB is a raw block of its own SHA-256. The root's CID follows from the lock alone.
public struct Bundle: Sendable {
    /// The lock's name in it.
    public static let lockName = "image.lock"
    /// Where keys are.
    public static let keyFolder = "keys"
    static let objectFolder = "objects"

    private let car: FolderCARReader

    /// Opens a CAR; its blocks are compared with their CIDs when they are read.
    /// - Throws: `BundleError.malformed`, `FileReadError`.
    public init(path: String) throws {
        try self.init(try InputFile(path: path))
    }

    /// The same of an open file.
    /// - Throws: `BundleError.malformed`, `FileReadError`.
    init(_ file: InputFile) throws {
        do { car = try FolderCARReader(file: file) } catch let error as CARError {
            throw BundleError(error, in: file.path)
        }
    }

    var reader: FolderCARReader { car }

    /// Its name.
    public var path: String { car.path }

    /// The CID of the folder.
    public var root: CID { car.root }

    /// The lock's text.
    /// - Throws: `BundleError`, `FileReadError`.
    public func lockText() throws -> String {
        let name = Self.lockName
        do {
            guard let cid = try car.cid(at: name) else { throw CARError.malformed("it has no \(name)") }
            guard let text = String(validating: try bytes(of: cid), as: UTF8.self) else {
                throw BundleError.malformed(path, reason: "its \(name) isn't UTF-8")
            }
            return text
        } catch let error as CARError { throw BundleError(error, in: path) }
    }

    /// Bytes of the largest lock.
    private static let largestLock = 64 << 20

    /// A small file's bytes.
    func bytes(of cid: CID) throws -> [UInt8] {
        if cid.codec == .raw { return try car.block(cid) }
        let node = try CARError.naming(cid) { [block = try car.block(cid)] () throws(UnixFSNode.Failure) in
            try UnixFSNode(codec: cid.codec, block: block)
        }
        guard node.size <= Self.largestLock else { throw CARError.malformed("a lock of \(node.size) bytes") }
        return try car.leaves(of: cid, size: node.size).flatMap { try car.block($0) }
    }

    /// Appends an object to a file, where it has it.
    /// - Returns: Whether it has it; what it has is compared with the SHA-256 that was asked for.
    /// - Throws: `BundleError.wrong`, `FileReadError`, `SystemError`.
    public func copy(_ input: Lockfile.Input, to file: AtomicFile) throws -> Bool {
        let place = Store.place(of: input.sha256)
        do {
            let raw = CID(raw: input.sha256)
            let isBlock = FolderCARReader.isOneBlock(input.size)
            guard let cid = isBlock && car.has(raw) ? raw : try car.cid(at: place) else { return false }
            var hasher = SHA256Hasher()
            try car.read(cid, size: input.size) {
                hasher.update($0)
                try file.write($0)
            }
            let found = hasher.finalize()
            guard found == input.sha256 else {
                throw BundleError.wrong(path, place: place, name: input.path, reason: "its SHA-256 is \(found)")
            }
            return true
        } catch let error as CARError {
            throw BundleError(error, in: path, place: place, name: input.path)
        }
    }
}

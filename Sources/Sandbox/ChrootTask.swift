// Not all of Host: its calls take paths of the host, and these are paths of a root, as the lock has them.
import Glibc
import enum Host.Folder
import enum Host.OpenFile
import struct Host.SystemError
import struct RuntimeSpec.Ownership

/// Something done to the tree by a child that is chrooted into it, so that links are followed inside the root and
/// none leads out.
public enum ChrootTask: Codable, Sendable {
    /// Unpacks the data of prepared packages, `NAME` at `/.rtverify/NAME.deb`.
    case extract([String])
    /// Says on standard output how many of these prepared packages, from the first on, can be unpacked without dpkg.
    case examine([String])
    /// Puts a prepared package's control files where dpkg has them while it runs its preinst.
    case showControl(String)
    /// Does what `dpkg --unpack` would with those of these prepared packages, from the first on, for which that is known, and says
    /// on standard output how many they are, and `heard` where packages wait for what they activate. Their preinsts have run.
    case unpack([String])
    /// Brings a tree that was kept into a fresh root, or one layer of it over another.
    case restore(KeptLayer)
    /// Unpacks a tar archive of the root's, compressed or not.
    case extractTarball(String)
    /// Moves a file of the private folder to its place, with the folders above it.
    case install(name: String, path: String, mode: Int, ownership: Ownership)
    /// Makes a folder, with those above it. One that is there stays as it is unless it is named: then it gets mode and owner.
    case makeFolder(path: String, mode: Int, ownership: Ownership, isNamed: Bool)
    /// Makes a symbolic link, with the folders above it.
    case makeLink(path: String, to: String, ownership: Ownership)
    /// Writes a file, with the folders above it.
    case write(path: String, mode: Int, bytes: [UInt8])
    /// Writes a file, unless something of that name is there; with `kept`, unless that is a file that holds one of these.
    case writeUnlessThere(path: String, mode: Int, bytes: [UInt8], kept: [[UInt8]]?)
    /// Writes lines behind those that a file has; where there is none, a file with them.
    case append(path: String, bytes: [UInt8])
    /// Says on standard output, with the reason, that what is at a path goes, unless it has just these bytes, or there is nothing.
    case note(path: String, unless: [[UInt8]], reason: String)
    /// The same of the entries of a folder whose names begin and end so.
    case noteEntries(of: String, prefix: String, suffix: String, reason: String)
    /// Empties a folder, or removes what isn't one. What isn't there is no error.
    case prune(String)
    /// Empties a folder; a link to one stays as it is.
    case emptyFolder(String)
    /// Removes a path and all below it. What isn't there is no error.
    case remove(String)
    /// Removes the entries of a folder whose names begin and end so.
    case removeEntries(of: String, prefix: String, suffix: String)
}

/// The child's side: `chroot`, then one task after the other.
public enum ChrootTaskRunner {
    /// Does them in their order. Throws `SystemError` and its like at the first that fails.
    public static func run(_ tasks: [ChrootTask], root: String) throws {
        try RootEntry.enter(root)
        umask(0o022)
        for task in tasks { try run(task) }
    }

    private static func run(_ task: ChrootTask) throws {
        switch task {
        case .extract(let names):
            for name in names {
                let deb = try PreparedDeb(inRoot: name)
                try withExtendedLifetime(deb) {
                    try ArchiveUnpacking(package: name).unpack(deb.dataSource, isCompressed: false)
                }
            }
        case .examine(let names): say("\(try PackagePlacement(names).count)")
        case .showControl(let name): try PackagePlacement.showControl(of: PreparedDeb(inRoot: name))
        case .unpack(let names):
            let placement = try PackagePlacement(names)
            let isHeard = try placement.run()
            say("\(placement.count)\(isHeard ? " heard" : "")")
        case .restore(let layer): try layer.restore()
        case .extractTarball(let path):
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw SystemError("cannot read \(path) in the root", errno) }
            defer { close(descriptor) }
            var status = stat()
            fstat(descriptor, &status)
            try ArchiveUnpacking(package: "the base's tarball", isWholeSystem: true).unpack(
                .file(descriptor, offset: 0, size: Int(status.st_size)), isCompressed: true)
        case .install(let name, let path, let mode, let ownership):
            try makeFolders(above: path)
            // A link of that name is replaced, not followed: the manifest names this path.
            guard rename("\(Root.privateFolder)/\(name)", path) == 0 else {
                throw SystemError("cannot write \(path) in the root", errno)
            }
            // Before the mode: a new owner takes set-user-id away (chown(2)).
            try RootOwners.give(path, to: ownership)
            guard chmod(path, mode_t(mode)) == 0 else { throw SystemError("cannot write \(path) in the root", errno) }
        case .makeFolder(let path, let mode, let ownership, let isNamed):
            try makeFolder(path, mode, ownership, isNamed: isNamed)
        case .makeLink(let path, let to, let ownership):
            try makeFolders(above: path, asOwn: true)
            unlink(path)
            guard symlink(to, path) == 0 else { throw SystemError("cannot make the link \(path) in the root", errno) }
            try RootOwners.give(path, to: ownership)
        case .write(let path, let mode, let bytes):
            try write(bytes, to: path, mode: mode)
        case .append(let path, let bytes):
            switch Found(path) {
            case .nothing: try write(bytes, to: path, mode: 0o644)
            case .file(let text) where text.count < Found.limit:
                try write(text + (text.isEmpty || text.last == 10 ? [] : [10]) + bytes, to: path, mode: 0o644)
            case .file, .other: throw SystemError("cannot add lines to \(path) in the root", EFBIG)
            }
        case .writeUnlessThere(let path, let mode, let bytes, let kept):
            let found = Found(path)
            if found.isNothing || kept.map(found.isOther) == true { try write(bytes, to: path, mode: mode) }
        case .note(let path, let unless, let reason):
            if Found(path).isOther(than: unless) { say("\(path): \(reason)") }
        case .noteEntries(let folder, let prefix, let suffix, let reason):
            for name in names(in: folder) {
                let text = String(decoding: name.map(UInt8.init(bitPattern:)), as: UTF8.self)
                if text.hasPrefix(prefix), text.hasSuffix(suffix) { say("\(folder)/\(text): \(reason)") }
            }
        case .prune(let path):
            var status = stat()
            guard lstat(path, &status) == 0 else { return }
            if status.st_mode & S_IFMT == S_IFDIR {
                for name in names(in: path) { try remove(path.utf8CString.dropLast() + [0x2f] + name) }
            } else {
                try remove(Array(path.utf8CString.dropLast()))
            }
        case .emptyFolder(let path):
            var status = stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return }
            for name in names(in: path) { try remove(path.utf8CString.dropLast() + [0x2f] + name) }
        case .remove(let path):
            try remove(Array(path.utf8CString.dropLast()))
        case .removeEntries(let folder, let prefix, let suffix):
            for name in names(in: folder) {
                let text = String(decoding: name.map(UInt8.init(bitPattern:)), as: UTF8.self)
                if text.hasPrefix(prefix), text.hasSuffix(suffix) {
                    try remove(folder.utf8CString.dropLast() + [0x2f] + name)
                }
            }
        }
    }

    private static func say(_ line: String) { try? OpenFile.write(Array("\(line)\n".utf8), to: STDOUT_FILENO) }

    /// What is at a path, as far as it matters here.
    private enum Found {
        case nothing, other
        /// The bytes of a small file.
        case file([UInt8])

        static let limit = 1 << 16

        init(_ path: String) {
            var status = stat()
            guard lstat(path, &status) == 0 else {
                self = .nothing
                return
            }
            let descriptor =
                status.st_mode & S_IFMT == S_IFREG ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1
            defer { close(descriptor) }
            let bytes =
                descriptor < 0
                ? nil : try? OpenFile.bytes(descriptor, at: 0, count: min(Int(status.st_size), Self.limit))
            self = bytes.map { .file($0) } ?? .other
        }

        /// Whether it is there, and is no file that holds one of these.
        func isOther(than contents: [[UInt8]]) -> Bool {
            switch self {
            case .nothing: false
            case .other: true
            case .file(let bytes): !contents.contains(bytes)
            }
        }

        var isNothing: Bool { if case .nothing = self { true } else { false } }
    }

    private static func write(_ bytes: [UInt8], to path: String, mode: Int) throws {
        func fail() -> SystemError { SystemError("cannot write \(path) in the root", errno) }
        try makeFolders(above: path)
        // A link of that name is replaced, not followed: the manifest names this path.
        unlink(path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw fail() }
        defer { close(descriptor) }
        do { try OpenFile.write(bytes, to: descriptor) } catch {
            throw SystemError("cannot write \(path) in the root", error.rawValue)
        }
        guard fchmod(descriptor, mode_t(mode)) == 0 else { throw fail() }
    }

    private static func makeFolder(_ path: String, _ mode: Int, _ ownership: Ownership, isNamed: Bool) throws {
        try makeFolders(above: path, asOwn: true)
        var status = stat()
        if mkdir(path, 0o700) != 0 {
            let reason = errno
            // A link to a folder is one, as /lib is in a merged /usr.
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw SystemError("cannot create \(path) in the root", reason)
            }
            if !isNamed { return }
        }
        try RootOwners.give(path, to: ownership, follows: true)
        guard chmod(path, mode_t(mode)) == 0 else { throw SystemError("cannot create \(path) in the root", errno) }
    }

    /// - Parameter asOwn: Whether new ones are root's and 0755 whatever the folder above hands down (mkdir(2), set-group-id).
    ///   Those above a file have it of old: its bytes are a recipe's.
    private static func makeFolders(above path: String, asOwn: Bool = false) throws {
        var parent = ""
        for part in path.split(separator: "/").dropLast() {
            parent += "/\(part)"
            guard mkdir(parent, 0o755) == 0 else {
                if errno == EEXIST { continue }
                throw SystemError("cannot create \(parent) in the root", errno)
            }
            guard asOwn else { continue }
            try RootOwners.give(parent, to: .root)
            guard chmod(parent, 0o755) == 0 else { throw SystemError("cannot create \(parent) in the root", errno) }
        }
    }

    /// The names in a folder, as the bytes they are; none where it can't be listed.
    private static func names(in path: String) -> [[CChar]] { names(in: Array(path.utf8CString.dropLast())) }

    private static func names(in path: [CChar]) -> [[CChar]] {
        ((try? Folder.byteNames(in: path.map(UInt8.init(bitPattern:)))) ?? []).map { $0.map(CChar.init(bitPattern:)) }
    }

    private static func remove(_ path: [CChar]) throws {
        var status = stat()
        guard lstat(path + [0], &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in names(in: path) { try remove(path + [0x2f] + name) }
            guard rmdir(path + [0]) == 0 || errno == EBUSY else { throw failure(path) }
        } else {
            guard unlink(path + [0]) == 0 else { throw failure(path) }
        }
    }

    private static func failure(_ path: [CChar]) -> SystemError {
        let text = String(decoding: path.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return SystemError("cannot remove \(text) in the root", errno)
    }
}

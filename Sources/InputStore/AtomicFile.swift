import CLinux
import Glibc
import Host

/// A file that has no name until it is whole: nothing half-written is ever found under its final name, and a killed
/// process leaves nothing behind.
///
/// Where the file system has no unnamed files (open(2), O_TMPFILE), a hidden one with a random name stands in, which
/// `deinit` removes.
public final class AtomicFile: @unchecked Sendable {
    /// Open for reading and writing.
    public let descriptor: CInt
    private let directory: String
    private let target: String
    private var temporaryName: String?

    /// Creates the file that will be published as `path`, in place of a file that has this name, or of the file that a link
    /// of this name leads to: a device, a folder or a pipe is nobody's to replace.
    /// - Throws: `StoreError.noTarget`, `.system`.
    public convenience init(replacing path: String, mode: mode_t = 0o644) throws {
        var (status, target) = (stat(), path)
        if path == "-" || path.isEmpty || path.hasSuffix("/") {
            throw StoreError.noTarget(
                path, reason: path == "-" ? "a file with a name is written here" : "it is no file's name")
        }
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw StoreError.noTarget(path, reason: "something is there that is no file")
            }
            target = realPath(path) ?? path
        } else if lstat(path, &status) == 0 {
            throw StoreError.noTarget(path, reason: "a link is there that leads nowhere")
        }
        let name = target.pathBytes.split(separator: UInt8(ascii: "/")).last ?? []
        guard name.count <= 255 else { throw StoreError.system("cannot write \(path.prefix(100))…", ENAMETOOLONG) }
        try self.init(directory: Paths.parent(of: target), target: target, mode: mode)
    }

    /// Creates the file in the folder that it will be published in.
    /// - Throws: `StoreError.system`.
    public convenience init(directory: String, mode: mode_t = 0o644) throws {
        try self.init(directory: directory, target: "", mode: mode)
    }

    private init(directory: String, target: String, mode: mode_t) throws {
        (self.directory, self.target) = (directory, target)
        let unnamed = directory.withPath { rtv_open_unnamed($0, mode) }
        if unnamed >= 0 {
            descriptor = unnamed
            return
        }
        guard errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL else {
            throw StoreError.system("cannot create a file in \(directory)", errno)
        }
        let name = "\(directory)/.rtverify-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw StoreError.system("cannot create a file in \(directory)", errno) }
        temporaryName = name
    }

    deinit {
        close(descriptor)
        if let temporaryName { unlink(temporaryName) }
    }

    /// Appends bytes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StoreError.system("cannot write in \(directory)", errno) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Appends text.
    public func write(_ text: String) throws {
        try Array(text.utf8).withUnsafeBytes { try write($0) }
    }

    /// Empties the file, to begin again.
    public func reset() throws {
        guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
            throw StoreError.system("cannot empty a file in \(directory)", errno)
        }
    }

    /// Has the disk have the bytes, so that a crash leaves no empty file under a name. It may take a while, and a thread.
    public func sync() throws {
        guard fdatasync(descriptor) == 0 || errno == EINVAL || errno == EROFS else {
            throw StoreError.system("cannot write \(target.isEmpty ? "in \(directory)" : target)", errno)
        }
    }

    /// Gives the file the name that it was made for.
    /// - Parameter syncing: Whether the disk has its bytes first.
    public func publish(syncing: Bool = true) throws { try publish(as: target, syncing: syncing) }

    /// Gives the file a name in the folder that it was made in, in place of what had that name.
    func publish(as path: String, syncing: Bool) throws {
        if syncing { try sync() }
        if let temporaryName {
            guard rename(temporaryName, path) == 0 else { throw StoreError.system("cannot write \(path)", errno) }
            self.temporaryName = nil
            return
        }
        let proc = "/proc/self/fd/\(descriptor)"
        if path.withPath({ rtv_link_unnamed(proc, $0) }) == 0 { return }
        guard errno == EEXIST else { throw StoreError.system("cannot write \(path)", errno) }
        // linkat(2) replaces nothing and rename(2) needs a name, so the file gets one for an instant.
        let name = "\(directory)/.rtverify-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        guard name.withPath({ rtv_link_unnamed(proc, $0) }) == 0 else {
            throw StoreError.system("cannot write \(path)", errno)
        }
        guard rename(name, path) == 0 else {
            let reason = errno
            unlink(name)
            throw StoreError.system("cannot write \(path)", reason)
        }
    }

    /// What a stream holds, as a file without a name in the temporary folder.
    public static func spooled(descriptor: CInt) throws -> AtomicFile {
        let file = try AtomicFile(directory: temporaryDirectory)
        _ = try sha256(ofDescriptor: descriptor, name: "standard input") { try file.write($0) }
        return file
    }

    /// Appends to a file that others write to as well, or begins it.
    public static func append(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw StoreError.system("cannot write \(path)", errno) }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StoreError.system("cannot write \(path)", errno) }
            rest = rest.dropFirst(count)
        }
    }

    /// Copies a file, in place of what has the name.
    public static func copy(_ source: String, to path: String) throws {
        try AtomicFile(replacing: path).publish(copying: source)
    }

    /// Takes a file's bytes, and the name that it was made for.
    public func publish(copying source: String) throws {
        let descriptor = RegularFile.open(source)
        guard descriptor >= 0 else { throw StoreError.system("cannot read \(source)", errno) }
        defer { close(descriptor) }
        _ = try sha256(ofDescriptor: descriptor, name: source) { try write($0) }
        try publish()
    }

    /// Writes a whole file at once.
    public static func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

    /// Writes a whole file at once.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        let file = try AtomicFile(replacing: path)
        try bytes.withUnsafeBytes { try file.write($0) }
        try file.publish()
    }
}

/// Paths as text, the way the C library takes them.
public enum Paths {
    /// The folder that a path lies in: `.` for a bare name.
    public static func parent(of path: String) -> String {
        // By bytes: to Swift, a slash and a combining mark after it are one character.
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The path from the root, without looking at the file system.
    public static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        return workingDirectory().map { "\($0)/\(path)" } ?? path
    }

    /// Creates a folder and those above it.
    public static func createDirectory(_ path: String, mode: mode_t = 0o755) throws {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT else { throw StoreError.system("cannot create the folder \(path)", errno) }
        try createDirectory(parent(of: path), mode: mode)
        guard mkdir(path, mode) == 0 || errno == EEXIST else {
            throw StoreError.system("cannot create the folder \(path)", errno)
        }
    }

    /// Reads a small file whole.
    /// - Throws: `StoreError.system`; a file of more than `limit` bytes is too large (EFBIG).
    public static func readBytes(_ path: String, limit: Int = 1 << 30) throws -> [UInt8] {
        guard let file = fopen(path, "re") else { throw StoreError.system("cannot read \(path)", errno) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
            bytes += buffer[..<count]
            if bytes.count > limit { throw StoreError.system("cannot read \(path)", EFBIG) }
        }
        guard ferror(file) == 0 else { throw StoreError.system("cannot read \(path)", errno) }
        return bytes
    }

    /// The first bytes of a file; fewer where it is shorter.
    public static func head(of path: String, count: Int) throws -> [UInt8] {
        guard let file = fopen(path, "re") else { throw StoreError.system("cannot read \(path)", errno) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: count)
        bytes.removeLast(count - fread(&bytes, 1, count, file))
        return bytes
    }

    /// Reads a small text file whole.
    public static func readText(_ path: String) throws -> String {
        let bytes = try readBytes(path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw StoreError.notText(path)
        }
        return text
    }
}

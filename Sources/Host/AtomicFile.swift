import CLinux
import Glibc
import SystemPackage

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
    /// - Throws: `FileError.noTarget`, `SystemError`.
    public convenience init(replacing path: String, mode: mode_t = 0o644) throws {
        var (status, target) = (stat(), path)
        if path == "-" || path.isEmpty || path.hasSuffix("/") {
            throw FileError.noTarget(
                path, reason: path == "-" ? "a file with a name is written here" : "it is no file's name")
        }
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw FileError.noTarget(path, reason: "something is there that is no file")
            }
            target = realPath(path) ?? path
        } else if lstat(path, &status) == 0 {
            throw FileError.noTarget(path, reason: "a link is there that leads nowhere")
        }
        let name = target.pathBytes.split(separator: UInt8(ascii: "/")).last ?? []
        guard name.count <= 255 else { throw SystemError("cannot write \(path.prefix(100))…", ENAMETOOLONG) }
        try self.init(directory: Paths.parent(of: target), target: target, mode: mode)
    }

    /// Creates the file in the folder that it will be published in.
    /// - Throws: `SystemError`.
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
            throw SystemError("cannot create a file in \(directory)", errno)
        }
        let name = "\(directory)/.rtverify-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw SystemError("cannot create a file in \(directory)", errno) }
        temporaryName = name
    }

    deinit {
        close(descriptor)
        if let temporaryName { unlink(temporaryName) }
    }

    /// Appends bytes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        do { try OpenFile.write(bytes, to: descriptor) } catch {
            throw SystemError("cannot write in \(directory)", error.rawValue)
        }
    }

    /// Appends text.
    public func write(_ text: String) throws {
        try Array(text.utf8).withUnsafeBytes { try write($0) }
    }

    /// Empties the file, to begin again.
    public func reset() throws {
        guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
            throw SystemError("cannot empty a file in \(directory)", errno)
        }
    }

    /// Has the disk have the bytes, so that a crash leaves no empty file under a name. It may take a while, and a thread.
    public func sync() throws {
        guard fdatasync(descriptor) == 0 || errno == EINVAL || errno == EROFS else {
            throw SystemError("cannot write \(target.isEmpty ? "in \(directory)" : target)", errno)
        }
    }

    /// Gives the file the name that it was made for.
    /// - Parameter syncing: Whether the disk has its bytes first.
    public func publish(syncing: Bool = true) throws { try publish(as: target, syncing: syncing) }

    /// Gives the file a name in the folder that it was made in, in place of what had that name.
    public func publish(as path: String, syncing: Bool) throws {
        if syncing { try sync() }
        if let temporaryName {
            guard rename(temporaryName, path) == 0 else { throw SystemError("cannot write \(path)", errno) }
            self.temporaryName = nil
            return
        }
        let proc = "/proc/self/fd/\(descriptor)"
        if path.withPath({ rtv_link_unnamed(proc, $0) }) == 0 { return }
        guard errno == EEXIST else { throw SystemError("cannot write \(path)", errno) }
        // linkat(2) replaces nothing and rename(2) needs a name, so the file gets one for an instant.
        let name = "\(directory)/.rtverify-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        guard name.withPath({ rtv_link_unnamed(proc, $0) }) == 0 else {
            throw SystemError("cannot write \(path)", errno)
        }
        guard rename(name, path) == 0 else {
            let reason = errno
            unlink(name)
            throw SystemError("cannot write \(path)", reason)
        }
    }

    /// What a stream holds, as a file without a name in the temporary folder.
    public static func spooled(descriptor: CInt) throws -> AtomicFile {
        let file = try AtomicFile(directory: temporaryDirectory)
        try file.take(from: descriptor, name: "standard input")
        return file
    }

    /// Appends to a file that others write to as well, or begins it.
    public static func append(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemError("cannot write \(path)", errno) }
        defer { close(descriptor) }
        do { try OpenFile.write(Array(text.utf8), to: descriptor) } catch {
            throw SystemError("cannot write \(path)", error.rawValue)
        }
    }

    /// Copies a file, in place of what has the name.
    public static func copy(_ source: String, to path: String) throws {
        try AtomicFile(replacing: path).publish(copying: source)
    }

    /// Takes a file's bytes, and the name that it was made for.
    public func publish(copying source: String) throws {
        let descriptor = RegularFile.open(source)
        guard descriptor >= 0 else { throw SystemError("cannot read \(source)", errno) }
        defer { close(descriptor) }
        try take(from: descriptor, name: source)
        try publish()
    }

    /// Appends all that is left of an open file.
    private func take(from descriptor: CInt, name: String) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let count: Int
            do { count = try OpenFile.read(descriptor, into: buffer) } catch {
                throw SystemError("cannot read \(name)", error.rawValue)
            }
            try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            // A terminal's end is told once.
            if count < buffer.count { return }
        }
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

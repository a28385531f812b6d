import Glibc
import SystemPackage

/// Files that are read and written whole.
public enum SmallFile {
    /// Reads a small file.
    /// - Throws: `SystemError`; a file of more than `limit` bytes is too large (EFBIG).
    public static func bytes(_ path: String, limit: Int = 1 << 30) throws -> [UInt8] {
        try opened(path) { descriptor throws(Errno) in try OpenFile.readToEnd(descriptor, limit: limit) }
    }

    /// The first bytes of a file; fewer where it is shorter.
    /// - Throws: `SystemError`.
    public static func head(of path: String, count: Int) throws -> [UInt8] {
        try opened(path) { descriptor throws(Errno) in try OpenFile.bytes(descriptor, count: count) }
    }

    /// Reads a small text file.
    /// - Throws: `SystemError`, `FileError.notText`.
    public static func text(_ path: String) throws -> String {
        guard let text = String(validating: try bytes(path), as: UTF8.self) else { throw FileError.notText(path) }
        return text
    }

    /// Writes a file that is there or isn't, with what is to be its whole contents.
    /// - Throws: `SystemError`.
    public static func overwrite(_ path: String, with text: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw SystemError("cannot write \(path)", errno) }
        do { try OpenFile.write(Array(text.utf8), to: descriptor) } catch {
            close(descriptor)
            throw SystemError("cannot write \(path)", error.rawValue)
        }
        // Some file systems tell only now what could not be written.
        guard close(descriptor) == 0 else { throw SystemError("cannot write \(path)", errno) }
    }

    private static func opened<Value>(
        _ path: String, _ read: (CInt) throws(Errno) -> Value
    ) throws -> Value {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("cannot read \(path)", errno) }
        defer { close(descriptor) }
        do { return try read(descriptor) } catch { throw SystemError("cannot read \(path)", error.rawValue) }
    }
}

import Glibc
import SystemPackage

/// What lies in a folder.
public enum Folder {
    /// The names in a folder, in byte order; none when it isn't there.
    public static func names(in path: String) -> [String] {
        ((try? byteNames(in: path.pathBytes)) ?? []).map { String(path: $0) }
    }

    /// The names in a folder as the bytes that they are, in byte order.
    /// - Throws: The error number of opendir(3) or readdir(3).
    public static func byteNames(in path: [UInt8]) throws(Errno) -> [[UInt8]] {
        guard let stream = opendir(path.map(CChar.init(bitPattern:)) + [0]) else { throw Errno(rawValue: errno) }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw Errno(rawValue: errno) }
                return names.sorted { $0.lexicographicallyPrecedes($1) }
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != [0x2e], name != [0x2e, 0x2e] { names.append(name) }
        }
    }

    /// Bytes that this user may still write where a folder lies.
    public static func freeSpace(at path: String) -> Int {
        var status = statvfs()
        return statvfs(path, &status) == 0 ? Int(status.f_bavail) * Int(status.f_frsize) : .max
    }

    /// Creates a folder and those above it.
    /// - Throws: `SystemError`.
    public static func create(_ path: String, mode: mode_t = 0o755) throws {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT else { throw SystemError("cannot create the folder \(path)", errno) }
        try create(Paths.parent(of: path), mode: mode)
        guard mkdir(path, mode) == 0 || errno == EEXIST else {
            throw SystemError("cannot create the folder \(path)", errno)
        }
    }

    /// Removes whatever has the name, a folder with all in it, as far as that can be.
    public static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in names(in: path) { remove("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}

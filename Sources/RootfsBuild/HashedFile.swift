import ContentHash
import Glibc
import Host

/// A store object, hashed while it is used.
enum HashedFile {
    /// Opens a store object: one that has become a pipe would be waited for.
    static func open(_ path: String, name: String) throws -> UnsafeMutablePointer<FILE> {
        let descriptor = RegularFile.open(path)
        guard descriptor >= 0 else {
            let reason = errno
            if reason == EINVAL { throw RootfsError.changedObject(path: path, package: name) }
            throw RootfsError.system("cannot read \(path)", reason)
        }
        guard let stream = fdopen(descriptor, "re") else { throw RootfsError.system("cannot read \(path)", errno) }
        return stream
    }

    static func readAll(_ stream: UnsafeMutablePointer<FILE>) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, stream), count > 0 { bytes += buffer[..<count] }
        return bytes
    }

    /// Copies a store object, hashing what is copied.
    /// - Parameter sha256: nil for a file that isn't the store's.
    static func copy(_ source: String, to target: String, sha256: String?, name: String) throws {
        let input = try open(source, name: name)
        defer { fclose(input) }
        guard let output = fopen(target, "wxe") else { throw RootfsError.system("cannot write \(target)", errno) }
        var hasher = SHA256Hasher()
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var isWritten = true
        while case let count = fread(&buffer, 1, buffer.count, input), count > 0 {
            buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            if fwrite(buffer, 1, count, output) != count { isWritten = false }
        }
        guard fclose(output) == 0, isWritten else { throw RootfsError.system("cannot write \(target)", errno) }
        let digest = hasher.finalize()
        if let sha256, digest.hex != sha256 { throw RootfsError.changedObject(path: source, package: name) }
    }
}

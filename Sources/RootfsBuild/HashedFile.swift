import ContentHash
import Glibc

/// A small store object, read whole and hashed before it is believed.
enum HashedFile {
    static func read(_ stream: UnsafeMutablePointer<FILE>, path: String, sha256: String, name: String) throws -> [UInt8]
    {
        let bytes = readAll(stream)
        guard Digest.of(bytes).hex == sha256 else { throw RootfsError.changedObject(path: path, package: name) }
        return bytes
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
        guard let input = fopen(source, "re") else { throw RootfsError.system("cannot read \(source)", errno) }
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

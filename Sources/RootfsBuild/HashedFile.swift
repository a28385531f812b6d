import ContentHash
import Glibc

/// A small store object, read whole and hashed before it is believed.
enum HashedFile {
    static func read(_ stream: UnsafeMutablePointer<FILE>, path: String, sha256: String, name: String) throws -> [UInt8]
    {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, stream), count > 0 { bytes += buffer[..<count] }
        guard Digest.of(bytes).hex == sha256 else { throw RootfsError.changedObject(path: path, package: name) }
        return bytes
    }
}

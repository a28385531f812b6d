import ContentHash
import Glibc
import Host

/// A store object, hashed while it is used.
enum HashedFile {
    /// Opens a store object: one that has become a pipe would be waited for.
    static func open(_ path: String, name: String) throws -> CInt {
        let descriptor = RegularFile.open(path)
        guard descriptor >= 0 else {
            if errno == EINVAL { throw RootfsError.changedObject(path: path, package: name) }
            throw RootfsError.system("cannot read \(path)", errno)
        }
        return descriptor
    }

    /// Copies a store object, hashing what is copied.
    /// - Parameter sha256: nil for a file that isn't the store's.
    static func copy(_ source: String, to target: String, sha256: String?, name: String) throws {
        let input = try open(source, name: name)
        defer { close(input) }
        let output = Host.open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard output >= 0 else { throw RootfsError.system("cannot write \(target)", errno) }
        let digest: Digest
        do {
            digest = try ContentHash.sha256(ofDescriptor: input, name: source) { try write($0, to: output, target) }
        } catch {
            close(output)
            throw error
        }
        // Some file systems tell only now what could not be written.
        guard close(output) == 0 else { throw RootfsError.system("cannot write \(target)", errno) }
        if let sha256, digest.hex != sha256 { throw RootfsError.changedObject(path: source, package: name) }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt, _ path: String) throws {
        do { try OpenFile.write(bytes, to: descriptor) } catch {
            throw RootfsError.system("cannot write \(path)", error.rawValue)
        }
    }
}

import ContentHash
import Glibc
import Host

/// A file that is hashed while it is copied.
public enum HashedFile {
    /// Opens a file: one that has become a pipe would be waited for.
    /// - Throws: `StoreError.changedObject` for what is no regular file, `SystemError`.
    public static func open(_ path: String, name: String) throws -> CInt {
        let descriptor = RegularFile.open(path)
        guard descriptor >= 0 else {
            if errno == EINVAL { throw StoreError.changedObject(path: path, name: name) }
            throw SystemError("cannot read \(path)", errno)
        }
        return descriptor
    }

    /// Copies a file into one that isn't there yet.
    /// - Parameter name: What it is, for errors.
    /// - Returns: The digest of what was copied.
    @discardableResult
    public static func copy(_ source: String, to target: String, name: String) throws -> Digest {
        let input = try open(source, name: name)
        defer { close(input) }
        let output = Host.open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard output >= 0 else { throw SystemError("cannot write \(target)", errno) }
        let digest: Digest
        do {
            digest = try sha256(ofDescriptor: input, name: source) { try write($0, to: output, target) }
        } catch {
            close(output)
            throw error
        }
        // Some file systems tell only now what could not be written.
        guard close(output) == 0 else { throw SystemError("cannot write \(target)", errno) }
        return digest
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt, _ path: String) throws {
        do { try OpenFile.write(bytes, to: descriptor) } catch {
            throw SystemError("cannot write \(path)", error.rawValue)
        }
    }
}

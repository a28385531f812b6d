import Glibc
import Host

/// Reads an open file from where it stands to its end and hashes what it reads: what is used is what was verified.
public final class HashingReader {
    private let descriptor: CInt
    private let name: String
    private var hasher: SHA256Hasher? = SHA256Hasher()
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)

    /// - Parameter name: What the file is called in an error.
    public init(descriptor: CInt, name: String) { (self.descriptor, self.name) = (descriptor, name) }

    deinit { buffer.deallocate() }

    /// The next bytes, valid until the next call; empty at the end.
    /// - Throws: `FileReadError`.
    public func next() throws -> UnsafeRawBufferPointer {
        let count: Int
        do { count = try OpenFile.read(descriptor, into: buffer) } catch {
            throw FileReadError(file: name, reason: error.description)
        }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        hasher?.update(bytes)
        return bytes
    }

    /// Reads what is left.
    /// - Throws: `FileReadError`.
    public func drain() throws { while try !next().isEmpty {} }

    /// SHA-256 of all that was read; once.
    public func finalize() -> Digest {
        guard let hasher = hasher.take() else { return .of([UInt8]()) }
        return hasher.finalize()
    }
}

/// SHA-256 of an open file from where it stands, each piece handed to `body` as well.
/// - Throws: `FileReadError` with `name`.
public func sha256(
    ofDescriptor descriptor: CInt, name: String, body: (UnsafeRawBufferPointer) throws -> Void = { _ in }
) throws -> Digest {
    let reader = HashingReader(descriptor: descriptor, name: name)
    while case let bytes = try reader.next(), !bytes.isEmpty { try body(bytes) }
    return reader.finalize()
}

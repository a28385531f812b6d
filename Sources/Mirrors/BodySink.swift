import ContentHash
import Host

/// Where a body goes, piece by piece.
protocol BodySink: AnyObject {
    func append(_ bytes: UnsafeRawBufferPointer) throws
    /// The body begins anew.
    func restart() throws
}

/// A file whose bytes are hashed while they are written.
final class FileSink: BodySink {
    private let file: AtomicFile
    private var hasher: SHA256Hasher? = SHA256Hasher()

    init(_ file: AtomicFile) { self.file = file }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        try file.write(bytes)
        hasher?.update(bytes)
    }

    func restart() throws {
        try file.reset()
        hasher = SHA256Hasher()
    }

    /// The digest of what was written; once.
    func finish() -> Digest {
        guard let hasher = hasher.take() else { return SHA256Hasher().finalize() }
        return hasher.finalize()
    }
}

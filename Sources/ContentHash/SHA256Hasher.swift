import COpenSSL

/// SHA-256 of a stream, by libcrypto's EVP interface, which uses the processor's SHA extensions.
///
/// A value of this type owns its state: finalizing consumes it.
public struct SHA256Hasher: ~Copyable {
    /// The library whose code this is, with its version.
    public static var library: String {
        // "OpenSSL 3.0.17 1 Jul 2025"
        OpenSSL_version(OPENSSL_VERSION).map {
            String(cString: $0).split(separator: " ").prefix(2).joined(separator: " ")
        } ?? "OpenSSL"
    }

    private let context: OpaquePointer?

    /// Looked up once: EVP_DigestInit_ex would look it up for each of a file's thousands of leaves. libcrypto's
    /// algorithms are immutable and shared between threads (EVP_MD_fetch(3)).
    nonisolated(unsafe) private static let algorithm = EVP_MD_fetch(nil, "SHA256", nil)

    /// A hasher that has seen no bytes.
    public init() {
        context = EVP_MD_CTX_new()
        start()
    }

    private func start() {
        // OpenSSL fails here only without memory or without its default provider; no digest could be right then.
        precondition(EVP_DigestInit_ex(context, Self.algorithm, nil) == 1, "libcrypto offers no SHA-256")
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Appends bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// The digest of all bytes seen.
    public consuming func finalize() -> Digest { digest() }

    /// The digest of all bytes seen since the last call; the next bytes begin another stream.
    mutating func next() -> Digest {
        defer { start() }
        return digest()
    }

    /// Goes on from where another hasher stands.
    mutating func resume(from other: borrowing SHA256Hasher) {
        precondition(EVP_MD_CTX_copy_ex(context, other.context) == 1, "libcrypto is out of memory")
    }

    private func digest() -> Digest {
        withUnsafeTemporaryAllocation(byteCount: Digest.count, alignment: 8) { bytes in
            EVP_DigestFinal_ex(context, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), nil)
            return Digest(UnsafeRawBufferPointer(bytes))
        }
    }
}

import COpenSSL

/// A SHA-256 digest: 32 bytes (FIPS 180-4).
public struct Digest: Hashable, Sendable, CustomStringConvertible {
    /// 32 bytes.
    public let bytes: [UInt8]

    init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// Reads 64 lower-case hexadecimal digits, the one spelling; nil for anything else.
    public init?(hex: some StringProtocol) {
        guard hex.utf8.count == 64, let bytes = Hex.decode(hex) else { return nil }
        self.bytes = bytes
    }

    /// 64 lower-case hexadecimal digits.
    public var hex: String { Hex.encode(bytes) }

    public var description: String { hex }

    /// The digest of bytes at hand.
    public static func of(_ bytes: some Sequence<UInt8>) -> Digest {
        var hasher = SHA256Hasher()
        Array(bytes).withUnsafeBytes { hasher.update($0) }
        return hasher.finalize()
    }
}

/// Bytes as lower-case hexadecimal digits, and back.
public enum Hex {
    /// Two digits a byte.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of an even number of lower-case digits; nil for anything else.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in text.utf8 {
            let value: UInt8
            switch digit {
            case 0x30...0x39: value = digit - 0x30
            case 0x61...0x66: value = digit - 0x61 + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }
}

/// SHA-256 of a stream, by libcrypto's EVP interface, which uses the processor's SHA extensions.
///
/// A value of this type owns its state: finalizing consumes it.
public struct SHA256Hasher: ~Copyable {
    private let context: OpaquePointer?

    /// A hasher that has seen no bytes.
    public init() {
        context = EVP_MD_CTX_new()
        let started = EVP_DigestInit_ex(context, EVP_sha256(), nil)
        // OpenSSL fails here only without memory or without its default provider; no digest could be right then.
        precondition(started == 1, "libcrypto offers no SHA-256")
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Appends bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// The digest of all bytes seen.
    public consuming func finalize() -> Digest {
        var bytes = [UInt8](repeating: 0, count: 32)
        EVP_DigestFinal_ex(context, &bytes, nil)
        return Digest(unchecked: bytes)
    }
}

/// A SHA-256 digest: 32 bytes (FIPS 180-4).
public struct Digest: Hashable, Codable, Sendable, CustomStringConvertible {
    /// The bytes in order, as four big-endian numbers: a value without memory of its own, so that millions are cheap.
    /// (Not SIMD4, which is aligned to 32 bytes: Swift's tasks align their results to 16, and overwrite what is beside.)
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// By its bytes.
    public static func == (a: Digest, b: Digest) -> Bool { a.words == b.words }

    /// By its bytes.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }

    /// The number of bytes.
    static let count = 32

    /// - Parameter bytes: 32 bytes.
    init(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == Self.count)
        func word(_ index: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
        }
        words = (word(0), word(1), word(2), word(3))
    }

    /// Reads 64 lower-case hexadecimal digits, the one spelling; nil for anything else.
    public init?(hex: some StringProtocol) {
        guard hex.utf8.count == 2 * Self.count, let bytes = Hex.decode(hex) else { return nil }
        self = bytes.withUnsafeBytes(Digest.init)
    }

    /// Reads its digits.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let digest = Digest(hex: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "not 64 lower-case hexadecimal digits")
        }
        self = digest
    }

    /// Writes its digits.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }

    /// 32 bytes.
    public var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
        }
    }

    /// 64 lower-case hexadecimal digits.
    public var hex: String { Hex.encode(bytes) }

    /// Its digits.
    public var description: String { hex }

    /// Bits spread evenly over all digests: the first eight bytes.
    var hashBits: UInt64 { words.0 }

    /// The digest of bytes at hand.
    public static func of(_ bytes: [UInt8]) -> Digest { bytes.withUnsafeBytes(Digest.of) }

    /// The digest of bytes in memory.
    public static func of(_ bytes: UnsafeRawBufferPointer) -> Digest {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
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

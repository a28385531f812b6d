/// A content identifier of a file: version, codec and SHA-256 multihash (https://github.com/multiformats/cid).
public struct CID: Hashable, Sendable, CustomStringConvertible {
    /// What the hashed block holds: its number in the multicodec table.
    public enum Codec: UInt8, Sendable {
        case raw = 0x55
        case dagPB = 0x70
    }

    /// 0 or 1.
    public let version: Int
    public let codec: Codec
    public let digest: Digest

    /// The bytes that a link holds: a bare multihash for version 0, else version, codec, multihash.
    public var bytes: [UInt8] {
        let multihash = [0x12, 0x20] + digest.bytes
        return version == 0 ? multihash : [1, codec.rawValue] + multihash
    }

    /// The usual spelling: base58btc for version 0, base32 in lower case for version 1.
    public var description: String {
        version == 0 ? Multibase.base58(bytes) : "b" + Multibase.base32(bytes)
    }
}

/// The two encodings that CIDs are printed in (https://github.com/multiformats/multibase).
enum Multibase {
    /// Bitcoin's base58: a big-endian number, a leading zero byte as the digit 1.
    static func base58(_ bytes: [UInt8]) -> String {
        let alphabet = Array("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)
        var digits: [Int] = []
        for byte in bytes {
            var carry = Int(byte)
            for index in digits.indices {
                carry += digits[index] << 8
                digits[index] = carry % 58
                carry /= 58
            }
            while carry > 0 {
                digits.append(carry % 58)
                carry /= 58
            }
        }
        let zeros = bytes.prefix { $0 == 0 }.map { _ in alphabet[0] }
        return String(decoding: zeros + digits.reversed().map { alphabet[$0] }, as: UTF8.self)
    }

    /// RFC 4648's base32 in lower case, without padding.
    static func base32(_ bytes: [UInt8]) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        var text: [UInt8] = []
        var (buffer, bits) = (0, 0)
        for byte in bytes {
            buffer = buffer << 8 | Int(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(alphabet[buffer >> bits & 31])
            }
            buffer &= (1 << bits) - 1
        }
        if bits > 0 { text.append(alphabet[buffer << (5 - bits) & 31]) }
        return String(decoding: text, as: UTF8.self)
    }
}

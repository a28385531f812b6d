/// Bytes as text in one of the bases that CIDs are spelled in (https://github.com/multiformats/multibase).
struct Multibase {
    private let alphabet: [UInt8]
    /// The value of each byte as a digit, -1 where it is none.
    private let values: [Int8]
    /// Bits a digit where the base is a power of two (RFC 4648, without padding); nil where the text is a number.
    private let bits: Int?

    private init(_ alphabet: String, bits: Int? = nil, anyCase: Bool = false) {
        (self.alphabet, self.bits) = (Array(alphabet.utf8), bits)
        var values = [Int8](repeating: -1, count: 256)
        for (value, digit) in alphabet.utf8.enumerated() {
            values[Int(digit)] = Int8(value)
            if anyCase, (0x61...0x7a).contains(digit) { values[Int(digit - 0x20)] = Int8(value) }
        }
        self.values = values
    }

    /// Bitcoin's base58.
    static let base58 = Multibase("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
    static let base36 = Multibase("0123456789abcdefghijklmnopqrstuvwxyz", anyCase: true)
    static let base32 = Multibase("abcdefghijklmnopqrstuvwxyz234567", bits: 5, anyCase: true)
    static let base16 = Multibase("0123456789abcdef", bits: 4, anyCase: true)

    /// The base that a text's first character names, and the digits after it. Of the bases without case, the prefix
    /// says which one is written; both are read whole.
    static func named(by text: some StringProtocol) throws -> (base: Multibase, digits: some Collection<UInt8>) {
        let digits = text.utf8.dropFirst()
        func base(_ base: Multibase, upper: Bool?) throws -> Multibase {
            let wrong: ClosedRange<UInt8> = upper == true ? 0x61...0x7a : 0x41...0x5a
            guard upper == nil || !digits.contains(where: wrong.contains) else {
                throw CIDError.malformed("it mixes upper and lower case")
            }
            return base
        }
        switch text.first {
        case "z": return (base58, digits)
        case "b": return (try base(base32, upper: false), digits)
        case "B": return (try base(base32, upper: true), digits)
        case "k": return (try base(base36, upper: false), digits)
        case "K": return (try base(base36, upper: true), digits)
        case "f": return (try base(base16, upper: false), digits)
        case "F": return (try base(base16, upper: true), digits)
        default:
            throw CIDError.malformed(
                "it begins neither with Qm nor with the prefix of base58btc, base32, base36, base16")
        }
    }

    func encode(_ bytes: [UInt8]) -> String {
        guard let bits else { return number(bytes) }
        var text: [UInt8] = []
        var (buffer, held) = (0, 0)
        for byte in bytes {
            buffer = buffer << 8 | Int(byte)
            held += 8
            while held >= bits {
                held -= bits
                text.append(alphabet[buffer >> held & (1 << bits - 1)])
            }
            buffer &= (1 << held) - 1
        }
        if held > 0 { text.append(alphabet[buffer << (bits - held) & (1 << bits - 1)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// A big-endian number; a leading zero byte is a leading zero digit.
    private func number(_ bytes: [UInt8]) -> String {
        let digits = Self.convert(bytes.map { Int($0) }, from: 256, to: alphabet.count)
        return String(decoding: digits.map { alphabet[$0] }, as: UTF8.self)
    }

    /// - Throws: `CIDError.malformed` for a character that is no digit, and for spare bits that aren't zero.
    func decode(_ text: some Collection<UInt8>) throws -> [UInt8] {
        let digits = try text.map { character in
            let value = Int(values[Int(character)])
            guard value >= 0 else {
                throw CIDError.malformed("'\(String(UnicodeScalar(character)))' is no digit of its base")
            }
            return value
        }
        guard let bits else {
            return Self.convert(digits, from: alphabet.count, to: 256).map { UInt8(truncatingIfNeeded: $0) }
        }
        var bytes: [UInt8] = []
        var (buffer, held) = (0, 0)
        for digit in digits {
            buffer = buffer << bits | digit
            held += bits
            if held >= 8 {
                held -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> held))
                buffer &= (1 << held) - 1
            }
        }
        guard buffer == 0, held < bits else { throw CIDError.malformed("its last digit has bits too many") }
        return bytes
    }

    /// The digits of a number in another base, most significant first. Leading zeros are kept, one for one.
    private static func convert(_ digits: [Int], from: Int, to: Int) -> [Int] {
        var result: [Int] = []
        for digit in digits {
            var carry = digit
            for index in result.indices {
                carry += result[index] * from
                result[index] = carry % to
                carry /= to
            }
            while carry > 0 {
                result.append(carry % to)
                carry /= to
            }
        }
        return digits.prefix { $0 == 0 } + result.reversed()
    }
}

/// Bitcoin's base58, by itself.
package enum Base58 {
    /// In base58btc, without the multibase's letter.
    package static func encode(_ bytes: [UInt8]) -> String { Multibase.base58.encode(bytes) }

    /// The bytes of a text of at most 200 digits; nil for anything else.
    package static func decode(_ text: String) -> [UInt8]? {
        text.utf8.count <= 200 ? try? Multibase.base58.decode(text.utf8) : nil
    }
}

/// Unsigned variable-length integers, seven bits a byte, least significant first
/// (https://github.com/multiformats/unsigned-varint).
package enum Varint {
    /// The bytes of a number that isn't negative.
    package static func encode(_ value: Int) -> [UInt8] {
        var (rest, bytes) = (UInt64(value), [UInt8]())
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// How many bytes `encode` gives.
    package static func count(_ value: Int) -> Int {
        max(1, (UInt64.bitWidth - UInt64(value).leadingZeroBitCount + 6) / 7)
    }

    /// Reads a number at the beginning of `rest`, and moves `rest` past it; nil when it is cut short, longer than nine
    /// bytes, or not in its shortest form.
    package static func decode(_ rest: inout ArraySlice<UInt8>) -> Int? {
        var value: UInt64 = 0
        for (position, byte) in rest.prefix(9).enumerated() {
            value |= UInt64(byte & 0x7f) << (7 * position)
            if byte & 0x80 == 0 {
                if byte == 0, position > 0 { return nil }
                rest = rest.dropFirst(position + 1)
                return Int(value)
            }
        }
        return nil
    }
}

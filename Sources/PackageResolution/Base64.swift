/// RFC 4648's base64.
enum Base64 {
    /// Padded text of bytes.
    static func encode(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let part = bytes[start..<min(start + 3, bytes.count)]
            let value = part.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - part.count))
            text += (0...3).map { $0 <= part.count ? digits[value >> (18 - 6 * $0) & 63] : 0x3d }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of a text; what isn't a digit is passed over.
    static func decode(_ text: String) -> [UInt8] {
        var (bytes, buffer, bits) = ([UInt8](), 0, 0)
        for character in text.utf8 {
            let value: Int
            switch character {
            case 0x41...0x5a: value = Int(character) - 0x41
            case 0x61...0x7a: value = Int(character) - 0x61 + 26
            case 0x30...0x39: value = Int(character) - 0x30 + 52
            case 0x2b: value = 62
            case 0x2f: value = 63
            default: continue
            }
            buffer = buffer << 6 | value
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(buffer >> bits & 0xff))
                buffer &= (1 << bits) - 1
            }
        }
        return bytes
    }
}

/// A path for people: what is no UTF-8, and control characters, as `\xNN`.
package func readable(_ path: [UInt8]) -> String { "/" + readableText(path) }

package func readableText(_ bytes: [UInt8]) -> String {
    // Nearly always.
    if bytes.allSatisfy({ (0x20..<0x7f).contains($0) }) { return String(decoding: bytes, as: UTF8.self) }
    var text = ""
    var decoder = UTF8()
    var rest = bytes.makeIterator()
    var position = 0
    while true {
        switch decoder.decode(&rest) {
        case .scalarValue(let scalar):
            let width = UTF8.width(scalar)
            if scalar.value < 0x20 || scalar.value == 0x7f || (0x80..<0xa0).contains(scalar.value) {
                for byte in bytes[position..<position + width] { text += escaped(byte) }
            } else {
                text.unicodeScalars.append(scalar)
            }
            position += width
        case .emptyInput: return text
        case .error:
            // The decoder's own position isn't known; the byte-wise form of what is left is right, if longer.
            return text
                + bytes[position...].map { (0x20..<0x7f).contains($0) ? String(UnicodeScalar($0)) : escaped($0) }
                .joined()
        }
    }
}

private func escaped(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return "\\x" + (digits.count == 1 ? "0" : "") + digits
}

/// Text of strangers, made safe for a terminal and a log: what could repaint a screen, hide a line or turn its direction is
/// shown as its number.
public enum TerminalText {
    /// Bytes that mean to be UTF-8; those that aren't, and control characters, as `\xNN` and `\u{N}`.
    public static func safe(_ bytes: some Collection<UInt8>) -> String {
        // Nearly always.
        if bytes.allSatisfy({ (0x20..<0x7f).contains($0) }) { return String(decoding: bytes, as: UTF8.self) }
        var text = ""
        var rest = bytes[...]
        while let first = rest.first {
            let width = UTF8.width(first)
            // A scalar's text is its own, where it is one.
            if width > 0, let scalar = String(validating: rest.prefix(width), as: UTF8.self)?.unicodeScalars.first {
                text += safe(scalar)
                rest = rest.dropFirst(width)
            } else {
                let digits = String(first, radix: 16)
                text += "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
                rest = rest.dropFirst()
            }
        }
        return text
    }

    /// One line.
    public static func safe(_ line: String) -> String { safe(line.pathBytes) }

    /// Lines of our own, with parts of strangers' in them.
    /// - Parameter longest: Bytes of a line that are shown.
    public static func safeLines(_ text: String, longest: Int = .max) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let cut = line.utf8.count - longest
            return cut > 0
                ? safe(String(line.unicodeScalars.prefix(longest))) + "… (\(cut) bytes more)" : safe(String(line))
        }.joined(separator: "\n")
    }

    private static func safe(_ scalar: UnicodeScalar) -> String {
        switch scalar.properties.generalCategory {
        case .control where scalar == "\t": " "
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse:
            "\\u{\(String(scalar.value, radix: 16))}"
        default: String(Character(scalar))
        }
    }
}

extension UTF8 {
    /// How many bytes a scalar has that begins with this one; 0 where none does.
    fileprivate static func width(_ first: UInt8) -> Int {
        switch first {
        case 0x00..<0x80: 1
        case 0xc2..<0xe0: 2
        case 0xe0..<0xf0: 3
        case 0xf0..<0xf5: 4
        default: 0
        }
    }
}

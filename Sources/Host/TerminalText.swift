/// Text of strangers, made safe for a terminal, a log and a report: what could repaint a screen, hide a line or turn its
/// direction is shown as its number.
public enum TerminalText {
    /// Bytes that mean to be UTF-8; those that aren't, and control characters, as `\xNN` and `\u{N}`.
    public static func safe(_ bytes: some Collection<UInt8>) -> String {
        if isPlain(bytes) { return String(decoding: bytes, as: UTF8.self) }
        return parts(of: bytes).map { part in
            switch part {
            case .scalar(let scalar, _): safe(scalar)
            case .byte(let byte): escaped(byte)
            }
        }.joined()
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

    /// Bytes as a report has them, in JSON too: control characters, and all that is no ASCII from the first byte on that is no
    /// UTF-8, as `\xNN`. What only a terminal must not get stays, and is made safe where it is printed.
    public static func report(_ bytes: some Collection<UInt8>) -> String {
        if isPlain(bytes) { return String(decoding: bytes, as: UTF8.self) }
        var (text, isUTF8) = ("", true)
        for part in parts(of: bytes) {
            switch part {
            case .scalar(let scalar, let own):
                let isShown = scalar.properties.generalCategory != .control && (isUTF8 || scalar.isASCII)
                text += isShown ? String(Character(scalar)) : own.map(escaped).joined()
            case .byte(let byte):
                isUTF8 = false
                text += escaped(byte)
            }
        }
        return text
    }

    /// Nearly always.
    private static func isPlain(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.allSatisfy { (0x20..<0x7f).contains($0) }
    }

    /// What a text is made of.
    private enum Part {
        /// A scalar and its bytes.
        case scalar(UnicodeScalar, [UInt8])
        /// A byte that is part of none.
        case byte(UInt8)
    }

    private static func parts(of bytes: some Collection<UInt8>) -> [Part] {
        var parts: [Part] = []
        var rest = bytes[...]
        while let first = rest.first {
            let own = Array(rest.prefix(UTF8.width(first)))
            // A scalar's text is its own, where it is one.
            if let scalar = String(validating: own, as: UTF8.self)?.unicodeScalars.first {
                parts.append(.scalar(scalar, own))
                rest = rest.dropFirst(own.count)
            } else {
                parts.append(.byte(first))
                rest = rest.dropFirst()
            }
        }
        return parts
    }

    private static func escaped(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
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

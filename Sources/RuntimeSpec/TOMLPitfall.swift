/// What the parser (toml++ 3.4) doesn't refuse as it should: a NUL byte it takes for the end, and at the rest it ends the
/// program by an assertion. None of it is TOML 1.0, or of use in a manifest or a lock. What stands behind the parser's first
/// error doesn't matter, so this looks at no more than strings, comments, brackets and words.
struct TOMLPitfall {
    let line: Int
    let reason: String

    /// The first one of a document; nil where the parser can have it.
    init?(_ text: String) {
        var bytes = Array(text.utf8)[...]
        if let line = Self.lineOfZero(bytes) {
            (self.line, reason) = (line, "a NUL byte")
            return
        }
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes = bytes.dropFirst(3) }
        var (line, startsLine) = (1, true)
        var open: [UInt8] = []
        while let byte = bytes.first {
            var length = 1
            switch byte {
            case UInt8(ascii: "\n"): (line, startsLine) = (line + 1, true)
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): break
            case UInt8(ascii: "#"): length = bytes.prefix { $0 != UInt8(ascii: "\n") }.count
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                length = Self.lengthOfString(bytes)
                startsLine = false
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                if startsLine && open.isEmpty, let first = Self.startOfHeader(bytes), !Self.isOfKey(first),
                    !"]\"'".utf8.contains(first)
                {
                    (self.line, reason) = (line, "a table header without a name")
                    return
                }
                open.append(byte)
                startsLine = false
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                if byte == UInt8(ascii: "}") && open.last == UInt8(ascii: "[") {
                    (self.line, reason) = (line, "a `}` in an array")
                    return
                }
                _ = open.popLast()
                startsLine = false
            case 0x80...:
                (self.line, reason) = (line, "a character that must be in quotes")
                return
            default:
                let word = bytes.prefix { Self.isOfKey($0) || $0 == UInt8(ascii: "+") }
                if Self.isDate(word) {
                    (self.line, reason) = (line, "a date, which no value here is")
                    return
                }
                length = max(1, word.count)
                startsLine = false
            }
            // A long string's; the line break itself is counted above.
            if length > 1 { line += bytes.prefix(length).count { $0 == UInt8(ascii: "\n") } }
            bytes = bytes.dropFirst(length)
        }
        return nil
    }

    /// The line that the first NUL byte is in.
    private static func lineOfZero(_ bytes: ArraySlice<UInt8>) -> Int? {
        bytes.firstIndex(of: 0).map { zero in bytes[..<zero].count { $0 == UInt8(ascii: "\n") } + 1 }
    }

    /// A letter, a digit, `_` or `-`: what a key without quotes is made of.
    private static func isOfKey(_ byte: UInt8) -> Bool {
        switch byte | 0x20 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): true
        default:
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "-")
        }
    }

    /// What follows `[` or `[[` and blanks.
    private static func startOfHeader(_ bytes: ArraySlice<UInt8>) -> UInt8? {
        func unblanked(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
            bytes.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        }
        let rest = unblanked(bytes.dropFirst())
        return (rest.first == UInt8(ascii: "[") ? unblanked(rest.dropFirst()) : rest).first
    }

    /// Whether a word begins as a date does, `1979-05-27`.
    private static func isDate(_ word: ArraySlice<UInt8>) -> Bool {
        let digits = word.filter { $0 != UInt8(ascii: "_") }
        return digits.count >= 10 && digits[4] == UInt8(ascii: "-") && digits[7] == UInt8(ascii: "-")
            && (digits[..<4] + digits[5..<7] + digits[8..<10]).allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
    }

    /// The bytes of the string that begins here, with its quotes (TOML 1.0, String).
    private static func lengthOfString(_ bytes: ArraySlice<UInt8>) -> Int {
        let quote = bytes[bytes.startIndex]
        let quotes = bytes.prefix { $0 == quote }.count
        // Two are an empty string.
        guard quotes != 2 else { return 2 }
        let isLong = quotes >= 3
        var rest = bytes.dropFirst(isLong ? 3 : 1)
        while let byte = rest.first {
            if byte == UInt8(ascii: "\\") && quote == UInt8(ascii: "\"") {
                rest = rest.dropFirst(2)
            } else if byte == quote {
                let run = rest.prefix { $0 == quote }.count
                // Up to two quotes of its own may stand before the closing three.
                rest = rest.dropFirst(isLong ? min(run, 5) : 1)
                if !isLong || run >= 3 { break }
            } else if byte == UInt8(ascii: "\n") && !isLong {
                break
            } else {
                rest = rest.dropFirst()
            }
        }
        return bytes.count - rest.count
    }
}

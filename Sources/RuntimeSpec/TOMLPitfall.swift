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
        var scan = Scan()
        while let byte = bytes.first {
            if let reason = scan.reason(against: byte, bytes) {
                (line, self.reason) = (scan.line, reason)
                return
            }
            let length = scan.length(at: byte, bytes)
            // A long string's; the line break itself is counted by the scan.
            if length > 1 { scan.line += bytes.prefix(length).count { $0 == UInt8(ascii: "\n") } }
            bytes = bytes.dropFirst(length)
        }
        return nil
    }

    /// Where a scan stands.
    private struct Scan {
        var line = 1
        /// Whether nothing but blanks stands before on its line.
        private var startsLine = true
        /// The brackets that are open.
        private var open: [UInt8] = []

        /// What is wrong with what begins with a byte, which is no blank's or string's.
        func reason(against byte: UInt8, _ bytes: ArraySlice<UInt8>) -> String? {
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                guard startsLine, open.isEmpty, let first = startOfHeader(bytes), !isOfKey(first),
                    !"]\"'".utf8.contains(first)
                else { return nil }
                return "a table header without a name"
            case UInt8(ascii: "}"): return open.last == UInt8(ascii: "[") ? "a `}` in an array" : nil
            case 0x80...: return "a character that must be in quotes"
            default: return isDate(word(bytes)) ? "a date, which no value here is" : nil
            }
        }

        /// Takes what begins with a byte.
        /// - Returns: How many bytes it has.
        mutating func length(at byte: UInt8, _ bytes: ArraySlice<UInt8>) -> Int {
            switch byte {
            case UInt8(ascii: "\n"): (line, startsLine) = (line + 1, true)
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): break
            case UInt8(ascii: "#"): return bytes.prefix { $0 != UInt8(ascii: "\n") }.count
            default:
                startsLine = false
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "'"): return lengthOfString(bytes)
                case UInt8(ascii: "["), UInt8(ascii: "{"): open.append(byte)
                case UInt8(ascii: "]"), UInt8(ascii: "}"): _ = open.popLast()
                default: return max(1, word(bytes).count)
                }
            }
            return 1
        }

        private func word(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
            bytes.prefix { isOfKey($0) || $0 == UInt8(ascii: "+") }
        }
    }

    /// The line that the first NUL byte is in.
    private static func lineOfZero(_ bytes: ArraySlice<UInt8>) -> Int? {
        bytes.firstIndex(of: 0).map { zero in bytes[..<zero].count { $0 == UInt8(ascii: "\n") } + 1 }
    }
}

/// A letter, a digit, `_` or `-`: what a key without quotes is made of.
private func isOfKey(_ byte: UInt8) -> Bool {
    switch byte | 0x20 {
    case UInt8(ascii: "a")...UInt8(ascii: "z"): true
    default:
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "-")
    }
}

/// What follows `[` or `[[` and blanks.
private func startOfHeader(_ bytes: ArraySlice<UInt8>) -> UInt8? {
    func unblanked(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }
    let rest = unblanked(bytes.dropFirst())
    return (rest.first == UInt8(ascii: "[") ? unblanked(rest.dropFirst()) : rest).first
}

/// Whether a word begins as a date does, `1979-05-27`.
private func isDate(_ word: ArraySlice<UInt8>) -> Bool {
    let digits = word.filter { $0 != UInt8(ascii: "_") }
    return digits.count >= 10 && digits[4] == UInt8(ascii: "-") && digits[7] == UInt8(ascii: "-")
        && (digits[..<4] + digits[5..<7] + digits[8..<10]).allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
}

/// The bytes of the string that begins here, with its quotes (TOML 1.0, String).
private func lengthOfString(_ bytes: ArraySlice<UInt8>) -> Int {
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

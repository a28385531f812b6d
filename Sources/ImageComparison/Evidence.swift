import FileTree

/// What is known of a difference.
package struct Evidence {
    /// With a slash before it.
    package let path: String
    /// Which field differs.
    package let kind: ComparisonReport.Kind
    /// A's entry; nil where it has none.
    package var a: TreeEntry?
    /// B's entry; nil where it has none.
    package var b: TreeEntry?
    /// What the two files hold, where both were read.
    package var contents: (a: [UInt8], b: [UInt8])?

    /// - Parameter contents: What the two files hold, where both were read.
    package init(
        path: String, kind: ComparisonReport.Kind, a: TreeEntry? = nil, b: TreeEntry? = nil,
        contents: (a: [UInt8], b: [UInt8])? = nil
    ) {
        (self.path, self.kind, self.a, self.b, self.contents) = (path, kind, a, b, contents)
    }

    func has(_ shape: Cause.Shape) -> Bool {
        switch shape {
        case .umask:
            guard let a, let b else { return false }
            return (a.mode ^ b.mode) & ~0o077 == 0
        case .builder:
            guard let a, let b else { return false }
            return [a, b].contains { $0.uid == 0 && $0.gid == 0 } && [a, b].contains { $0.uid >= 1000 }
        case .lostAttribute:
            guard let a, let b else { return false }
            return a.attributes.isEmpty != b.attributes.isEmpty
        case .pythonSourceTime:
            guard let (x, y) = contents, x.count == y.count, x.count >= 16, x[..<4] == y[..<4] else { return false }
            return x[4..<8].allSatisfy { $0 == 0 } && differs(x, y, only: 8..<16)
        case .gzipHeader:
            guard let (x, y) = contents, x.count == y.count, x.count >= 18, x.starts(with: [0x1f, 0x8b]) else {
                return false
            }
            return differs(x, y, only: 4..<10)
        case .lineOrder:
            guard let (x, y) = contents, x.count == y.count, x != y else { return false }
            return sortedLines(x) == sortedLines(y)
        case .uuids: return wordsDiffer { Word.isUUID($0) }
        case .hexadecimal: return wordsDiffer { $0.count >= 16 && $0.allSatisfy(Word.isHexadecimal) }
        case .times: return wordsDiffer(atLeastOne: Word.isTime) { Word.isTime($0) || Word.isPartOfTime($0) }
        case .numbers:
            return wordsDiffer(split: Word.splitFields) {
                $0.count <= 10 && $0.allSatisfy { (0x30...0x39).contains($0) }
            }
        case .snapshots:
            return wordsDiffer(split: { $0.split { $0 == 0x2f || $0 == 0x20 || $0 == 10 } }) { Word.isSnapshot($0) }
        case .buildPaths: return wordsDiffer { Word.isBuildPath($0) }
        }
    }

    private func differs(_ x: [UInt8], _ y: [UInt8], only range: Range<Int>) -> Bool {
        x != y && x[..<range.lowerBound] == y[..<range.lowerBound] && x[range.upperBound...] == y[range.upperBound...]
    }

    private func sortedLines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        bytes.split(separator: 10, omittingEmptySubsequences: false).sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Whether the contents have the same words but for some, those are all such, and one pair is more than that.
    private func wordsDiffer(
        split: ([UInt8]) -> [ArraySlice<UInt8>] = Word.split, atLeastOne: ((ArraySlice<UInt8>) -> Bool)? = nil,
        _ isSuch: (ArraySlice<UInt8>) -> Bool
    ) -> Bool {
        guard let (x, y) = contents, x != y else { return false }
        let (left, right) = (split(x), split(y))
        guard left.count == right.count else { return false }
        var (some, more) = (false, atLeastOne == nil)
        for (a, b) in zip(left, right) where a != b {
            guard isSuch(a), isSuch(b) else { return false }
            some = true
            if let atLeastOne, atLeastOne(a), atLeastOne(b) { more = true }
        }
        return some && more
    }
}

/// A word of a file: letters, digits and what joins them in times, paths and identifiers.
private enum Word {
    static func split(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] { bytes.split { !isPart($0) } }

    /// The fields of passwd(5) and its like.
    static func splitFields(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        bytes.split(omittingEmptySubsequences: false) { $0 == 0x3a || $0 == 10 }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
    }

    private static func isPart(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte)
            || Array("_./:+-".utf8).contains(byte)
    }

    /// `20261124T021215Z`
    static func isSnapshot(_ word: ArraySlice<UInt8>) -> Bool {
        let word = Array(word)
        return word.count == 16 && word[8] == 0x54 && word[15] == 0x5a
            && (word[..<8] + word[9..<15]).allSatisfy(isDigit)
    }

    static func isUUID(_ word: ArraySlice<UInt8>) -> Bool {
        let parts = word.split(separator: 0x2d, omittingEmptySubsequences: false)
        return parts.map(\.count) == [8, 4, 4, 4, 12] && parts.allSatisfy { $0.allSatisfy(isHexadecimal) }
    }

    private static let names: Set<String> = [
        "mon", "tue", "wed", "thu", "fri", "sat", "sun", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep",
        "oct", "nov", "dec", "am", "pm", "utc", "gmt",
    ]

    /// A date, a time of day, a year, or seconds since 1970: what can't well be another number.
    static func isTime(_ word: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: word, as: UTF8.self)
        guard word.count <= 40, word.allSatisfy({ isDigit($0) || Array(":-/.+TZ".utf8).contains($0) }) else {
            return false
        }
        if word.allSatisfy(isDigit) {
            guard let number = Int(text) else { return false }
            switch word.count {
            case 4, 8, 14: return text.hasPrefix("19") || text.hasPrefix("20")
            // From 2001 to 2106.
            case 10: return (1_000_000_000...4_294_967_295).contains(number)
            default: return false
            }
        }
        let clock = text.split(separator: ":").count(where: { $0.suffix(2).utf8.count(where: isDigit) == 2 }) >= 2
        let parts = text.prefix(10).split { $0 == "-" || $0 == "/" }.map(\.utf8.count)
        return clock || parts == [4, 2, 2] || parts == [2, 2, 4]
    }

    /// What stands beside a time and is one only there: a day's number, the name of a month.
    static func isPartOfTime(_ word: ArraySlice<UInt8>) -> Bool {
        word.count <= 2 && word.allSatisfy(isDigit)
            || names.contains(String(decoding: word, as: UTF8.self).lowercased())
    }

    private static let folders = ["/build/", "/tmp/", "/home/", "/root/", "/var/tmp/", "/usr/src/"]

    static func isBuildPath(_ word: ArraySlice<UInt8>) -> Bool {
        folders.contains { folder in word.starts(with: folder.utf8) }
    }
}

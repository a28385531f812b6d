/// Paragraphs of fields, as Debian's control files, indexes, Releases and sources have them (deb822(5)).
///
/// Names are without case. A value is its lines: the first beside the name, and those folded below it. Blanks around a line are
/// none of it, nor is a carriage return; lines that begin with `#` are comments.
public struct Deb822: Sendable {
    private var values: [String: [String]] = [:]

    /// All fields of one paragraph. Blank lines in it are passed over.
    /// - Parameter isWanted: Whether a field is kept, by its name in lower case.
    public init(paragraph bytes: some Sequence<UInt8>, where isWanted: (String) -> Bool = { _ in true }) {
        var current: String?
        for line in Array(bytes).split(separator: 10) { add(line, &current, isWanted) }
    }

    private init() {}

    private mutating func add(_ line: ArraySlice<UInt8>, _ current: inout String?, _ isWanted: (String) -> Bool) {
        guard let first = line.first, first != UInt8(ascii: "#") else { return }
        if Self.isBlank(first) {
            if let current { values[current]?.append(Self.text(line)) }
        } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            current = isWanted(name) ? name : nil
            // The last of a name counts.
            if let current { values[current] = [Self.text(line[(colon + 1)...])] }
        }
    }

    /// A field's lines, of which the first may be empty; none where there is no such field.
    public func lines(_ name: String) -> [String] { values[name] ?? [] }

    /// A field in one line; nil where there is none.
    public subscript(_ name: String) -> String? {
        values[name].map { $0.filter { !$0.isEmpty }.joined(separator: " ") }
    }

    /// The paragraphs of a file, between lines that are blank.
    public static func paragraphs(
        _ bytes: some Sequence<UInt8>, where isWanted: (String) -> Bool = { _ in true }
    ) -> [Deb822] {
        var (paragraphs, paragraph): ([Deb822], Deb822) = ([], Deb822())
        var (current, isEmpty): (String?, Bool) = (nil, true)
        for line in Array(bytes).split(separator: 10, omittingEmptySubsequences: false) {
            if line.allSatisfy(isBlank) {
                if !isEmpty { paragraphs.append(paragraph) }
                (paragraph, current, isEmpty) = (Deb822(), nil, true)
            } else {
                paragraph.add(line, &current, isWanted)
                isEmpty = false
            }
        }
        return isEmpty ? paragraphs : paragraphs + [paragraph]
    }

    /// A space, a tab, or a carriage return before a line's end.
    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }

    private static func text(_ line: ArraySlice<UInt8>) -> String {
        let start = line.drop(while: isBlank)
        let end = start.lastIndex { !isBlank($0) }
        return String(decoding: end.map { start[...$0] } ?? [], as: UTF8.self)
    }
}

extension Deb822 {
    /// Where the paragraphs of a large index are, without reading their fields.
    public static func ranges(_ bytes: UnsafeBufferPointer<UInt8>) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, !(bytes[end] == 10 && (end + 1 == bytes.count || bytes[end + 1] == 10)) {
                end += 1
            }
            ranges.append(start..<end)
            start = end + 1
            while start < bytes.count, bytes[start] == 10 { start += 1 }
        }
        return ranges
    }

    /// The first line of one field of a paragraph, with this very case, without reading the others.
    public static func firstLine(of field: StaticString, in paragraph: UnsafeBufferPointer<UInt8>) -> String? {
        let key = UnsafeBufferPointer(start: field.utf8Start, count: field.utf8CodeUnitCount)
        var line = 0
        while line < paragraph.count {
            var end = line
            while end < paragraph.count, paragraph[end] != 10 { end += 1 }
            if end - line > key.count, paragraph[line] == key[0], paragraph[line + key.count] == 0x3a,
                paragraph[line..<(line + key.count)].elementsEqual(key)
            {
                return String(decoding: paragraph[(line + key.count + 1)..<end].drop { $0 == 32 }, as: UTF8.self)
            }
            line = end + 1
        }
        return nil
    }
}

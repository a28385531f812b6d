import ContentHash
import TOMLKit

/// A TOML table whose keys are all known: reading one rejects every other key, naming the nearest.
struct TOMLFields {
    let file: String
    private let path: String
    private let table: TOMLTable

    /// Reads a whole document. Throws `SpecError.notTOML` with the line.
    init(text: String, file: String, known: [String]) throws {
        try self.init(text: text, file: file)
        try check(known: known)
    }

    /// Reads a whole document whose keys are looked at later: which are known may depend on one of them.
    init(text: String, file: String) throws {
        if let pitfall = TOMLPitfall(text) {
            throw SpecError.notTOML(file: file, line: pitfall.line, reason: pitfall.reason)
        }
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw SpecError.notTOML(file: file, line: error.source.begin.line, reason: error.description)
        }
        (self.table, self.file, path) = (table, file, "")
    }

    private init(_ table: TOMLTable, file: String, path: String, known: [String]) throws {
        (self.table, self.file, self.path) = (table, file, path)
        try check(known: known)
    }

    /// - Throws: `SpecError.unknownKey` for any other key.
    func check(known: [String]) throws {
        for key in table.keys.sorted() where !known.contains(key) {
            let nearest = Spelling.nearest(to: key, among: known)
            throw SpecError.unknownKey(file: file, key: name(of: key), nearest: nearest.map(name(of:)))
        }
    }

    /// The key's full name, `table.key`, as errors show it.
    func name(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    func has(_ key: String) -> Bool { table[key] != nil }

    func isTable(_ key: String) -> Bool { table[key]?.table != nil }

    /// A value that is `true`, `false` or an array of integers.
    enum IntegersOrFlag {
        case flag(Bool)
        case numbers([Int])
    }

    func optionalIntegersOrFlag(_ key: String, _ expected: String) throws -> IntegersOrFlag? {
        guard let value = table[key] else { return nil }
        if let flag = value.bool { return .flag(flag) }
        guard let array = value.array else { throw bad(key, expected) }
        return .numbers(
            try array.map { element in
                guard let number = element.int else { throw bad(key, expected) }
                return number
            })
    }

    func optionalTable(_ key: String, known: [String]) throws -> TOMLFields? {
        guard let value = table[key] else { return nil }
        guard let inner = value.table else { throw bad(key, "a table") }
        return try TOMLFields(inner, file: file, path: name(of: key), known: known)
    }

    func table(_ key: String, known: [String]) throws -> TOMLFields {
        guard let fields = try optionalTable(key, known: known) else { throw missing(key) }
        return fields
    }

    /// An array of tables; none when the key isn't there.
    func tables(_ key: String, known: [String]) throws -> [TOMLFields] {
        guard let value = table[key] else { return [] }
        guard let array = value.array else { throw bad(key, "an array of tables") }
        return try array.enumerated().map { index, element in
            guard let inner = element.table else { throw bad(key, "an array of tables") }
            return try TOMLFields(inner, file: file, path: "\(name(of: key))[\(index)]", known: known)
        }
    }

    func optionalString(_ key: String) throws -> String? {
        guard let value = table[key] else { return nil }
        guard let text = value.string else { throw bad(key, "a string") }
        return text
    }

    func string(_ key: String) throws -> String {
        guard let text = try optionalString(key) else { throw missing(key) }
        return text
    }

    /// A string that must satisfy `check`; `expected` says what that is.
    func string(_ key: String, _ expected: String, _ check: (String) -> Bool) throws -> String {
        let text = try string(key)
        guard check(text) else { throw bad(key, text, expected) }
        return text
    }

    /// A SHA-256 in its one spelling.
    func digest(_ key: String) throws -> Digest {
        let text = try string(key)
        guard let digest = Digest(hex: text) else { throw bad(key, text, "64 lower-case hexadecimal digits") }
        return digest
    }

    func optionalStrings(_ key: String) throws -> [String]? {
        guard let value = table[key] else { return nil }
        guard let array = value.array else { throw bad(key, "an array of strings") }
        return try array.map { element in
            guard let text = element.string else { throw bad(key, "an array of strings") }
            return text
        }
    }

    /// A string, or an array of them; none when the key isn't there.
    func stringOrStrings(_ key: String) throws -> [String] {
        if let text = table[key]?.string { return [text] }
        return try optionalStrings(key) ?? []
    }

    /// An array of strings that each satisfy `check`; empty when the key isn't there.
    func strings(_ key: String, _ expected: String, _ check: (String) -> Bool) throws -> [String] {
        let texts = try optionalStrings(key) ?? []
        for text in texts where !check(text) { throw bad(key, text, expected) }
        return texts
    }

    func optionalFlag(_ key: String) throws -> Bool? {
        guard let value = table[key] else { return nil }
        guard let flag = value.bool else { throw bad(key, "true or false") }
        return flag
    }

    func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let value = table[key] else { return nil }
        guard value.type == .int, let number = value.int else { throw bad(key, "an integer") }
        guard range.contains(number) else {
            throw SpecError.badValue(
                file: file, key: name(of: key), found: "\(number)",
                expected: range.upperBound == .max
                    ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func integer(_ key: String, in range: ClosedRange<Int>) throws -> Int {
        guard let number = try optionalInteger(key, in: range) else { throw missing(key) }
        return number
    }

    func missing(_ key: String) -> SpecError { .missingKey(file: file, key: name(of: key)) }

    /// A text may be a stranger's, of any length.
    private func bad(_ key: String, _ text: String, _ expected: String) -> SpecError {
        let end = text.count > 200 ? "… (\(text.utf8.count) bytes)" : ""
        return .badValue(file: file, key: name(of: key), found: "'\(text.prefix(200))'\(end)", expected: expected)
    }

    private func bad(_ key: String, _ expected: String) -> SpecError {
        .badValue(
            file: file, key: name(of: key), found: "a \(table[key]?.type.description ?? "value")", expected: expected)
    }
}

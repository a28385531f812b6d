import FoundationEssentials

/// A value that JSON shows as null where there is none, rather than leaving its key out.
@propertyWrapper
public struct OrNull<Value: Encodable>: Encodable {
    /// nil for null.
    public var wrappedValue: Value?

    /// - Parameter wrappedValue: nil for null.
    public init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

    /// The value, or null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
    }
}

/// Answers as JSON: keys sorted, so that equal answers are equal bytes, and spelt with underscores.
public enum JSONText {
    /// Keys that were published in another spelling: those of `lock verify`.
    private static let published: Set<String> = ["expiredKeys", "unfamiliarKeys"]

    /// A key of ours, as JSON spells it.
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// `lockSHA256` as `lock_sha256`: a word begins at a capital after a small letter or a digit.
    package static func snakeCase(_ name: String) -> String {
        if published.contains(name) { return name }
        var (text, isInWord) = ("", false)
        for character in name {
            if character.isUppercase, isInWord { text += "_" }
            isInWord = !character.isUppercase
            text += character.lowercased()
        }
        return text
    }

    /// Several lines, without an end of the last.
    public static func of(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .custom { Key(stringValue: snakeCase($0.last?.stringValue ?? "")) }
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self).showingHeldBytes(as: "\\\\x")
        } catch {
            // Only a value without a JSON form fails, a NaN say; the answers hold texts and whole numbers.
            return "{\"error\": \"\(type(of: value)) has no JSON form\"}"
        }
    }

    /// One line.
    public static func line(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value)) + [10]
    }

    /// The value of one text.
    public static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}

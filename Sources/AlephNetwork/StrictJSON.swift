/// A JSON value, read so that nobody can read the same bytes otherwise (RFC 8259, and stricter).
///
/// Refused, because parsers differ on them: a key that stands twice in an object (compared after unescaping), bytes that
/// aren't UTF-8, a surrogate without its other half, numbers that no IEEE double holds, anything after the value.
/// Refused, because nobody needs them: nesting deeper than 128, more than 100,000 values.
package enum StrictJSON: Equatable, Sendable {
    case null
    case bool(Bool)
    /// As it is spelled, and as a double.
    case number(text: String, value: Double)
    case string(String)
    case array([StrictJSON])
    /// In the order of the text.
    case object([Member])

    /// A member of an object.
    package struct Member: Equatable, Sendable {
        /// Its name, each once in an object.
        package let key: String
        /// What it is.
        package let value: StrictJSON
    }

    /// Why a text is refused; the offset counts bytes from 0.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        /// What is wrong with it.
        package let reason: String
        /// Where it is: bytes from the beginning.
        package let offset: Int

        /// For people.
        package var description: String { "\(reason) (at byte \(offset))" }
    }

    /// Reads a whole text.
    package init(_ bytes: [UInt8]) throws(Failure) {
        var reader = Reader(bytes: bytes)
        self = try reader.value(depth: 0)
        reader.skipSpace()
        if reader.position < bytes.count { throw reader.failure("something follows the JSON value") }
    }

    /// The value of a key; nil where the key isn't there or this is no object. Keys are compared by their bytes: to
    /// Swift, a Kelvin sign would be the letter K.
    package subscript(key: String) -> StrictJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
    }

    /// The value of a string; nil for anything else.
    package var text: String? { if case .string(let text) = self { text } else { nil } }
    /// The values of an array; nil for anything else.
    package var elements: [StrictJSON]? { if case .array(let elements) = self { elements } else { nil } }
    /// Whether it is an object.
    package var isObject: Bool { if case .object = self { true } else { false } }
    /// The value of a number; nil for anything else.
    package var number: Double? { if case .number(_, let value) = self { value } else { nil } }
    /// The value of `true` and `false`; nil for anything else.
    package var flag: Bool? { if case .bool(let flag) = self { flag } else { nil } }

    /// The value, with null as nothing.
    package var nonNull: StrictJSON? { self == .null ? nil : self }

    /// Whether two values say the same: numbers by value, objects whatever their order, and a member that is null like one
    /// that isn't there (nodes write out what was left away).
    func isSame(as other: StrictJSON) -> Bool {
        switch (self, other) {
        case (.number(_, let a), .number(_, let b)): a == b
        case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
        case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy { $0.isSame(as: $1) }
        case (.object(let all), .object(let others)):
            Self.isSame(all.filter { $0.value != .null }, others.filter { $0.value != .null })
        default: self == other
        }
    }

    /// An object's values by the bytes of their keys: looking each up in the list would take the square of its length.
    static func byKey(_ members: [Member]) -> [[UInt8]: StrictJSON] {
        Dictionary(members.map { (Array($0.key.utf8), $0.value) }) { first, _ in first }
    }

    private static func isSame(_ members: [Member], _ others: [Member]) -> Bool {
        let values = byKey(others)
        return members.count == others.count
            && members.allSatisfy { values[Array($0.key.utf8)]?.isSame(as: $0.value) == true }
    }

    /// A value in a few words.
    var summary: String {
        switch self {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .number(let text, _): "\(text.prefix(40))"
        case .string(let text): "\(text.prefix(100))"
        case .array: "a list"
        case .object: "an object"
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0
        /// A value takes many times the memory of its text.
        var values = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        func failure(_ reason: String) -> Failure { Failure(reason: reason, offset: position) }

        var current: UInt8? { position < bytes.count ? bytes[position] : nil }

        mutating func skipSpace() {
            while let byte = current, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { position += 1 }
        }

        mutating func take(_ byte: UInt8) -> Bool {
            guard current == byte else { return false }
            position += 1
            return true
        }

        mutating func word(_ word: StaticString, _ value: StrictJSON) throws(Failure) -> StrictJSON {
            let expected = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
            guard bytes[position...].starts(with: expected) else { throw failure("it is not JSON") }
            position += expected.count
            return value
        }

        mutating func value(depth: Int) throws(Failure) -> StrictJSON {
            guard depth <= 128 else { throw failure("it is nested too deep") }
            values += 1
            guard values <= 100_000 else { throw failure("it has more than 100,000 values") }
            skipSpace()
            switch current {
            case UInt8(ascii: "{"): return try object(depth: depth)
            case UInt8(ascii: "["): return try array(depth: depth)
            case UInt8(ascii: "\""): return .string(try string())
            case UInt8(ascii: "t"): return try word("true", .bool(true))
            case UInt8(ascii: "f"): return try word("false", .bool(false))
            case UInt8(ascii: "n"): return try word("null", .null)
            case .some(let byte) where byte == UInt8(ascii: "-") || Self.isDigit(byte): return try number()
            default: throw failure(current == nil ? "it is cut short" : "it is not JSON")
            }
        }

        mutating func object(depth: Int) throws(Failure) -> StrictJSON {
            position += 1
            var members: [Member] = []
            var keys: Set<[UInt8]> = []
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object([]) }
            while true {
                skipSpace()
                guard current == UInt8(ascii: "\"") else { throw failure("it is not JSON") }
                let key = try string()
                guard keys.insert(Array(key.utf8)).inserted else { throw failure("the key '\(key)' stands twice") }
                skipSpace()
                guard take(UInt8(ascii: ":")) else { throw failure("it is not JSON") }
                members.append(Member(key: key, value: try value(depth: depth + 1)))
                skipSpace()
                if take(UInt8(ascii: "}")) { return .object(members) }
                guard take(UInt8(ascii: ",")) else { throw failure("it is not JSON") }
            }
        }

        mutating func array(depth: Int) throws(Failure) -> StrictJSON {
            position += 1
            var elements: [StrictJSON] = []
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array([]) }
            while true {
                elements.append(try value(depth: depth + 1))
                skipSpace()
                if take(UInt8(ascii: "]")) { return .array(elements) }
                guard take(UInt8(ascii: ",")) else { throw failure("it is not JSON") }
            }
        }

        mutating func string() throws(Failure) -> String {
            position += 1
            var text: [UInt8] = []
            while true {
                guard let byte = current else { throw failure("it is cut short") }
                switch byte {
                case UInt8(ascii: "\""):
                    position += 1
                    guard let text = String(validating: text, as: UTF8.self) else {
                        throw failure("a string is not UTF-8")
                    }
                    return text
                case UInt8(ascii: "\\"):
                    position += 1
                    text += try escape()
                case 0..<0x20: throw failure("a string holds a control character")
                default:
                    text.append(byte)
                    position += 1
                }
            }
        }

        mutating func escape() throws(Failure) -> [UInt8] {
            guard let byte = current else { throw failure("it is cut short") }
            position += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
            case UInt8(ascii: "b"): return [0x08]
            case UInt8(ascii: "f"): return [0x0c]
            case UInt8(ascii: "n"): return [0x0a]
            case UInt8(ascii: "r"): return [0x0d]
            case UInt8(ascii: "t"): return [0x09]
            case UInt8(ascii: "u"):
                var scalar = try hexadecimal()
                if (0xd800..<0xdc00).contains(scalar) {
                    guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
                        throw failure("a surrogate stands alone")
                    }
                    let low = try hexadecimal()
                    guard (0xdc00..<0xe000).contains(low) else { throw failure("a surrogate stands alone") }
                    scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
                }
                guard let scalar = Unicode.Scalar(scalar) else { throw failure("a surrogate stands alone") }
                return Array(String(Character(scalar)).utf8)
            default: throw failure("a string holds an unknown escape")
            }
        }

        mutating func hexadecimal() throws(Failure) -> UInt32 {
            let digits = bytes[position..<min(bytes.count, position + 4)]
            guard digits.count == 4, digits.allSatisfy({ Self.isDigit($0) || (0x61...0x66).contains($0 | 0x20) }),
                let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
            else { throw failure("an escape is malformed") }
            position += 4
            return value
        }

        static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

        mutating func digits() throws(Failure) {
            guard let byte = current, Self.isDigit(byte) else { throw failure("a number is malformed") }
            while let byte = current, Self.isDigit(byte) { position += 1 }
        }

        mutating func number() throws(Failure) -> StrictJSON {
            let start = position
            _ = take(UInt8(ascii: "-"))
            if !take(UInt8(ascii: "0")) { try digits() }
            var isInteger = true
            if take(UInt8(ascii: ".")) {
                isInteger = false
                try digits()
            }
            if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
                isInteger = false
                position += 1
                if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
                try digits()
            }
            let text = String(decoding: bytes[start..<position], as: UTF8.self)
            guard let value = Double(text), value.isFinite, !isInteger || Int64(text) != nil else {
                position = start
                throw failure("the number \(text.prefix(40)) doesn't fit")
            }
            return .number(text: text, value: value)
        }
    }
}

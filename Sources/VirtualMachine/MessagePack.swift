/// A value of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), as a supervisor and an agent send them.
public enum MessagePack: Equatable, Sendable {
    /// No value.
    case null
    /// True or false.
    case boolean(Bool)
    /// Of 64 bits; what is larger can't be read.
    case integer(Int)
    /// Of 64 bits, or of 32.
    case float(Double)
    /// UTF-8; what isn't is replaced when it is read.
    case text(String)
    /// Any bytes.
    case binary([UInt8])
    /// Values in order.
    case array([MessagePack])
    /// In the order in which they were sent.
    case map([Pair])

    /// A key and its value.
    public struct Pair: Equatable, Sendable {
        /// Mostly a text.
        public var key: MessagePack
        /// What it stands for.
        public var value: MessagePack
    }

    /// A map with texts for keys.
    public static func map(_ pairs: [(String, MessagePack)]) -> MessagePack {
        .map(pairs.map { Pair(key: .text($0.0), value: $0.1) })
    }

    /// The value of a text key; nil where there is none, or this is no map.
    public subscript(_ key: String) -> MessagePack? {
        guard case .map(let pairs) = self else { return nil }
        return pairs.first { $0.key == .text(key) || $0.key == .binary(Array(key.utf8)) }?.value
    }

    /// The text; nil where it is something else.
    public var text: String? { if case .text(let text) = self { text } else { nil } }

    /// Bytes, of a text too.
    public var bytes: [UInt8]? {
        switch self {
        case .binary(let bytes): bytes
        case .text(let text): Array(text.utf8)
        default: nil
        }
    }

    /// The number; nil where it is something else.
    public var integer: Int? { if case .integer(let number) = self { number } else { nil } }

    /// The elements; nil where it is something else.
    public var array: [MessagePack]? { if case .array(let elements) = self { elements } else { nil } }

    // MARK: Writing

    /// As it is sent.
    public var packed: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    private func write(to bytes: inout [UInt8]) {
        func head(_ first: UInt8, _ value: some FixedWidthInteger) {
            bytes.append(first)
            withUnsafeBytes(of: value.bigEndian) { bytes += $0 }
        }
        switch self {
        case .null: bytes.append(0xc0)
        case .boolean(let value): bytes.append(value ? 0xc3 : 0xc2)
        case .integer(let value):
            if (0...127).contains(value) { bytes.append(UInt8(value)) } else { head(0xd3, Int64(value)) }
        case .float(let value): head(0xcb, value.bitPattern)
        case .text(let text):
            head(0xdb, UInt32(text.utf8.count))
            bytes += text.utf8
        case .binary(let value):
            head(0xc6, UInt32(value.count))
            bytes += value
        case .array(let elements):
            head(0xdd, UInt32(elements.count))
            for element in elements { element.write(to: &bytes) }
        case .map(let pairs):
            head(0xdf, UInt32(pairs.count))
            for pair in pairs {
                pair.key.write(to: &bytes)
                pair.value.write(to: &bytes)
            }
        }
    }

    // MARK: Reading

    /// What can't be read.
    public enum Malformed: Error { case cutShort, unknownKind, tooDeep, tooLarge, tooLong }

    /// How deep values may lie in each other.
    private static let deepest = 64

    /// One value, with nothing behind it.
    /// - Throws: `Malformed`.
    public init(packed bytes: [UInt8]) throws(Malformed) {
        var reader = Reader(bytes: bytes)
        self = try reader.value(depth: 0)
        guard reader.at == bytes.count else { throw .tooLong }
    }

    private struct Reader {
        let bytes: [UInt8]
        var at = 0

        mutating func number(_ width: Int) throws(Malformed) -> UInt64 {
            guard bytes.count - at >= width else { throw .cutShort }
            defer { at += width }
            return bytes[at..<at + width].reduce(0) { $0 << 8 | UInt64($1) }
        }

        mutating func taken(_ count: UInt64) throws(Malformed) -> [UInt8] {
            guard UInt64(bytes.count - at) >= count else { throw .cutShort }
            defer { at += Int(count) }
            return Array(bytes[at..<at + Int(count)])
        }

        mutating func text(_ count: UInt64) throws(Malformed) -> MessagePack {
            .text(String(decoding: try taken(count), as: UTF8.self))
        }

        mutating func array(_ count: UInt64, _ depth: Int) throws(Malformed) -> MessagePack {
            // Each takes a byte at least.
            guard count <= UInt64(bytes.count - at) else { throw .cutShort }
            var elements: [MessagePack] = []
            for _ in 0..<count { elements.append(try value(depth: depth + 1)) }
            return .array(elements)
        }

        mutating func map(_ count: UInt64, _ depth: Int) throws(Malformed) -> MessagePack {
            guard 2 * count <= UInt64(bytes.count - at) else { throw .cutShort }
            var pairs: [Pair] = []
            for _ in 0..<count {
                pairs.append(Pair(key: try value(depth: depth + 1), value: try value(depth: depth + 1)))
            }
            return .map(pairs)
        }

        mutating func value(depth: Int) throws(Malformed) -> MessagePack {
            guard depth < MessagePack.deepest else { throw .tooDeep }
            let first = UInt8(try number(1))
            switch first {
            case 0...0x7f: return .integer(Int(first))
            case 0x80...0x8f: return try map(UInt64(first & 0x0f), depth)
            case 0x90...0x9f: return try array(UInt64(first & 0x0f), depth)
            case 0xa0...0xbf: return try text(UInt64(first & 0x1f))
            case 0xc0: return .null
            case 0xc2, 0xc3: return .boolean(first == 0xc3)
            case 0xc4...0xc6: return .binary(try taken(try number(1 << (first - 0xc4))))
            case 0xca: return .float(Double(Float(bitPattern: UInt32(try number(4)))))
            case 0xcb: return .float(Double(bitPattern: try number(8)))
            case 0xcc...0xcf:
                guard let value = Int(exactly: try number(1 << (first - 0xcc))) else { throw .tooLarge }
                return .integer(value)
            case 0xd0...0xd3:
                let width = 1 << Int(first - 0xd0)
                let shift = UInt64(64 - 8 * width)
                return .integer(Int(Int64(bitPattern: try number(width) << shift) >> Int64(shift)))
            case 0xd9...0xdb: return try text(try number(1 << (first - 0xd9)))
            case 0xdc, 0xdd: return try array(try number(first == 0xdc ? 2 : 4), depth)
            case 0xde, 0xdf: return try map(try number(first == 0xde ? 2 : 4), depth)
            case 0xe0...0xff: return .integer(Int(first) - 256)
            default: throw .unknownKind
            }
        }
    }
}

/// As JSON, for people and their programs: bytes that are UTF-8 are text, others a list of numbers; a key that is no text is left
/// out.
extension MessagePack: Encodable {
    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int? = nil

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Writes it as the value that it is.
    public func encode(to encoder: any Encoder) throws {
        var single: any SingleValueEncodingContainer { encoder.singleValueContainer() }
        switch self {
        case .null:
            var container = single
            try container.encodeNil()
        case .boolean(let value): try value.encode(to: encoder)
        case .integer(let value): try value.encode(to: encoder)
        case .float(let value): try value.encode(to: encoder)
        case .text(let text): try text.encode(to: encoder)
        case .binary(let bytes):
            if let text = String(validating: bytes, as: UTF8.self) {
                try text.encode(to: encoder)
            } else {
                try bytes.encode(to: encoder)
            }
        case .array(let elements): try elements.encode(to: encoder)
        case .map(let pairs):
            var container = encoder.container(keyedBy: Key.self)
            for pair in pairs {
                guard let name = pair.key.text else { continue }
                try container.encode(pair.value, forKey: Key(stringValue: name))
            }
        }
    }
}

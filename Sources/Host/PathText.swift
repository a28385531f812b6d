/// Paths as text. To Linux a path is bytes, and nothing says that they are UTF-8; to Swift a text is Unicode.
///
/// A byte that is no part of UTF-8 is held as a scalar of its own, U+10FF00 and the byte: private-use code points at
/// Unicode's very end, U+10FF80 to U+10FFFF (Python does the same with surrogates, PEP 383, which Swift's strings can't
/// hold). A path that has these very scalars has their bytes held so too, which makes the way back exact for all bytes.
extension String {
    /// The text of a path's bytes.
    public init(path bytes: some Collection<UInt8>) {
        if let text = String(validating: bytes, as: UTF8.self), !text.hasHeldBytes {
            self = text
            return
        }
        var scalars = UnicodeScalarView()
        var rest = bytes[...]
        while let first = rest.first {
            let sequence = rest.prefix(UTF8.sequenceLength(first))
            if let scalar = String(validating: sequence, as: UTF8.self)?.unicodeScalars.first, !scalar.isHeldByte {
                scalars.append(scalar)
                rest = rest.dropFirst(sequence.count)
            } else {
                // Where a held byte's own scalar stands, its first byte is held, and then the others, which begin none.
                if let scalar = UnicodeScalar(0x10_ff00 + UInt32(first)) { scalars.append(scalar) }
                rest = rest.dropFirst()
            }
        }
        self = String(scalars)
    }

    /// The text of a path as C has it, ended by a zero.
    public init(path: UnsafePointer<CChar>) {
        let count = UnsafeRawBufferPointer(start: path, count: .max).firstIndex(of: 0) ?? 0
        self.init(path: UnsafeRawBufferPointer(start: path, count: count))
    }

    /// The text of a path in a buffer of C's, up to its first zero.
    public init(path buffer: [CChar]) { self.init(path: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))) }

    /// The bytes of the path that this is the text of.
    public var pathBytes: [UInt8] {
        guard hasHeldBytes else { return Array(utf8) }
        return unicodeScalars.flatMap {
            $0.isHeldByte ? [UInt8(truncatingIfNeeded: $0.value)] : Array(String(Character($0)).utf8)
        }
    }

    /// The path as C takes it, with a zero at its end.
    public var pathCString: [CChar] { pathBytes.map(CChar.init(bitPattern:)) + [0] }

    /// The path as a program's argument or variable: C's form, unsigned.
    public var pathArgument: [UInt8] { pathBytes + [0] }

    /// Calls with the path as C takes it.
    public func withPath<Answer>(_ body: (UnsafePointer<CChar>) throws -> Answer) rethrows -> Answer {
        guard hasHeldBytes else { return try withCString(body) }
        return try body(pathCString)
    }

    /// Text for a reader who takes UTF-8 alone, JSON's or a page's: a held byte is shown as `\xNN`.
    /// - Parameter mark: What stands before the digits.
    public func showingHeldBytes(as mark: String = "\\x") -> String {
        guard hasHeldBytes else { return self }
        return unicodeScalars.map {
            $0.isHeldByte ? mark + String(UInt8(truncatingIfNeeded: $0.value), radix: 16) : String(Character($0))
        }.joined()
    }

    /// All of them begin with these two bytes, and little else does.
    private var hasHeldBytes: Bool {
        var previous: UInt8 = 0
        for byte in utf8 {
            if previous == 0xf4, byte == 0x8f { return unicodeScalars.contains(where: \.isHeldByte) }
            previous = byte
        }
        return false
    }
}

extension UnicodeScalar {
    fileprivate var isHeldByte: Bool { value >= 0x10_ff80 }
}

extension UTF8 {
    /// How many bytes a scalar has that begins with this one; 1 where none does.
    fileprivate static func sequenceLength(_ first: UInt8) -> Int {
        switch first {
        case 0xc2..<0xe0: 2
        case 0xe0..<0xf0: 3
        case 0xf0..<0xf5: 4
        default: 1
        }
    }
}

import Subprocess

/// Cuts what a program prints into lines, in bounded memory: of a line that is longer the beginning is kept.
public struct OutputLines {
    private let limit: Int
    private var line: [UInt8] = []
    private var isCut = false

    /// - Parameter limit: Bytes of a line that are kept.
    public init(limit: Int) { self.limit = limit }

    /// Takes the next bytes and gives the lines that end in them.
    /// - Parameter body: Gets a line without its end, and whether it was cut.
    public mutating func take(
        _ buffer: SubprocessOutputSequence.Buffer, _ body: ([UInt8], Bool) throws -> Void
    ) rethrows {
        try buffer.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while let newline = rest.firstIndex(of: 10) {
                append(rest[..<newline])
                try end(body)
                rest = rest[(newline + 1)...]
            }
            append(rest)
        }
    }

    /// Gives what came after the last line's end, if anything did.
    public mutating func finish(_ body: ([UInt8], Bool) throws -> Void) rethrows { if !line.isEmpty { try end(body) } }

    private mutating func append(_ bytes: Slice<UnsafeRawBufferPointer>) {
        let room = limit - line.count
        line += bytes.prefix(room)
        if bytes.count > room { isCut = true }
    }

    private mutating func end(_ body: ([UInt8], Bool) throws -> Void) rethrows {
        defer { (line, isCut) = ([], false) }
        try body(line.last == 13 ? line.dropLast() : line, isCut)
    }
}

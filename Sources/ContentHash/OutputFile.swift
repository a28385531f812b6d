import Glibc
import Host

/// Writes to an open file from its beginning on, gathering small pieces.
struct OutputFile: ~Copyable {
    private let descriptor: CInt
    private let name: String
    private var buffer: [UInt8] = []
    /// Bytes written so far.
    private(set) var size = 0

    private static let limit = 1 << 20

    init(descriptor: CInt, name: String) {
        (self.descriptor, self.name) = (descriptor, name)
        buffer.reserveCapacity(Self.limit)
    }

    mutating func write(_ bytes: some Collection<UInt8>) throws {
        if buffer.count + bytes.count > Self.limit { try flush() }
        buffer += bytes
        size += bytes.count
    }

    mutating func flush() throws {
        do { try OpenFile.write(buffer, to: descriptor) } catch {
            throw FileWriteError(file: name, reason: error.description)
        }
        buffer.removeAll(keepingCapacity: true)
    }
}

/// A file that can't be written.
public struct FileWriteError: Error, CustomStringConvertible {
    /// As it was given.
    public let file: String
    /// What went wrong, in words.
    public let reason: String

    /// For people.
    public var description: String { "cannot write \(file): \(reason)" }
}

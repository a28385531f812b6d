import ContentHash
import Host
import NIOCore
import Synchronization

/// A request's body: bytes at hand and files between them, read when they are sent, a piece at a time.
struct SentBody: AsyncSequence, Sendable {
    /// What it is made of.
    enum Part: Sendable {
        case bytes([UInt8])
        case file(InputFile, size: Int)

        var size: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .file(_, let size): size
            }
        }
    }

    private let parts: [Part]
    private let sent: @Sendable (Int) -> Void
    private let handed = Handed()
    /// Bytes in all.
    let length: Int
    /// Bytes that have been handed over, of a body that is sent once.
    var sentCount: Int { handed.count.load(ordering: .relaxed) }
    /// Whether all of it has been handed over.
    var isSent: Bool { handed.isWhole.isSet }

    fileprivate final class Handed: Sendable {
        let count = Atomic(0)
        let isWhole = Latch()
    }

    /// Of a file that is read at once.
    private static let pieceSize = 1 << 18

    /// - Parameter sent: Gets how many bytes of it have been handed over, again and again.
    init(_ parts: [Part], sent: @escaping @Sendable (Int) -> Void = { _ in }) {
        (self.parts, self.sent) = (parts, sent)
        length = parts.reduce(0) { $0 + $1.size }
    }

    func makeAsyncIterator() -> Iterator { Iterator(parts: parts, sent: sent, handed: handed) }

    /// Reads pieces in order.
    struct Iterator: AsyncIteratorProtocol {
        fileprivate let parts: [Part]
        fileprivate let sent: @Sendable (Int) -> Void
        private let handed: Handed
        private var (part, position, total) = (0, 0, 0)

        fileprivate init(parts: [Part], sent: @escaping @Sendable (Int) -> Void, handed: Handed) {
            (self.parts, self.sent, self.handed) = (parts, sent, handed)
        }

        /// - Throws: `FileReadError` where a file has become shorter.
        mutating func next() async throws -> ByteBuffer? {
            sent(total)
            handed.count.store(total, ordering: .relaxed)
            while part < parts.count, position == parts[part].size { (part, position) = (part + 1, 0) }
            guard part < parts.count else {
                handed.isWhole.set()
                return nil
            }
            let piece: ByteBuffer
            switch parts[part] {
            case .bytes(let bytes): piece = ByteBuffer(bytes: bytes)
            case .file(let file, let size):
                let (start, count) = (position, Swift.min(SentBody.pieceSize, size - position))
                piece = try await onThread {
                    var buffer = ByteBufferAllocator().buffer(capacity: count)
                    try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
                        try file.read(into: .init(rebasing: room[..<count]), at: start)
                        return count
                    }
                    return buffer
                }
            }
            position += piece.readableBytes
            total += piece.readableBytes
            return piece
        }
    }
}

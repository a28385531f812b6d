import Glibc
import Host

extension ArchiveReader {
    /// Where an archive's bytes come from.
    public class Source {
        var canSkip: Bool { false }

        /// The next bytes, valid until the next call; empty at the end, nil where they can't be read.
        func next() -> UnsafeRawBufferPointer? { nil }

        /// Passes over so many bytes, or fewer.
        func skip(_ count: Int) -> Int { 0 }

        /// Bytes that somebody else hands over; empty at the end.
        public static func pieces(_ next: @escaping () -> UnsafeRawBufferPointer) -> Source { Pieces(next) }

        /// Bytes in memory, which are copied.
        public static func memory(_ bytes: some Collection<UInt8>) -> Source { Memory(bytes) }

        /// A part of an open file, which stays open. What isn't asked for is skipped, not read.
        public static func file(_ descriptor: CInt, offset: Int, size: Int) -> Source {
            Window(descriptor: descriptor, offset: offset, size: size)
        }

        /// A whole file.
        /// - Throws: `ArchiveError`.
        public static func path(_ path: String) throws -> Source {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw ArchiveError("cannot read it: \(String(cString: strerror(errno)))") }
            return WholeFile(descriptor: descriptor)
        }
    }

    private final class Pieces: Source {
        private let read: () -> UnsafeRawBufferPointer
        init(_ read: @escaping () -> UnsafeRawBufferPointer) { self.read = read }
        override func next() -> UnsafeRawBufferPointer? { read() }
    }

    private final class Memory: Source {
        private let bytes: UnsafeMutableRawBufferPointer
        private var isRead = false

        init(_ collection: some Collection<UInt8>) {
            bytes = .allocate(byteCount: collection.count, alignment: 16)
            bytes.copyBytes(from: collection)
        }

        deinit { bytes.deallocate() }

        override func next() -> UnsafeRawBufferPointer? {
            defer { isRead = true }
            return isRead ? UnsafeRawBufferPointer(start: nil, count: 0) : UnsafeRawBufferPointer(bytes)
        }
    }

    /// A file of its own, read where it stands: a pipe can't be read otherwise.
    private final class WholeFile: Source {
        private let descriptor: CInt
        private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 4096)

        init(descriptor: CInt) { self.descriptor = descriptor }

        deinit {
            buffer.deallocate()
            close(descriptor)
        }

        override func next() -> UnsafeRawBufferPointer? {
            guard let count = try? OpenFile.read(descriptor, into: buffer) else { return nil }
            return UnsafeRawBufferPointer(rebasing: buffer[..<count])
        }
    }

    private final class Window: Source {
        private let descriptor: CInt
        private var position: Int
        private let end: Int
        private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 4096)

        init(descriptor: CInt, offset: Int, size: Int) {
            (self.descriptor, position, end) = (descriptor, offset, offset + size)
        }

        deinit { buffer.deallocate() }

        override var canSkip: Bool { true }

        override func next() -> UnsafeRawBufferPointer? {
            let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, end - position)])
            guard let count = try? OpenFile.read(descriptor, at: position, into: wanted) else { return nil }
            position += count
            return UnsafeRawBufferPointer(rebasing: wanted[..<count])
        }

        override func skip(_ count: Int) -> Int {
            let skipped = min(count, end - position)
            position += skipped
            return skipped
        }
    }
}

import CArchive
import Glibc
import Host

/// An archive or a compressed stream that can't be read or unpacked, in libarchive's words.
public struct ArchiveError: Error, CustomStringConvertible {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }

    /// What libarchive says of its last call.
    init(_ archive: OpaquePointer?) {
        reason = archive.flatMap { archive_error_string($0) }.map { String(cString: $0) } ?? "unknown error"
    }

    public var description: String { reason }
}

/// One archive or one compressed stream, entry by entry (libarchive(3)). One thread's.
public final class ArchiveReader {
    public enum Format: Sendable {
        /// tar(5) with its extensions; no bytes at all are an archive without entries.
        case tar
        /// ar(5).
        case ar
        /// Bytes without a format: one entry, and none where there is no byte.
        case stream
    }

    private let archive: OpaquePointer
    private let source: Source

    /// - Parameters:
    ///   - isCompressed: Whether it may be compressed, by any means that libarchive knows.
    ///   - source: Where the bytes come from.
    /// - Throws: `ArchiveError`.
    public init(_ format: Format, isCompressed: Bool, from source: Source) throws {
        guard let archive = archive_read_new() else { throw ArchiveError("out of memory") }
        (self.archive, self.source) = (archive, source)
        switch format {
        case .tar: archive_read_support_format_tar(archive)
        case .ar: archive_read_support_format_ar(archive)
        case .stream: archive_read_support_format_raw(archive)
        }
        if format != .ar { archive_read_support_format_empty(archive) }
        if isCompressed { archive_read_support_filter_all(archive) }
        archive_read_set_read_callback(archive) { _, context, result in
            guard let context else { return -1 }
            guard let bytes = Unmanaged<Source>.fromOpaque(context).takeUnretainedValue().next() else { return -1 }
            result?.pointee = bytes.baseAddress
            return bytes.count
        }
        if source.canSkip {
            archive_read_set_skip_callback(archive) { _, context, request in
                guard let context else { return 0 }
                return Int64(Unmanaged<Source>.fromOpaque(context).takeUnretainedValue().skip(Int(request)))
            }
        }
        archive_read_set_callback_data(archive, Unmanaged.passUnretained(source).toOpaque())
        // A reader that can't be opened goes like another (deinit).
        guard archive_read_open1(archive) == ARCHIVE_OK else { throw ArchiveError(archive) }
    }

    deinit { archive_read_free(archive) }

    /// The next entry, which holds until the next call; nil at the end.
    /// - Throws: `ArchiveError`.
    public func next() throws -> ArchiveEntry? {
        var entry: OpaquePointer?
        let status = archive_read_next_header(archive, &entry)
        if status == ARCHIVE_EOF { return nil }
        guard status == ARCHIVE_OK || status == ARCHIVE_WARN, let entry else { throw ArchiveError(archive) }
        return ArchiveEntry(entry)
    }

    /// The next bytes of the current entry, valid until the next call; empty at its end, or at an error that `failure` tells.
    public func nextBlock() -> UnsafeRawBufferPointer {
        guard let block = try? nextPiece() else { return .init(start: nil, count: 0) }
        return block.bytes
    }

    /// The next bytes of the current entry and their place in it, between which there may be holes; nil at its end.
    /// - Throws: `ArchiveError`.
    public func nextPiece() throws -> (bytes: UnsafeRawBufferPointer, offset: Int)? {
        var (start, size, offset): (UnsafeRawPointer?, Int, Int64) = (nil, 0, 0)
        let status = archive_read_data_block(archive, &start, &size, &offset)
        if status == ARCHIVE_EOF { return nil }
        guard status == ARCHIVE_OK else { throw ArchiveError(archive) }
        return (UnsafeRawBufferPointer(start: start, count: size), Int(offset))
    }

    /// Hands the current entry's bytes over, piece by piece.
    /// - Throws: `ArchiveError`.
    public func readAll(_ write: (UnsafeRawBufferPointer) throws -> Void) throws {
        while case let block = nextBlock(), !block.isEmpty { try write(block) }
        if archive_errno(archive) != 0 { throw ArchiveError(archive) }
    }

    /// The current entry's bytes.
    /// - Throws: `ArchiveError`, also for more than `limit`.
    public func bytes(limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { chunk.deallocate() }
        while true {
            let count = archive_read_data(archive, chunk.baseAddress, chunk.count)
            if count < 0 { throw ArchiveError(archive) }
            if count == 0 { return bytes }
            guard bytes.count + count <= limit else { throw ArchiveError("it grows beyond \(limit) bytes") }
            bytes += chunk[..<count]
        }
    }

    /// Writes an entry to the disk.
    /// - Throws: `ArchiveError`.
    func extract(_ entry: ArchiveEntry, to disk: OpaquePointer) throws {
        guard archive_read_extract2(archive, entry.pointer, disk) == ARCHIVE_OK else { throw ArchiveError(archive) }
    }
}

extension ArchiveReader {
    /// Where an archive's bytes come from.
    public class Source {
        fileprivate var canSkip: Bool { false }

        /// The next bytes, valid until the next call; empty at the end, nil where they can't be read.
        fileprivate func next() -> UnsafeRawBufferPointer? { nil }

        /// Passes over so many bytes, or fewer.
        fileprivate func skip(_ count: Int) -> Int { 0 }

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
            return Window(descriptor: descriptor, offset: 0, size: .max, closing: true)
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

    private final class Window: Source {
        private let descriptor: CInt
        private let closing: Bool
        private var position: Int
        private let end: Int
        private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 4096)

        init(descriptor: CInt, offset: Int, size: Int, closing: Bool = false) {
            (self.descriptor, self.closing, position) = (descriptor, closing, offset)
            end = size == .max ? .max : offset + size
        }

        deinit {
            buffer.deallocate()
            if closing { close(descriptor) }
        }

        // A file whose size isn't known has to be read to its end.
        override var canSkip: Bool { end != .max }

        override func next() -> UnsafeRawBufferPointer? {
            let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, end - position)])
            // A pipe can be read only where it stands.
            guard
                let count = try? end == .max
                    ? OpenFile.read(descriptor, into: wanted) : OpenFile.read(descriptor, at: position, into: wanted)
            else { return nil }
            position += end == .max ? 0 : count
            return UnsafeRawBufferPointer(rebasing: wanted[..<count])
        }

        override func skip(_ count: Int) -> Int {
            let skipped = min(count, end - position)
            position += skipped
            return skipped
        }
    }
}

import CArchive

/// One archive or one compressed stream, entry by entry (libarchive(3)). One thread's.
public final class ArchiveReader {
    /// The library whose code this is and those that it calls, with their versions.
    public static var library: String {
        archive_version_details().map { String(cString: $0) }?.replacing("/", with: " ") ?? "libarchive"
    }

    /// What libarchive is told to expect; it would try everything that it knows.
    public enum Format: Sendable {
        /// tar(5) with its extensions; no bytes at all are an archive without entries.
        case tar
        /// ar(5).
        case ar
        /// Bytes without a format: one entry, and none where there is no byte.
        case stream
    }

    /// libarchive's version and those of what it decompresses with, as they are loaded.
    public static var libraryVersion: String { String(cString: archive_version_details()) }

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

    /// The next bytes of the current entry, valid until the next call; empty at its end, or at an error.
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

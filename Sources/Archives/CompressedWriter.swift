import CArchive

/// Compresses a stream of bytes into an LZ4 frame (lz4_Frame_format.md): fast rather than small. One thread's.
public final class CompressedWriter {
    private let archive: OpaquePointer
    private let output: Output

    /// What libarchive's callbacks are handed.
    private final class Output {
        let write: (UnsafeRawBufferPointer) throws -> Void
        var failure: (any Error)?

        init(_ write: @escaping (UnsafeRawBufferPointer) throws -> Void) { self.write = write }

        func take(_ bytes: UnsafeRawBufferPointer) -> Int {
            do { try write(bytes) } catch {
                failure = error
                return -1
            }
            return bytes.count
        }
    }

    /// - Parameter write: Gets the compressed bytes, piece by piece.
    /// - Throws: `ArchiveError`.
    public init(_ write: @escaping (UnsafeRawBufferPointer) throws -> Void) throws {
        guard let archive = archive_write_new() else { throw ArchiveError("out of memory") }
        (self.archive, output) = (archive, Output(write))
        archive_write_set_format_raw(archive)
        archive_write_set_bytes_per_block(archive, 1 << 18)
        // No padding: the stream ends where it ends.
        archive_write_set_bytes_in_last_block(archive, 1)
        guard archive_write_add_filter_lz4(archive) == ARCHIVE_OK,
            archive_write_open(
                archive, Unmanaged.passUnretained(output).toOpaque(), nil,
                { _, context, bytes, count in
                    guard let context else { return -1 }
                    return Unmanaged<Output>.fromOpaque(context).takeUnretainedValue()
                        .take(UnsafeRawBufferPointer(start: bytes, count: count))
                }, nil) == ARCHIVE_OK,
            let entry = archive_entry_new()
        else { throw ArchiveError(archive) }
        defer { archive_entry_free(entry) }
        archive_entry_set_filetype(entry, 0o100000)
        guard archive_write_header(archive, entry) == ARCHIVE_OK else { throw ArchiveError(archive) }
    }

    deinit { archive_write_free(archive) }

    /// - Throws: `ArchiveError`, or what `write` threw.
    public func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let written = archive_write_data(archive, rest.baseAddress, rest.count)
            guard written > 0 else { throw output.failure ?? ArchiveError(archive) }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Writes what is left.
    /// - Throws: `ArchiveError`, or what `write` threw.
    public func finish() throws {
        guard archive_write_close(archive) == ARCHIVE_OK else { throw output.failure ?? ArchiveError(archive) }
    }
}

import CArchive
import Host

/// Writes a cpio archive (cpio(5), "newc"), the form of a kernel's first root.
public final class CpioWriter {
    private let archive: OpaquePointer

    /// - Throws: `ArchiveError`.
    public init(path: String) throws {
        guard let archive = archive_write_new() else { throw ArchiveError("out of memory") }
        self.archive = archive
        archive_write_set_format_cpio_newc(archive)
        guard path.withPath({ archive_write_open_filename(archive, $0) }) == ARCHIVE_OK else {
            throw ArchiveError(archive)
        }
    }

    deinit { archive_write_free(archive) }

    /// - Parameter bytes: nil for a folder.
    /// - Throws: `ArchiveError`.
    public func add(_ path: String, mode: UInt32, _ bytes: [UInt8]?) throws {
        guard let entry = archive_entry_new() else { throw ArchiveError("out of memory") }
        defer { archive_entry_free(entry) }
        archive_entry_set_pathname(entry, path)
        archive_entry_set_filetype(entry, bytes == nil ? 0o040000 : 0o100000)
        archive_entry_set_perm(entry, mode)
        archive_entry_set_size(entry, Int64(bytes?.count ?? 0))
        guard archive_write_header(archive, entry) == ARCHIVE_OK else { throw ArchiveError(archive) }
        guard let bytes else { return }
        let written = bytes.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
        guard written == bytes.count else { throw ArchiveError(archive) }
    }

    /// - Throws: `ArchiveError`.
    public func finish() throws {
        guard archive_write_close(archive) == ARCHIVE_OK else { throw ArchiveError(archive) }
    }
}

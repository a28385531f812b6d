import CArchive
import Host

/// Writes archives' entries to the disk, below the working folder, following links: where they may lead is the caller's to
/// bound (a root that the process can't leave). Owners, modes, times and attributes are the archive's.
public final class DiskWriter {
    private let disk: OpaquePointer

    /// - Throws: `ArchiveError`.
    public init() throws {
        guard let disk = archive_write_disk_new() else { throw ArchiveError("out of memory") }
        self.disk = disk
        // Neither SECURE_SYMLINKS nor UNLINK: both would put a folder in the place of /bin, a link since the base was made.
        archive_write_disk_set_options(
            disk,
            CInt(
                ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_XATTR
                    | ARCHIVE_EXTRACT_SECURE_NODOTDOT))
    }

    deinit { archive_write_free(disk) }

    /// Writes the reader's current entry.
    /// - Throws: `ArchiveError`.
    public func write(_ entry: ArchiveEntry, of reader: ArchiveReader) throws { try reader.extract(entry, to: disk) }

    /// Sets what can be set when all is written: times and modes of folders.
    /// - Throws: `ArchiveError`.
    public func finish() throws {
        guard archive_write_close(disk) == ARCHIVE_OK else { throw ArchiveError(disk) }
    }
}

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

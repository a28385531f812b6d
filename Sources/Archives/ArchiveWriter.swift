import CArchive
import Host

/// Writes a small archive, entry by entry, from bytes at hand.
public final class ArchiveWriter {
    /// What it can write.
    public enum Format: Sendable {
        /// The form of a kernel's first root: cpio(5), "newc".
        case cpio
        /// APPNOTE 6.3, with modes and symbolic links as Info-ZIP has them.
        case zip
    }

    /// What an entry is.
    public enum Content: Sendable {
        case folder
        case file([UInt8])
        case link(target: String)
    }

    private let archive: OpaquePointer

    /// - Throws: `ArchiveError`.
    public init(path: String, format: Format) throws {
        guard let archive = archive_write_new() else { throw ArchiveError("out of memory") }
        self.archive = archive
        switch format {
        case .cpio: archive_write_set_format_cpio_newc(archive)
        case .zip: archive_write_set_format_zip(archive)
        }
        guard path.withPath({ archive_write_open_filename(archive, $0) }) == ARCHIVE_OK else {
            throw ArchiveError(archive)
        }
    }

    deinit { archive_write_free(archive) }

    /// 1980-01-01 UTC, the first time that a zip archive can say: the bytes are to depend on nothing but what is in it.
    private static let time = 315_532_800

    /// - Parameter mode: Permission bits.
    /// - Throws: `ArchiveError`.
    public func add(_ path: String, mode: UInt32, _ content: Content) throws {
        guard let entry = archive_entry_new() else { throw ArchiveError("out of memory") }
        defer { archive_entry_free(entry) }
        path.withPath { archive_entry_set_pathname(entry, $0) }
        archive_entry_set_perm(entry, mode)
        archive_entry_set_mtime(entry, Self.time, 0)
        var bytes: [UInt8] = []
        switch content {
        case .folder: archive_entry_set_filetype(entry, 0o040000)
        case .link(let target):
            archive_entry_set_filetype(entry, 0o120000)
            target.withPath { archive_entry_set_symlink(entry, $0) }
        case .file(let content):
            archive_entry_set_filetype(entry, 0o100000)
            bytes = content
        }
        archive_entry_set_size(entry, Int64(bytes.count))
        guard archive_write_header(archive, entry) == ARCHIVE_OK else { throw ArchiveError(archive) }
        guard !bytes.isEmpty else { return }
        let written = bytes.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
        guard written == bytes.count else { throw ArchiveError(archive) }
    }

    /// - Throws: `ArchiveError`.
    public func finish() throws {
        guard archive_write_close(archive) == ARCHIVE_OK else { throw ArchiveError(archive) }
    }
}

import CArchive

/// Writes archives' entries to the disk, below the working folder, following links: where they may lead is the caller's to
/// bound (a root that the process can't leave). Owners, modes, times and attributes are the archive's.
public final class DiskWriter {
    private let disk: OpaquePointer
    /// Whether extended attributes are written.
    public let hasAttributes: Bool

    /// - Parameter hasAttributes: Whether extended attributes are written: what is made in a folder inherits its default access list.
    /// - Throws: `ArchiveError`.
    public init(hasAttributes: Bool = true) throws {
        guard let disk = archive_write_disk_new() else { throw ArchiveError("out of memory") }
        (self.disk, self.hasAttributes) = (disk, hasAttributes)
        // Neither SECURE_SYMLINKS nor UNLINK: both would put a folder in the place of /bin, a link since the base was made.
        archive_write_disk_set_options(
            disk,
            CInt(
                ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_NODOTDOT
                    | (hasAttributes ? ARCHIVE_EXTRACT_XATTR : 0)))
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

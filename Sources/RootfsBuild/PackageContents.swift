import CArchive
import Glibc
import Host

/// What a package's data.tar holds, looked at before dpkg sees it.
///
/// dpkg runs chrooted, so no entry could leave the root; but a package that tries is not one to build from.
struct PackageContents {
    let package: String
    let descriptor: CInt
    let dataOffset: Int
    let size: Int

    /// - Returns: The plain files of root's below /usr.
    /// - Throws: `RootfsError.badPackage` for an entry that climbs out of the root, or goes through a link that does.
    func check() throws -> [ShippedFile] {
        let reader = try reader()
        var outward: Set<String> = []
        var kinds: [String: Bool] = [:]
        var files: [ShippedFile] = []
        while let path = try reader.nextPath(package: package) {
            if let file = reader.shippedFile { files.append(file) }
            let parts = path.split(separator: "/").filter { $0 != "." }
            if parts.contains("..") {
                throw RootfsError.badPackage(package: package, reason: "its entry '\(path)' climbs out of the root")
            }
            if let target = reader.hardLinkTarget, Self.climbsOut(target, from: 0) || target.contains("..") {
                throw RootfsError.badPackage(
                    package: package, reason: "its entry '\(path)' is a hard link to '\(target)', out of the root")
            }
            let name = parts.joined(separator: "/")
            // Which of the two stays would be the unpacker's choice.
            if let wasFolder = kinds.updateValue(reader.isFolder, forKey: name), wasFolder != reader.isFolder {
                throw RootfsError.badPackage(
                    package: package, reason: "its entry '\(path)' is a folder and no folder, one after the other")
            }
            var prefix = ""
            for part in parts.dropLast() {
                prefix += "/\(part)"
                if outward.contains(prefix) {
                    throw RootfsError.badPackage(
                        package: package, reason: "its entry '\(path)' follows a link that leads out of the root")
                }
            }
            if let target = reader.linkTarget, Self.climbsOut(target, from: parts.count - 1) {
                outward.insert("/" + parts.joined(separator: "/"))
            }
        }
        return files
    }

    private static func climbsOut(_ target: String, from depth: Int) -> Bool {
        var depth = target.hasPrefix("/") ? 0 : depth
        for part in target.split(separator: "/") where part != "." {
            depth += part == ".." ? -1 : 1
            if depth < 0 { return true }
        }
        return false
    }

    private func reader() throws -> TarReader {
        try TarReader(descriptor: descriptor, offset: dataOffset, size: size)
    }
}

/// The entries of a tar that lies inside an open file. What isn't asked for is skipped, not read.
final class TarReader {
    private let archive: OpaquePointer
    private let window: Window
    private var entry: OpaquePointer?

    private final class Window {
        let descriptor: CInt
        let end: Int
        let closing: Bool
        var position: Int
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 4096)

        init(descriptor: CInt, offset: Int, size: Int, closing: Bool) {
            (self.descriptor, position, end, self.closing) = (descriptor, offset, offset + size, closing)
        }

        deinit {
            buffer.deallocate()
            if closing { close(descriptor) }
        }
    }

    /// - Parameters:
    ///   - closing: Whether the file is closed in the end.
    ///   - isCompressed: Whether it may be compressed.
    init(descriptor: CInt, offset: Int, size: Int, closing: Bool = false, isCompressed: Bool = false) throws {
        guard let archive = archive_read_new() else { throw RootfsError.system("libarchive", ENOMEM) }
        self.archive = archive
        window = Window(descriptor: descriptor, offset: offset, size: size, closing: closing)
        archive_read_support_format_tar(archive)
        archive_read_support_format_empty(archive)
        if isCompressed { archive_read_support_filter_all(archive) }
        archive_read_set_read_callback(archive) { _, context, result in
            guard let context else { return -1 }
            let window = Unmanaged<Window>.fromOpaque(context).takeUnretainedValue()
            let wanted = min(window.buffer.count, window.end - window.position)
            guard
                let count = try? OpenFile.read(
                    window.descriptor, at: window.position, into: .init(rebasing: window.buffer[..<wanted]))
            else { return -1 }
            window.position += count
            result?.pointee = UnsafeRawPointer(window.buffer.baseAddress)
            return count
        }
        archive_read_set_skip_callback(archive) { _, context, request in
            guard let context else { return 0 }
            let window = Unmanaged<Window>.fromOpaque(context).takeUnretainedValue()
            let count = min(Int(request), window.end - window.position)
            window.position += count
            return Int64(count)
        }
        archive_read_set_callback_data(archive, Unmanaged.passUnretained(window).toOpaque())
        archive_read_open1(archive)
    }

    deinit { archive_read_free(archive) }

    /// Moves to the next entry and gives its path; nil at the end.
    func nextPath(package: String) throws -> String? {
        let status = archive_read_next_header(archive, &entry)
        if status == ARCHIVE_EOF { return nil }
        guard status == ARCHIVE_OK || status == ARCHIVE_WARN, let entry else {
            let reason = archive_error_string(archive).map { String(cString: $0) } ?? "unknown error"
            throw RootfsError.badPackage(package: package, reason: "its data can't be read: \(reason)")
        }
        return archive_entry_pathname(entry).map { String(cString: $0) } ?? ""
    }

    /// The symbolic link's target; nil for another entry.
    var linkTarget: String? {
        guard let entry, archive_entry_filetype(entry) == S_IFLNK else { return nil }
        return archive_entry_symlink(entry).map { String(cString: $0) }
    }

    /// What the entry is another name of; nil where it is none.
    var hardLinkTarget: String? { entry.flatMap { archive_entry_hardlink($0) }.map { String(cString: $0) } }

    var isFolder: Bool { entry.map { archive_entry_filetype($0) == S_IFDIR } ?? false }

    /// The current entry, if it is a file that may be packed as it is shipped.
    var shippedFile: ShippedFile? {
        guard archive_entry_filetype(entry) == S_IFREG, archive_entry_hardlink(entry) == nil,
            archive_entry_uid(entry) == 0, archive_entry_gid(entry) == 0, archive_entry_perm(entry) & 0o7000 == 0,
            archive_entry_size(entry) > 0, archive_entry_xattr_count(entry) == 0,
            let path = archive_entry_pathname(entry)
        else { return nil }
        let bytes = UnsafeBufferPointer(start: path, count: strlen(path)).map(UInt8.init(bitPattern:))
        return ShippedFile(
            path: bytes, size: Int(archive_entry_size(entry)), mode: Int(archive_entry_perm(entry)),
            time: archive_entry_mtime(entry))
    }

    /// Writes all entries below the current folder, following links, keeping owners, modes, times and attributes.
    /// - Parameter isWholeSystem: Leaves out device nodes below /dev, which every image has from one list, and refuses what
    ///   an image can't carry.
    func extractAll(package: String, isWholeSystem: Bool = false) throws {
        guard let disk = archive_write_disk_new() else { throw RootfsError.system("libarchive", ENOMEM) }
        defer { archive_write_free(disk) }
        // Neither SECURE_SYMLINKS nor UNLINK: both would put a folder in the place of /bin, a link since the base
        // was made. What keeps an entry inside is that this process is chrooted.
        archive_write_disk_set_options(
            disk,
            CInt(
                ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_XATTR
                    | ARCHIVE_EXTRACT_SECURE_NODOTDOT))
        while let path = try nextPath(package: package) {
            // chown(2) takes -1 for "as it is"; a build without root has these ids alone.
            let (uid, gid) = (archive_entry_uid(entry), archive_entry_gid(entry))
            guard (0...65_535).contains(uid), (0...65_535).contains(gid) else {
                throw RootfsError.badPackage(
                    package: package,
                    reason: "its entry '\(path)' is owned by \(uid):\(gid), ids that a build doesn't have")
            }
            if isWholeSystem, try isLeftOut(path, package: package) { continue }
            // Names on disk are what dpkg will find; numbers are what the packages mean.
            guard archive_read_extract2(archive, entry, disk) == ARCHIVE_OK else {
                let reason = archive_error_string(archive).map { String(cString: $0) } ?? "unknown error"
                throw RootfsError.badPackage(
                    package: package, reason: "its entry '\(path)' can't be unpacked: \(reason)")
            }
        }
        guard archive_write_close(disk) == ARCHIVE_OK else {
            let reason = archive_error_string(disk).map { String(cString: $0) } ?? "unknown error"
            throw RootfsError.badPackage(package: package, reason: "it can't be unpacked: \(reason)")
        }
    }

    private func isLeftOut(_ path: String, package: String) throws -> Bool {
        let parts = path.split(separator: "/").filter { $0 != "." }
        if parts.count > 1, parts[0] == "dev", archive_entry_filetype(entry) != S_IFDIR { return true }
        if archive_entry_acl_types(entry) != 0 {
            throw RootfsError.badPackage(
                package: package, reason: "its entry '\(path)' has an access control list, which an image can't carry")
        }
        return false
    }
}

import CArchive
import Glibc
import Synchronization

/// A tar archive, compressed or not, as a tree. Its contents are laid down in an unnamed file while it is read.
final class TarTree: Tree {
    let format = "tar"
    let path: String
    let entries: [TreeEntry]
    private let spool: CInt
    /// Where each node's bytes begin in that file.
    private let places: [Int: Int]

    init(path: String) throws {
        self.path = path
        func fail(_ reason: String) -> TreeReadError { TreeReadError(path: path, reason: reason) }
        guard let archive = archive_read_new() else { throw fail("out of memory") }
        defer { archive_read_free(archive) }
        archive_read_support_filter_all(archive)
        archive_read_support_format_tar(archive)
        func archiveError() -> TreeReadError {
            let reason = archive_error_string(archive).map { String(cString: $0) } ?? "unknown error"
            return fail("it is neither a squashfs image nor a folder, and as a tar: \(reason)")
        }
        guard archive_read_open_filename(archive, path, 1 << 18) == ARCHIVE_OK else { throw archiveError() }
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        spool = Self.unnamedFile(in: folder)
        guard spool >= 0 else {
            throw fail("no room for its contents in \(folder): \(String(cString: strerror(errno)))")
        }

        // By path: a later entry of a name takes the earlier one's place, as tar does it.
        var found: [[UInt8]: TreeEntry] = [:]
        var places: [Int: Int] = [:]
        var (node, end) = (0, 0)
        while true {
            var header: OpaquePointer?
            let status = archive_read_next_header(archive, &header)
            if status == ARCHIVE_EOF { break }
            guard status == ARCHIVE_OK || status == ARCHIVE_WARN, let header else { throw archiveError() }
            guard found.count < 1_000_000 else { throw fail("it has more than a million entries") }
            let name = archive_entry_pathname(header).map { Self.normal($0) } ?? []
            if let target = archive_entry_hardlink(header), var entry = found[Self.normal(target)] {
                entry.path = name
                found[name] = entry
                continue
            }
            node += 1
            let kind: TreeEntry.Kind
            switch mode_t(archive_entry_filetype(header)) {
            case S_IFDIR: kind = .directory
            case S_IFLNK:
                kind = .symbolicLink(
                    target: archive_entry_symlink(header).map {
                        Array(UnsafeRawBufferPointer(start: $0, count: strlen($0)))
                    }
                        ?? [])
            case S_IFCHR, S_IFBLK:
                kind = .device(
                    isBlock: mode_t(archive_entry_filetype(header)) == S_IFBLK,
                    major: Int(archive_entry_rdevmajor(header)), minor: Int(archive_entry_rdevminor(header)))
            case S_IFIFO: kind = .fifo
            case S_IFSOCK: kind = .socket
            case S_IFREG: kind = .file(size: Int(archive_entry_size(header)))
            default: throw fail("\(readable(name)) is of no type that is known")
            }
            found[name] = TreeEntry(
                path: name, kind: kind, mode: Int(archive_entry_perm(header)) & 0o7777,
                uid: Int(archive_entry_uid(header)), gid: Int(archive_entry_gid(header)),
                time: archive_entry_mtime(header), attributes: Self.attributes(header), node: node)
            if case .file(let size) = kind {
                places[node] = end
                try Self.copyData(archive, to: spool, at: end, limit: size, path: path)
                end += size
            }
        }
        guard !found.isEmpty else { throw fail("it is neither a squashfs image, a folder nor a tar with entries") }
        entries = inByteOrder(Array(found.values))
        self.places = places
    }

    deinit { if spool >= 0 { close(spool) } }

    private static func unnamedFile(in folder: String) -> CInt {
        var template = Array("\(folder)/rtverify-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        if descriptor >= 0 { unlink(template) }
        return descriptor
    }

    /// Without `./` before it, slashes after it, or empty parts.
    private static func normal(_ path: UnsafePointer<CChar>) -> [UInt8] {
        let bytes = Array(UnsafeRawBufferPointer(start: path, count: strlen(path)))
        return Array(bytes.split(separator: 0x2f).filter { $0 != [0x2e] }.joined(separator: [0x2f]))
    }

    private static func copyData(_ archive: OpaquePointer, to spool: CInt, at place: Int, limit: Int, path: String)
        throws
    {
        while true {
            var (start, size, offset): (UnsafeRawPointer?, Int, Int64) = (nil, 0, 0)
            let status = archive_read_data_block(archive, &start, &size, &offset)
            if status == ARCHIVE_EOF { break }
            guard status == ARCHIVE_OK, offset >= 0, Int(offset) + size <= limit else {
                throw TreeReadError(
                    path: path, reason: archive_error_string(archive).map { String(cString: $0) } ?? "a size that lies")
            }
            var done = 0
            while done < size {
                let count = pwrite(spool, start?.advanced(by: done), size - done, off_t(place + Int(offset) + done))
                guard count > 0 else {
                    throw TreeReadError(
                        path: path, reason: "no room for its contents: \(String(cString: strerror(errno)))")
                }
                done += count
            }
        }
    }

    private static func attributes(_ header: OpaquePointer) -> [TreeEntry.Attribute] {
        var result: [TreeEntry.Attribute] = []
        archive_entry_xattr_reset(header)
        var (name, value, size): (UnsafePointer<CChar>?, UnsafeRawPointer?, Int) = (nil, nil, 0)
        while archive_entry_xattr_next(header, &name, &value, &size) == ARCHIVE_OK, let attribute = name {
            result.append(
                .init(
                    name: Array(UnsafeRawBufferPointer(start: attribute, count: strlen(attribute))),
                    value: Array(UnsafeRawBufferPointer(start: value, count: size))))
        }
        for (type, name) in [
            (ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access"),
            (ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default"),
        ] where archive_entry_acl_types(header) & type != 0 {
            guard let text = archive_entry_acl_to_text(header, nil, type) else { continue }
            defer { free(text) }
            result.append(
                .init(name: Array(name.utf8), value: Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))))
        }
        return result.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    func makeReader() throws -> any ContentReader { Reader(tree: self) }

    private final class Reader: ContentReader {
        private let tree: TarTree
        init(tree: TarTree) { self.tree = tree }

        func read(_ entry: TreeEntry, from start: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            guard let place = tree.places[entry.node], start < entry.size else { return 0 }
            let wanted = min(buffer.count, entry.size - start)
            var done = 0
            while done < wanted {
                let count = pread(
                    tree.spool, buffer.baseAddress?.advanced(by: done), wanted - done, off_t(place + start + done))
                guard count >= 0 else { throw TreeReadError(path: tree.path, reason: String(cString: strerror(errno))) }
                // What was never written is a hole at the archive's end.
                if count == 0 {
                    UnsafeMutableRawBufferPointer(rebasing: buffer[done..<wanted])
                        .initializeMemory(as: UInt8.self, repeating: 0)
                    break
                }
                done += count
            }
            return wanted
        }
    }
}

import CArchive
import Glibc
import Host
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
        guard path.withPath({ archive_read_open_filename(archive, $0, 1 << 18) }) == ARCHIVE_OK else {
            throw archiveError()
        }
        guard let spool = SpoolFiles.take() else { throw fail("no file for its contents") }
        self.spool = spool
        var status = stat()
        // Contents of a thousand times the archive's size are made to fill a disk.
        var room = stat(path, &status) == 0 ? max(1 << 30, 1000 * Int(status.st_size)) : 1 << 30

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
            case S_IFREG:
                let size = Int(archive_entry_size(header))
                // Sums of what archives say stay numbers.
                guard (0..<(1 << 40)).contains(size) else {
                    throw fail("\(readable(name)) says that it has \(size) bytes")
                }
                kind = .file(size: size)
            default: throw fail("\(readable(name)) is of no type that is known")
            }
            found[name] = TreeEntry(
                path: name, kind: kind, mode: Self.mode(header),
                uid: Int(archive_entry_uid(header)), gid: Int(archive_entry_gid(header)),
                time: Self.time(header), attributes: Self.attributes(header), node: node)
            if case .file(let size) = kind {
                places[node] = end
                try Self.copyData(archive, to: spool, at: end, limit: size, room: &room, path: path)
                end += size
            }
        }
        guard !found.isEmpty else { throw fail("it is neither a squashfs image, a folder nor a tar with entries") }
        // Folders that it doesn't list are there once it is unpacked, with what whoever unpacks it gives them.
        for path in Array(found.keys) {
            var parent = path
            while let slash = parent.lastIndex(of: 0x2f) {
                parent = Array(parent[..<slash])
                guard found[parent] == nil else { break }
                node += 1
                var folder = TreeEntry(
                    path: parent, kind: .directory, mode: 0o755, uid: 0, gid: 0, time: 0, attributes: [], node: node)
                folder.isImplied = true
                found[parent] = folder
            }
        }
        entries = inByteOrder(Array(found.values))
        self.places = places
    }

    deinit { if spool >= 0 { close(spool) } }

    /// Without `./` before it, slashes after it, or empty parts.
    private static func normal(_ path: UnsafePointer<CChar>) -> [UInt8] {
        let bytes = Array(UnsafeRawBufferPointer(start: path, count: strlen(path)))
        return Array(bytes.split(separator: 0x2f).filter { $0 != [0x2e] }.joined(separator: [0x2f]))
    }

    private static func copyData(
        _ archive: OpaquePointer, to spool: CInt, at place: Int, limit: Int, room: inout Int, path: String
    ) throws {
        while true {
            var (start, size, offset): (UnsafeRawPointer?, Int, Int64) = (nil, 0, 0)
            let status = archive_read_data_block(archive, &start, &size, &offset)
            if status == ARCHIVE_EOF { break }
            guard status == ARCHIVE_OK, offset >= 0, size <= limit, Int(offset) <= limit - size else {
                throw TreeReadError(
                    path: path, reason: archive_error_string(archive).map { String(cString: $0) } ?? "a size that lies")
            }
            room -= size
            guard room >= 0 else { throw TreeReadError(path: path, reason: "its contents are far larger than it is") }
            let bytes = UnsafeRawBufferPointer(start: start, count: size)
            do { try OpenFile.write(bytes, to: spool, at: place + Int(offset)) } catch {
                throw TreeReadError(path: path, reason: "no room for its contents: \(error.description)")
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
            let entries = accessEntries(header, type)
            if entries.count > (type == ARCHIVE_ENTRY_ACL_TYPE_ACCESS ? 3 : 0) {
                result.append(.init(name: Array(name.utf8), value: kernelForm(entries)))
            }
        }
        return result.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    /// One line of an access control list, in the kernel's numbers (linux/posix_acl.h).
    private struct AccessEntry {
        var tag: Int
        var permissions: Int
        var id: Int
    }

    private static func accessEntries(_ header: OpaquePointer, _ wanted: CInt) -> [AccessEntry] {
        let tags: [CInt: Int] = [
            ARCHIVE_ENTRY_ACL_USER_OBJ: 1, ARCHIVE_ENTRY_ACL_USER: 2, ARCHIVE_ENTRY_ACL_GROUP_OBJ: 4,
            ARCHIVE_ENTRY_ACL_GROUP: 8, ARCHIVE_ENTRY_ACL_MASK: 16, ARCHIVE_ENTRY_ACL_OTHER: 32,
        ]
        var entries: [AccessEntry] = []
        archive_entry_acl_reset(header, wanted)
        var (type, permissions, tag, id): (CInt, CInt, CInt, CInt) = (0, 0, 0, 0)
        var name: UnsafePointer<CChar>?
        while archive_entry_acl_next(header, wanted, &type, &permissions, &tag, &id, &name) == ARCHIVE_OK {
            guard let number = tags[tag] else { continue }
            let isNamed = number == 2 || number == 8
            entries.append(
                AccessEntry(tag: number, permissions: Int(permissions) & 7, id: isNamed ? Int(id) : 0xffff_ffff))
        }
        return entries.sorted { ($0.tag, $0.id) < ($1.tag, $1.id) }
    }

    /// The value that Linux gives and takes: version 2, then tag, permissions and id of each, little-endian.
    private static func kernelForm(_ entries: [AccessEntry]) -> [UInt8] {
        func bytes(_ number: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
        return bytes(2, 4) + entries.flatMap { bytes($0.tag, 2) + bytes($0.permissions, 2) + bytes($0.id, 4) }
    }

    /// Whole seconds, rounded down as the kernel does it.
    private static func time(_ header: OpaquePointer) -> Int {
        let seconds = archive_entry_mtime(header)
        return seconds < 0 && archive_entry_mtime_nsec(header) > 0 ? seconds - 1 : seconds
    }

    /// Permission bits as stat(2) shows them: where there is a mask, it stands in the group's place (acl(5)).
    private static func mode(_ header: OpaquePointer) -> Int {
        let mode = Int(archive_entry_perm(header)) & 0o7777
        guard archive_entry_acl_types(header) & ARCHIVE_ENTRY_ACL_TYPE_ACCESS != 0,
            let mask = accessEntries(header, ARCHIVE_ENTRY_ACL_TYPE_ACCESS).first(where: { $0.tag == 16 })
        else { return mode }
        return mode & ~0o070 | mask.permissions << 3
    }

    func makeReader() throws -> any ContentReader { Reader(tree: self) }

    private final class Reader: ContentReader {
        private let tree: TarTree
        init(tree: TarTree) { self.tree = tree }

        func read(_ entry: TreeEntry, from start: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            guard let place = tree.places[entry.node], start < entry.size else { return 0 }
            let wanted = min(buffer.count, entry.size - start)
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            let count: Int
            do { count = try OpenFile.read(tree.spool, at: place + start, into: part) } catch {
                throw TreeReadError(path: tree.path, reason: error.description)
            }
            // What was never written is a hole at the archive's end.
            UnsafeMutableRawBufferPointer(rebasing: part[count...]).initializeMemory(as: UInt8.self, repeating: 0)
            return wanted
        }
    }
}

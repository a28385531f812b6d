import CArchive
import Glibc

/// What an archive says of one entry; it holds until its reader goes to the next.
public struct ArchiveEntry {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    /// What it is.
    public enum Kind: Sendable {
        case file, folder, symbolicLink, characterDevice, blockDevice, fifo, socket
        case unknown
    }

    /// An extended attribute, as the kernel has it.
    public struct Attribute {
        /// Its name with the namespace: `user.note`.
        public var name: [UInt8]
        /// Its bytes.
        public var value: [UInt8]
    }

    /// A hard link says nothing of its kind that counts: it is what it is another name of.
    public var kind: Kind {
        switch mode_t(archive_entry_filetype(pointer)) {
        case S_IFREG: .file
        case S_IFDIR: .folder
        case S_IFLNK: .symbolicLink
        case S_IFCHR: .characterDevice
        case S_IFBLK: .blockDevice
        case S_IFIFO: .fifo
        case S_IFSOCK: .socket
        default: .unknown
        }
    }

    /// As the archive spells it.
    public var path: [UInt8] { Self.bytes(archive_entry_pathname(pointer)) ?? [] }
    /// The path as text; what is no UTF-8 is replaced.
    public var pathText: String { Self.text(archive_entry_pathname(pointer)) ?? "" }
    /// The symbolic link's target; nil for another entry.
    public var linkTarget: [UInt8]? { kind == .symbolicLink ? Self.bytes(archive_entry_symlink(pointer)) : nil }
    /// The same as text.
    public var linkTargetText: String? { kind == .symbolicLink ? Self.text(archive_entry_symlink(pointer)) : nil }
    /// What the entry is another name of; nil where it is none.
    public var hardLinkTarget: [UInt8]? { Self.bytes(archive_entry_hardlink(pointer)) }
    /// The same as text.
    public var hardLinkTargetText: String? { Self.text(archive_entry_hardlink(pointer)) }
    /// Bytes of a file.
    public var size: Int { Int(archive_entry_size(pointer)) }
    /// The owner's number.
    public var uid: Int { Int(archive_entry_uid(pointer)) }
    /// The group's number.
    public var gid: Int { Int(archive_entry_gid(pointer)) }
    /// The owner's name; empty where the archive has none.
    public var userName: [UInt8] { Self.bytes(archive_entry_uname(pointer)) ?? [] }
    /// The group's name; empty where the archive has none.
    public var groupName: [UInt8] { Self.bytes(archive_entry_gname(pointer)) ?? [] }
    /// A device's numbers.
    public var device: (major: Int, minor: Int) {
        (Int(archive_entry_rdevmajor(pointer)), Int(archive_entry_rdevminor(pointer)))
    }

    /// The twelve permission bits as the archive has them.
    public var permissions: Int { Int(archive_entry_perm(pointer)) & 0o7777 }

    /// Permission bits as stat(2) shows them: where there is a mask, it stands in the group's place (acl(5)).
    public var mode: Int {
        guard hasAccessList(ARCHIVE_ENTRY_ACL_TYPE_ACCESS),
            let mask = accessEntries(ARCHIVE_ENTRY_ACL_TYPE_ACCESS).first(where: { $0.tag == 16 })
        else { return permissions }
        return permissions & ~0o070 | mask.permissions << 3
    }

    /// Seconds since 1970-01-01 UTC as the archive has them, without a part of one.
    public var seconds: Int { archive_entry_mtime(pointer) }

    /// Whole seconds, rounded down as the kernel does it.
    public var time: Int {
        seconds < 0 && archive_entry_mtime_nsec(pointer) > 0 ? seconds - 1 : seconds
    }

    /// Whether it has an access control list of any kind.
    public var hasAccessList: Bool { archive_entry_acl_types(pointer) != 0 }
    /// Whether it has attributes, lists aside.
    public var hasAttributes: Bool { archive_entry_xattr_count(pointer) > 0 }

    /// Attributes in byte order, access control lists among them as the kernel has them.
    public var attributes: [Attribute] {
        var result: [Attribute] = []
        archive_entry_xattr_reset(pointer)
        var (name, value, size): (UnsafePointer<CChar>?, UnsafeRawPointer?, Int) = (nil, nil, 0)
        while archive_entry_xattr_next(pointer, &name, &value, &size) == ARCHIVE_OK, let attribute = name {
            result.append(
                Attribute(
                    name: Self.bytes(attribute) ?? [],
                    value: Array(UnsafeRawBufferPointer(start: value, count: size))))
        }
        for (type, name) in [
            (ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access"),
            (ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default"),
        ] where hasAccessList(type) {
            let entries = accessEntries(type)
            if entries.count > (type == ARCHIVE_ENTRY_ACL_TYPE_ACCESS ? 3 : 0) {
                result.append(Attribute(name: Array(name.utf8), value: Self.kernelForm(entries)))
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

    private func hasAccessList(_ type: CInt) -> Bool { archive_entry_acl_types(pointer) & type != 0 }

    private func accessEntries(_ wanted: CInt) -> [AccessEntry] {
        let tags: [CInt: Int] = [
            ARCHIVE_ENTRY_ACL_USER_OBJ: 1, ARCHIVE_ENTRY_ACL_USER: 2, ARCHIVE_ENTRY_ACL_GROUP_OBJ: 4,
            ARCHIVE_ENTRY_ACL_GROUP: 8, ARCHIVE_ENTRY_ACL_MASK: 16, ARCHIVE_ENTRY_ACL_OTHER: 32,
        ]
        var entries: [AccessEntry] = []
        archive_entry_acl_reset(pointer, wanted)
        var (type, permissions, tag, id): (CInt, CInt, CInt, CInt) = (0, 0, 0, 0)
        var name: UnsafePointer<CChar>?
        while archive_entry_acl_next(pointer, wanted, &type, &permissions, &tag, &id, &name) == ARCHIVE_OK {
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

    private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8]? {
        text.map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }

    private static func text(_ text: UnsafePointer<CChar>?) -> String? { text.map { String(cString: $0) } }
}

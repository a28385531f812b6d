import FileTree
import Glibc
import Host
import Sandbox

/// An entry as it is packed.
package struct PackedEntry {
    /// What is packed.
    package var entry: TreeEntry
    /// The name that came before, where this is another of the same file: nothing else is said of it then.
    package var firstName: [UInt8]?
    /// Its inode, and when that was changed last; nil for what was not found in a tree.
    package var mark: EntryMark?

    /// - Parameters:
    ///   - firstName: The name that came before; nil for the first.
    ///   - mark: Of the file that was found.
    package init(entry: TreeEntry, firstName: [UInt8]? = nil, mark: EntryMark? = nil) {
        (self.entry, self.firstName, self.mark) = (entry, firstName, mark)
    }
}

/// By which an entry of a tree is known to be what it was: its device, its inode, and the time of that's last change (stat(2)).
package struct EntryMark: Equatable, Sendable {
    private let device: UInt
    private let inode: UInt
    private let seconds: Int
    private let nanoseconds: Int

    init(_ status: stat) {
        (device, inode) = (UInt(status.st_dev), UInt(status.st_ino))
        (seconds, nanoseconds) = (status.st_ctim.tv_sec, status.st_ctim.tv_nsec)
    }
}

/// Walks a tree depth first, the names of each folder in byte order. Of hard links the first name met is the file.
package struct TreeWalk {
    private let root: [UInt8]
    private let sourceDateEpoch: Int
    private let visit: (PackedEntry, [UInt8]) throws -> Void
    private var firstNames: [FileNumber: [UInt8]] = [:]

    /// The last of the ids that every builder has.
    private static let largestID = UInt32(65_535)
    /// Bytes of a file, holes included.
    private let largestFile: Int
    private let takesAccessLists: Bool

    private struct FileNumber: Hashable {
        var device: UInt
        var inode: UInt
    }

    /// - Parameters:
    ///   - sourceDateEpoch: The newest time that an entry gets, in seconds since 1970-01-01 UTC.
    ///   - largestFile: Bytes that a file may have.
    ///   - takesAccessLists: Whether access control lists are attributes like others: an image has none, but a step may remove them.
    ///   - visit: Gets each entry and the path to read it from.
    package init(
        root: String, sourceDateEpoch: Int, largestFile: Int, takesAccessLists: Bool = false,
        visit: @escaping (PackedEntry, [UInt8]) throws -> Void
    ) {
        (self.largestFile, self.takesAccessLists) = (largestFile, takesAccessLists)
        (self.root, self.sourceDateEpoch, self.visit) = (root.pathBytes, sourceDateEpoch, visit)
    }

    /// Visits all entries.
    /// - Throws: `PackingError` for what an image can't carry, `SystemError`, what `visit` throws.
    package mutating func run() throws { try walk([]) }

    private mutating func walk(_ path: [UInt8]) throws {
        let full = path.isEmpty ? root : root + [0x2f] + path
        var status = stat()
        guard lstat(cString(full), &status) == 0 else { throw system("cannot read", full) }
        let packed = try entry(path, full, status)
        try visit(packed, full)
        let entry = packed.entry
        guard packed.firstName == nil, entry.kind == .directory else { return }
        // /dev is one fixed list, whatever the sandbox had there.
        if path == Array("dev".utf8) { return try visitDevices(entry) }
        for name in try names(in: full) { try walk(path.isEmpty ? name : path + [0x2f] + name) }
    }

    private mutating func entry(_ path: [UInt8], _ full: [UInt8], _ status: stat) throws -> PackedEntry {
        var entry = TreeEntry(
            path: path, kind: .directory, mode: Int(status.st_mode & 0o7777), uid: Int(status.st_uid),
            gid: Int(status.st_gid), time: min(max(0, status.st_mtim.tv_sec), sourceDateEpoch))
        guard max(status.st_uid, status.st_gid) <= Self.largestID else {
            throw cannotCarry(
                path,
                "is owned by \(status.st_uid):\(status.st_gid), ids that a build without root doesn't have (0 to 65535)"
            )
        }
        let type = status.st_mode & S_IFMT
        if type != S_IFDIR, status.st_nlink > 1 {
            let number = FileNumber(device: UInt(status.st_dev), inode: UInt(status.st_ino))
            if let first = firstNames[number] {
                return PackedEntry(entry: entry, firstName: first, mark: EntryMark(status))
            }
            firstNames[number] = path
        }
        switch type {
        case S_IFDIR: break
        case S_IFREG:
            guard status.st_size <= largestFile else {
                throw PackingError.tooLarge(path: shown(path), size: Int(status.st_size), owner: owner(path))
            }
            entry.kind = .file(size: Int(status.st_size))
        case S_IFLNK:
            var target = [CChar](repeating: 0, count: Int(status.st_size) + 1)
            let count = readlink(cString(full), &target, target.count)
            guard count >= 0 else { throw system("cannot read", full) }
            entry.kind = .symbolicLink(target: target[..<count].map(UInt8.init(bitPattern:)))
        case S_IFIFO: entry.kind = .fifo
        case S_IFSOCK: throw cannotCarry(path, "is a socket")
        default: throw cannotCarry(path, "is a device node outside /dev, which a build without root can't make")
        }
        entry.attributes = try attributes(path, full)
        return PackedEntry(entry: entry, mark: EntryMark(status))
    }

    /// Attributes that belong to the file, and that an image can carry.
    private func attributes(_ path: [UInt8], _ full: [UInt8]) throws -> [TreeEntry.Attribute] {
        let attributes: [TreeEntry.Attribute]
        do { attributes = try ExtendedAttributes.read(full) } catch {
            throw SystemError(
                "cannot read the attributes of \(String(decoding: full, as: UTF8.self))", error.rawValue)
        }
        for attribute in attributes {
            let text = String(decoding: attribute.name, as: UTF8.self)
            if text.hasPrefix("system.posix_acl") {
                if takesAccessLists { continue }
                throw cannotCarry(path, "has an access control list (\(text))")
            }
            // trusted.* is for the host's root alone: a user's build would not have it.
            guard ["user.", "security."].contains(where: text.hasPrefix) else {
                throw cannotCarry(path, "has the extended attribute \(text)")
            }
            // The stream ends a name at its first '=' (SCHILY.xattr.NAME=VALUE), and drops the rest.
            guard !attribute.name.contains(0x3d) else {
                throw cannotCarry(path, "has an extended attribute whose name has a '=', \(text)")
            }
        }
        return attributes
    }

    private func visitDevices(_ folder: TreeEntry) throws {
        var entries: [TreeEntry] = []
        func add(_ name: String, _ kind: TreeEntry.Kind, _ mode: Int, gid: Int = 0) {
            entries.append(
                TreeEntry(
                    path: Array("dev/\(name)".utf8), kind: kind, mode: mode, uid: 0, gid: gid, time: sourceDateEpoch))
        }
        for node in DeviceFolder.nodes {
            add(node.name, .device(isBlock: false, major: node.major, minor: node.minor), node.mode)
        }
        for (name, target) in DeviceFolder.links { add(name, .symbolicLink(target: Array(target.utf8)), 0o777) }
        for (name, mode) in DeviceFolder.folders { add(name, .directory, mode) }
        for entry in inByteOrder(entries) { try visit(PackedEntry(entry: entry), []) }
    }

    private func names(in folder: [UInt8]) throws -> [[UInt8]] {
        do { return try Folder.byteNames(in: folder) } catch {
            throw SystemError("cannot list \(String(decoding: folder, as: UTF8.self))", error.rawValue)
        }
    }

    private func cannotCarry(_ path: [UInt8], _ what: String) -> PackingError {
        .cannotCarry(path: shown(path), what: what, owner: owner(path))
    }

    private func shown(_ path: [UInt8]) -> String { "/" + String(decoding: path, as: UTF8.self) }

    private func owner(_ path: [UInt8]) -> String { DpkgLists(root: root).describeOwner(of: shown(path)) }

    private func system(_ what: String, _ path: [UInt8]) -> SystemError {
        SystemError("\(what) \(String(decoding: path, as: UTF8.self))", errno)
    }
}

/// A path as C takes it.
func cString(_ path: [UInt8]) -> [CChar] { path.map(CChar.init(bitPattern:)) + [0] }

import CLinux
import Glibc
import Host
import RootfsBuild

/// One entry of a tree, with every field that an image keeps.
struct TreeEntry {
    enum Kind: Equatable {
        case directory
        case file(size: Int)
        case symbolicLink(target: [UInt8])
        /// A further name of an entry that came before.
        case hardLink(target: [UInt8])
        case characterDevice(major: Int, minor: Int)
        case fifo
    }

    /// Relative to the root, as the bytes it is; empty for the root itself.
    var path: [UInt8]
    var kind: Kind
    /// Permission bits with set-user-id, set-group-id and sticky.
    var mode: Int
    var uid: Int
    var gid: Int
    /// Seconds since 1970-01-01 UTC, from 0 to SOURCE_DATE_EPOCH.
    var time: Int
    /// By name, in byte order.
    var attributes: [(name: [UInt8], value: [UInt8])] = []
}

/// Walks a tree depth first, the names of each folder in byte order. Of hard links the first name met is the file.
struct TreeWalk {
    private let root: [UInt8]
    private let sourceDateEpoch: Int
    private let visit: (TreeEntry, [UInt8]) throws -> Void
    private var firstNames: [FileNumber: [UInt8]] = [:]

    /// Bytes of a file, and the last of the ids that every builder has.
    private static let (largestFile, largestID) = (off_t(64) << 30, UInt32(65_535))

    private struct FileNumber: Hashable {
        var device: UInt
        var inode: UInt
    }

    /// - Parameter visit: Gets each entry and the path to read it from.
    init(root: String, sourceDateEpoch: Int, visit: @escaping (TreeEntry, [UInt8]) throws -> Void) {
        (self.root, self.sourceDateEpoch, self.visit) = (root.pathBytes, sourceDateEpoch, visit)
    }

    mutating func run() throws { try walk([]) }

    private mutating func walk(_ path: [UInt8]) throws {
        let full = path.isEmpty ? root : root + [0x2f] + path
        var status = stat()
        guard lstat(cString(full), &status) == 0 else { throw system("cannot read", full) }
        let entry = try entry(path, full, status)
        try visit(entry, full)
        guard entry.kind == .directory else { return }
        // /dev is one fixed list, whatever the sandbox had there.
        if path == Array("dev".utf8) { return try visitDevices(entry) }
        for name in try names(in: full) { try walk(path.isEmpty ? name : path + [0x2f] + name) }
    }

    private mutating func entry(_ path: [UInt8], _ full: [UInt8], _ status: stat) throws -> TreeEntry {
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
                entry.kind = .hardLink(target: first)
                return entry
            }
            firstNames[number] = path
        }
        switch type {
        case S_IFDIR: break
        case S_IFREG:
            // A sparse file of that size would be read for hours.
            guard status.st_size <= Self.largestFile else {
                throw cannotCarry(path, "has \(status.st_size) bytes, more than any machine's image has")
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
        entry.attributes = try self.attributes(path, full)
        return entry
    }

    /// Attributes that belong to the file. Labels that the host's own security modules put on every file don't.
    func attributes(_ path: [UInt8], _ full: [UInt8]) throws -> [(name: [UInt8], value: [UInt8])] {
        let file = cString(full)
        let size = rtv_llistxattr(file, nil, 0)
        if size <= 0 {
            if size == 0 || errno == ENOTSUP { return [] }
            throw system("cannot list the attributes of", full)
        }
        var list = [CChar](repeating: 0, count: size)
        let count = rtv_llistxattr(file, &list, size)
        guard count >= 0 else { throw system("cannot list the attributes of", full) }
        let names = list[..<count].split(separator: 0).map { $0.map(UInt8.init(bitPattern:)) }
        return try names.sorted { $0.lexicographicallyPrecedes($1) }.compactMap { name in
            let text = String(decoding: name, as: UTF8.self)
            if HostAttributes.names.contains(text) { return nil }
            if text.hasPrefix("system.posix_acl") { throw cannotCarry(path, "has an access control list (\(text))") }
            // trusted.* is for the host's root alone: a user's build would not have it.
            guard ["user.", "security."].contains(where: text.hasPrefix) else {
                throw cannotCarry(path, "has the extended attribute \(text)")
            }
            // The stream ends a name at its first '=' (SCHILY.xattr.NAME=VALUE), and drops the rest.
            guard !name.contains(0x3d) else {
                throw cannotCarry(path, "has an extended attribute whose name has a '=', \(text)")
            }
            let key = name.map(CChar.init(bitPattern:)) + [0]
            let length = rtv_lgetxattr(file, key, nil, 0)
            guard length >= 0 else { throw system("cannot read the attributes of", full) }
            var value = [UInt8](repeating: 0, count: length)
            guard rtv_lgetxattr(file, key, &value, length) == length else {
                throw system("cannot read the attributes of", full)
            }
            return (name, value)
        }
    }

    private func visitDevices(_ folder: TreeEntry) throws {
        var entries: [TreeEntry] = []
        func add(_ name: String, _ kind: TreeEntry.Kind, _ mode: Int, gid: Int = 0) {
            entries.append(
                TreeEntry(
                    path: Array("dev/\(name)".utf8), kind: kind, mode: mode, uid: 0, gid: gid, time: sourceDateEpoch))
        }
        for node in DeviceFolder.nodes {
            add(node.name, .characterDevice(major: node.major, minor: node.minor), node.mode)
        }
        for (name, target) in DeviceFolder.links { add(name, .symbolicLink(target: Array(target.utf8)), 0o777) }
        for (name, mode) in DeviceFolder.folders { add(name, .directory, mode) }
        for entry in entries.sorted(by: { $0.path.lexicographicallyPrecedes($1.path) }) { try visit(entry, []) }
    }

    private func names(in folder: [UInt8]) throws -> [[UInt8]] {
        do { return try Folder.byteNames(in: folder) } catch {
            throw RootfsError.system("cannot list \(String(decoding: folder, as: UTF8.self))", error.rawValue)
        }
    }

    private func cannotCarry(_ path: [UInt8], _ what: String) -> RootfsError {
        let text = "/" + String(decoding: path, as: UTF8.self)
        return .cannotCarry(path: text, what: what, owner: PackageOwner(root: root).describe(text))
    }

    private func system(_ what: String, _ path: [UInt8]) -> RootfsError {
        .system("\(what) \(String(decoding: path, as: UTF8.self))", errno)
    }
}

/// A path as C takes it.
func cString(_ path: [UInt8]) -> [CChar] { path.map(CChar.init(bitPattern:)) + [0] }

/// Which package a path belongs to, by dpkg's own lists inside the tree.
struct PackageOwner {
    let root: [UInt8]

    /// The package that ships the path, or else the nearest folder that one package alone ships.
    func describe(_ path: String) -> String {
        let owners = owners()
        if let packages = owners[path] { return "package \(packages.sorted().joined(separator: ", "))" }
        var folder = path[...]
        while let slash = folder.lastIndex(of: "/"), slash > folder.startIndex {
            folder = folder[..<slash]
            if let packages = owners[String(folder)], packages.count == 1, let package = packages.first {
                return "shipped by no package; made in \(folder), a folder of package \(package)"
            }
        }
        return "shipped by no package; a maintainer script or a step made it"
    }

    private func owners() -> [String: Set<String>] {
        let folder = root + Array("/var/lib/dpkg/info".utf8)
        var owners: [String: Set<String>] = [:]
        for name in (try? Folder.byteNames(in: folder)) ?? [] where name.suffix(5) == Array(".list".utf8)[...] {
            guard let bytes = try? SmallFile.bytes(String(path: folder + [0x2f] + name)) else { continue }
            let package = String(decoding: name.dropLast(5).prefix { $0 != 0x3a }, as: UTF8.self)
            for line in bytes.split(separator: 10) {
                owners[String(decoding: line, as: UTF8.self), default: []].insert(package)
            }
        }
        return owners
    }
}

import CSquashfs
import ContentHash
import Glibc
import RootfsBuild

/// A squashfs image, read with libsquashfs: its entries with every field, in byte order of their paths.
///
/// The walk is iterative: libsquashfs's own recursion overflows the stack on deep trees (facts.md).
public final class ImageReader {
    /// One entry.
    public struct Entry: Sendable {
        public enum Content: Equatable, Sendable {
            case directory
            case file(size: Int, sha256: Digest)
            case symbolicLink(target: [UInt8])
            case device(number: UInt32, isBlock: Bool)
            case fifo, socket
        }

        /// Relative to the root; empty for the root itself.
        public var path: [UInt8]
        public var content: Content
        public var mode: Int
        public var uid: Int
        public var gid: Int
        public var time: Int
        public var linkCount: Int
        /// Entries with the same number are hard links of one another.
        public var inode: Int
        public var attributes: [String: [UInt8]]
    }

    private let path: String
    private var file: UnsafeMutablePointer<sqfs_file_t>?
    private var superblock = sqfs_super_t()
    private var compressor: UnsafeMutablePointer<sqfs_compressor_t>?
    private var ids: OpaquePointer?
    private var directories: OpaquePointer?
    private var data: OpaquePointer?
    private var xattrs: OpaquePointer?

    /// Opens an image.
    /// - Throws: `ImageReadError`.
    public init(path: String) throws {
        self.path = path
        file = sqfs_open_file(path, UInt32(SQFS_FILE_OPEN_READ_ONLY.rawValue))
        guard file != nil else { throw ImageReadError(path: path, reason: String(cString: strerror(errno))) }
        try check(sqfs_super_read(&superblock, file), "its superblock")
        var configuration = sqfs_compressor_config_t()
        try check(
            sqfs_compressor_config_init(
                &configuration, SQFS_COMPRESSOR(rawValue: UInt32(superblock.compression_id)),
                Int(superblock.block_size), UInt16(SQFS_COMP_FLAG_UNCOMPRESS.rawValue)), "its compression")
        try check(sqfs_compressor_create(&configuration, &compressor), "its compression")
        ids = sqfs_id_table_create(0)
        try check(sqfs_id_table_read(ids, file, &superblock, compressor), "its id table")
        directories = sqfs_dir_reader_create(&superblock, compressor, file, 0)
        data = sqfs_data_reader_create(file, Int(superblock.block_size), compressor, 0)
        guard directories != nil, data != nil else { throw ImageReadError(path: path, reason: "out of memory") }
        try check(sqfs_data_reader_load_fragment_table(data, &superblock), "its fragment table")
        // Reading attributes of an image that has none is a NULL dereference in libsquashfs 1.2.0 (facts.md).
        if superblock.flags & UInt16(SQFS_FLAG_NO_XATTRS.rawValue) == 0, superblock.xattr_id_table_start != .max {
            xattrs = sqfs_xattr_reader_create(0)
            try check(sqfs_xattr_reader_load(xattrs, &superblock, file, compressor), "its attribute table")
        }
    }

    deinit {
        for object in [xattrs, data, directories, ids] { rtv_sqfs_destroy(object.map(UnsafeMutableRawPointer.init)) }
        rtv_sqfs_destroy(compressor)
        rtv_sqfs_destroy(file)
    }

    /// Visits every entry; the contents of files are read and hashed.
    public func forEachEntry(_ visit: (Entry) throws -> Void) throws {
        var root: UnsafeMutablePointer<sqfs_inode_generic_t>?
        try check(sqfs_dir_reader_get_root_inode(directories, &root), "its root")
        // Folders that are still to be listed, the next at the end.
        var rest: [(path: [UInt8], inode: UnsafeMutablePointer<sqfs_inode_generic_t>)] = []
        defer { rest.forEach { sqfs_free($0.inode) } }
        guard let root else { return }
        rest.append(([], root))
        while let (path, inode) = rest.popLast() {
            defer { sqfs_free(inode) }
            try visit(try entry(path, inode))
            guard path.split(separator: 0x2f).count < 4096 else {
                throw ImageReadError(path: self.path, reason: "its folders are nested too deep")
            }
            if Self.isDirectory(inode) { rest += try children(of: path, inode).reversed() }
        }
    }

    private static func isDirectory(_ inode: UnsafeMutablePointer<sqfs_inode_generic_t>) -> Bool {
        mode_t(inode.pointee.base.mode) & S_IFMT == S_IFDIR
    }

    private func children(of path: [UInt8], _ inode: UnsafeMutablePointer<sqfs_inode_generic_t>) throws
        -> [(path: [UInt8], inode: UnsafeMutablePointer<sqfs_inode_generic_t>)]
    {
        try check(sqfs_dir_reader_open_dir(directories, inode, 0), "a folder")
        var result: [(path: [UInt8], inode: UnsafeMutablePointer<sqfs_inode_generic_t>)] = []
        while true {
            var entry: UnsafeMutablePointer<sqfs_dir_entry_t>?
            let status = sqfs_dir_reader_read(directories, &entry)
            if status > 0 { return result }
            try check(status, "a folder")
            guard let entry else { return result }
            defer { sqfs_free(entry) }
            let name = Array(UnsafeBufferPointer(start: rtv_sqfs_entry_name(entry), count: Int(entry.pointee.size) + 1))
            var child: UnsafeMutablePointer<sqfs_inode_generic_t>?
            try check(sqfs_dir_reader_get_inode(directories, &child), "an entry")
            if let child { result.append((path.isEmpty ? name : path + [0x2f] + name, child)) }
        }
    }

    private func entry(_ path: [UInt8], _ inode: UnsafeMutablePointer<sqfs_inode_generic_t>) throws -> Entry {
        let base = inode.pointee.base
        var (uid, gid): (UInt32, UInt32) = (0, 0)
        try check(sqfs_id_table_index_to_id(ids, base.uid_idx, &uid), "an owner")
        try check(sqfs_id_table_index_to_id(ids, base.gid_idx, &gid), "a group")
        return Entry(
            path: path, content: try content(inode), mode: Int(base.mode & 0o7777), uid: Int(uid), gid: Int(gid),
            time: Int(base.mod_time), linkCount: linkCount(inode), inode: Int(base.inode_number),
            attributes: try attributes(inode))
    }

    private func linkCount(_ inode: UnsafeMutablePointer<sqfs_inode_generic_t>) -> Int {
        switch Int(inode.pointee.base.type) {
        case Int(SQFS_INODE_DIR.rawValue): Int(inode.pointee.data.dir.nlink)
        case Int(SQFS_INODE_EXT_DIR.rawValue): Int(inode.pointee.data.dir_ext.nlink)
        case Int(SQFS_INODE_EXT_FILE.rawValue): Int(inode.pointee.data.file_ext.nlink)
        case Int(SQFS_INODE_SLINK.rawValue), Int(SQFS_INODE_EXT_SLINK.rawValue): Int(inode.pointee.data.slink.nlink)
        default: 1
        }
    }

    private func content(_ inode: UnsafeMutablePointer<sqfs_inode_generic_t>) throws -> Entry.Content {
        let type = Int(inode.pointee.base.type)
        switch mode_t(inode.pointee.base.mode) & S_IFMT {
        case S_IFDIR: return .directory
        case S_IFLNK:
            let size = Int(inode.pointee.data.slink.target_size)
            return .symbolicLink(target: Array(UnsafeBufferPointer(start: rtv_sqfs_link_target(inode), count: size)))
        case S_IFREG: return try fileContent(inode)
        case S_IFCHR, S_IFBLK:
            let number =
                type == Int(SQFS_INODE_EXT_CDEV.rawValue) || type == Int(SQFS_INODE_EXT_BDEV.rawValue)
                ? inode.pointee.data.dev_ext.devno : inode.pointee.data.dev.devno
            return .device(number: number, isBlock: mode_t(inode.pointee.base.mode) & S_IFMT == S_IFBLK)
        case S_IFIFO: return .fifo
        default: return .socket
        }
    }

    private func fileContent(_ inode: UnsafeMutablePointer<sqfs_inode_generic_t>) throws -> Entry.Content {
        var size: UInt64 = 0
        try check(sqfs_inode_get_file_size(inode, &size), "a file")
        var hasher = SHA256Hasher()
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(superblock.block_size), alignment: 16)
        defer { block.deallocate() }
        var offset: UInt64 = 0
        while offset < size {
            let wanted = UInt32(min(UInt64(block.count), size - offset))
            let count = sqfs_data_reader_read(data, inode, offset, block.baseAddress, wanted)
            guard count > 0 else { throw ImageReadError(path: path, reason: "a file's data: error \(count)") }
            hasher.update(UnsafeRawBufferPointer(rebasing: block[..<Int(count)]))
            offset += UInt64(count)
        }
        return .file(size: Int(size), sha256: hasher.finalize())
    }

    private func attributes(_ inode: UnsafeMutablePointer<sqfs_inode_generic_t>) throws -> [String: [UInt8]] {
        guard let xattrs else { return [:] }
        var index: UInt32 = .max
        guard sqfs_inode_get_xattr_index(inode, &index) == 0, index != .max else { return [:] }
        var description = sqfs_xattr_id_t()
        try check(sqfs_xattr_reader_get_desc(xattrs, index, &description), "an attribute")
        try check(sqfs_xattr_reader_seek_kv(xattrs, &description), "an attribute")
        var result: [String: [UInt8]] = [:]
        for _ in 0..<description.count {
            var key: UnsafeMutablePointer<sqfs_xattr_entry_t>?
            try check(sqfs_xattr_reader_read_key(xattrs, &key), "an attribute")
            guard let key else { break }
            defer { sqfs_free(key) }
            var value: UnsafeMutablePointer<sqfs_xattr_value_t>?
            try check(sqfs_xattr_reader_read_value(xattrs, key, &value), "an attribute")
            guard let value else { break }
            defer { sqfs_free(value) }
            let name = rtv_sqfs_key(key).map { String(cString: $0) } ?? ""
            result[name] = Array(
                UnsafeBufferPointer(start: rtv_sqfs_value(value), count: Int(value.pointee.size)))
        }
        return result
    }

    private func check(_ status: CInt, _ what: String) throws {
        guard status == 0 else {
            throw ImageReadError(path: path, reason: "\(what) can't be read (libsquashfs error \(status))")
        }
    }
}

/// An image that can't be read.
public struct ImageReadError: Error, CustomStringConvertible {
    public let path: String
    public let reason: String

    public var description: String { "cannot read the image \(path): \(reason)" }
}

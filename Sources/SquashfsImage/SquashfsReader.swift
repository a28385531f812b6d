import CSquashfs
import FileTree
import Glibc
import Host

/// A squashfs image of anyone's, read with libsquashfs: its superblock, and its entries with every field, without their
/// contents (`SquashfsBlocks` reads those).
///
/// Everything in it may lie. The walk is iterative, because libsquashfs's own recursion overflows the stack on deep
/// trees; attributes are read only where the superblock has them, because otherwise libsquashfs 1.2.0 dereferences
/// NULL; a folder met twice, a name that is no name, and numbers that the image is too small for are errors.
public final class SquashfsReader {
    /// What the first 96 bytes say (Documentation/filesystems/squashfs.rst of the kernel).
    public struct Superblock: Equatable, Sendable {
        /// How many there are.
        public var inodes: Int
        /// Seconds since 1970-01-01 UTC.
        public var time: Int
        /// Bytes a data block.
        public var blockSize: Int
        /// How many blocks of tails there are.
        public var fragments: Int
        /// 1 gzip, 2 lzma, 3 lzo, 4 xz, 5 lz4, 6 zstd.
        public var compressionID: Int
        /// Its flags, as they are stored.
        public var flags: Int
        /// How many user and group numbers there are.
        public var owners: Int
        /// Bytes of the file system; the file may be padded.
        public var bytesUsed: Int
        /// The bytes of the compressor's options, where the image has any.
        public var compressorOptions: [UInt8]

        /// The compressor's name, `zstd`; its number where it has none here.
        public var compression: String {
            sqfs_compressor_name_from_id(SQFS_COMPRESSOR(rawValue: UInt32(compressionID))).map {
                String(cString: $0)
            } ?? "number \(compressionID)"
        }
    }

    /// A regular file's bytes, as they are stored.
    public struct StoredFile: Equatable, Sendable {
        /// Bytes.
        public var size: Int
        /// Where the first block begins.
        public var start: Int
        /// Stored sizes; bit 24 says that a block isn't compressed, 0 that it is a hole.
        public var blocks: [UInt32]
        /// The block that the file's tail shares with others, and where in it the tail begins.
        public var fragment: (index: Int, offset: Int)?

        /// By every field.
        public static func == (a: Self, b: Self) -> Bool {
            a.size == b.size && a.start == b.start && a.blocks == b.blocks && a.fragment?.index == b.fragment?.index
                && a.fragment?.offset == b.fragment?.offset
        }
    }

    /// A block that the tails of files share.
    public struct Fragment: Equatable, Sendable {
        /// Where it is: bytes from the image's beginning.
        public var start: Int
        /// As in `StoredFile.blocks`.
        public var size: UInt32
    }

    /// More than any runtime has; an image that says so is made to exhaust the reader.
    private static let (entryLimit, depthLimit) = (1_000_000, 2_000)
    /// PATH_MAX of Linux; and 2 TB of files in blocks of 128 KiB.
    private static let (pathLimit, blockLimit) = (4_096, 16_000_000)

    /// As it was given.
    public let path: String
    /// What its superblock says.
    public let superblock: Superblock
    /// The blocks that several files' tails share.
    public private(set) var fragments: [Fragment] = []
    /// Where regular files' bytes are, by the entries' nodes, once `entries` was asked.
    public private(set) var files: [Int: StoredFile] = [:]
    /// Blocks of `files`.
    private var blockCount = 0

    private var file: UnsafeMutablePointer<sqfs_file_t>?
    var raw = sqfs_super_t()
    private var compressor: UnsafeMutablePointer<sqfs_compressor_t>?
    var ids: OpaquePointer?
    private var directories: OpaquePointer?
    var xattrs: OpaquePointer?

    /// Opens an image and reads its tables.
    /// - Throws: `ImageReadError`.
    public init(path: String) throws {
        self.path = path
        file = path.withPath { sqfs_open_file($0, UInt32(SQFS_FILE_OPEN_READ_ONLY.rawValue)) }
        func fail(_ structure: String, _ offset: UInt64, _ reason: String) -> ImageReadError {
            ImageReadError(path: path, structure: structure, offset: Int(clamping: offset), reason: reason)
        }
        guard let file else { throw ImageReadError(path: path, reason: String(cString: strerror(errno))) }
        let size = file.pointee.get_size(file)
        let status = sqfs_super_read(&raw, file)
        guard status == 0 else { throw fail("the superblock", 0, ImageReadError.reason(status)) }
        guard raw.bytes_used <= size else {
            throw fail("the superblock", 0, "it says \(raw.bytes_used) bytes, and the file has \(size)")
        }
        // A fragment block has a byte or more; without this, the table alone may be 64 GB.
        guard raw.fragment_entry_count <= raw.bytes_used, raw.fragment_entry_count < 1 << 22 else {
            throw fail("the superblock", 0, "it says \(raw.fragment_entry_count) fragment blocks")
        }
        var configuration = sqfs_compressor_config_t()
        var made = sqfs_compressor_config_init(
            &configuration, SQFS_COMPRESSOR(rawValue: UInt32(raw.compression_id)), Int(raw.block_size),
            UInt16(SQFS_COMP_FLAG_UNCOMPRESS.rawValue))
        if made == 0 { made = sqfs_compressor_create(&configuration, &compressor) }
        guard made == 0, let compressor else {
            let name = sqfs_compressor_name_from_id(SQFS_COMPRESSOR(rawValue: UInt32(raw.compression_id)))
            throw fail(
                "the superblock", 0,
                "compression \(name.map { String(cString: $0) } ?? "number \(raw.compression_id)") is "
                    + ImageReadError.reason(made))
        }
        let hasOptions = Int(raw.flags) & Int(SQFS_FLAG_COMPRESSOR_OPTIONS.rawValue) != 0
        let options = hasOptions ? try Self.options(file, compressor, fail) : []
        superblock = Superblock(
            inodes: Int(raw.inode_count), time: Int(raw.modification_time), blockSize: Int(raw.block_size),
            fragments: Int(raw.fragment_entry_count), compressionID: Int(raw.compression_id), flags: Int(raw.flags),
            owners: Int(raw.id_count), bytesUsed: Int(raw.bytes_used), compressorOptions: options)
        ids = sqfs_id_table_create(0)
        try check(sqfs_id_table_read(ids, file, &raw, compressor), "the id table", raw.id_table_start)
        directories = sqfs_dir_reader_create(&raw, compressor, file, 0)
        guard directories != nil else { throw ImageReadError(path: path, reason: "out of memory") }
        try readFragments()
        if raw.xattr_id_table_start != .max {
            // The kernel reads the table whatever the flag says, and so do we.
            raw.flags &= ~UInt16(SQFS_FLAG_NO_XATTRS.rawValue)
            xattrs = sqfs_xattr_reader_create(0)
            try check(
                sqfs_xattr_reader_load(xattrs, &raw, file, compressor), "the attribute table", raw.xattr_id_table_start)
        }
    }

    /// The compressor's options: a metadata block of its own, whose header has its size and the bit for "not compressed".
    private static func options(
        _ file: UnsafeMutablePointer<sqfs_file_t>, _ compressor: UnsafeMutablePointer<sqfs_compressor_t>,
        _ fail: (String, UInt64, String) -> ImageReadError
    ) throws -> [UInt8] {
        var header: UInt16 = 0
        guard file.pointee.read_at(file, 96, &header, 2) == 0, header & 0x8000 != 0, header & 0x7fff <= 64 else {
            throw fail("the compressor's options", 96, "their size is wrong")
        }
        var options = [UInt8](repeating: 0, count: Int(header & 0x7fff))
        guard file.pointee.read_at(file, 98, &options, options.count) == 0 else {
            throw fail("the compressor's options", 98, "the file ends before them")
        }
        let read = compressor.pointee.read_options(compressor, file)
        guard read == 0 else { throw fail("the compressor's options", 96, ImageReadError.reason(read)) }
        return options
    }

    deinit {
        for object in [xattrs, directories, ids] { rtv_sqfs_destroy(object.map(UnsafeMutableRawPointer.init)) }
        rtv_sqfs_destroy(compressor)
        rtv_sqfs_destroy(file)
    }

    private func readFragments() throws {
        let table = sqfs_frag_table_create(0)
        defer { rtv_sqfs_destroy(table.map(UnsafeMutableRawPointer.init)) }
        try check(sqfs_frag_table_read(table, file, &raw, compressor), "the fragment table", raw.fragment_table_start)
        for index in 0..<sqfs_frag_table_get_size(table) {
            var fragment = sqfs_fragment_t()
            try check(
                sqfs_frag_table_lookup(table, UInt32(index), &fragment), "the fragment table", raw.fragment_table_start)
            fragments.append(Fragment(start: Int(clamping: fragment.start_offset), size: fragment.size))
        }
    }

    /// Every entry, in no promised order; nodes are the inodes' numbers.
    /// - Throws: `ImageReadError`.
    package func entries() throws -> [TreeEntry] {
        var result: [TreeEntry] = []
        var root: Inode?
        try check(sqfs_dir_reader_get_root_inode(directories, &root), "the root's inode", raw.inode_table_start)
        guard let root else { return result }
        result.append(try entry([], root).entry)
        var rest: [(path: [UInt8], depth: Int, inode: Inode)] = [([], 0, root)]
        defer { rest.forEach { sqfs_free($0.inode) } }
        guard Self.isDirectory(root) else { throw inodeError("the root is no folder") }
        var seen: Set<UInt32> = [root.pointee.base.inode_number]
        // Where each inode's first name is in the result.
        var firstNames: [Int: Int] = [:]
        blockCount = 0
        while let folder = rest.popLast() {
            defer { sqfs_free(folder.inode) }
            guard folder.depth < Self.depthLimit else {
                throw directoryError("folders are nested deeper than \(Self.depthLimit)")
            }
            // A folder's listing is sorted, so a name that stands twice follows itself; one that is out of order is a lie.
            var last: [UInt8] = []
            try forEachChild(of: folder.inode) { name, child in
                var keep = false
                defer { if !keep { sqfs_free(child) } }
                let path = folder.path.isEmpty ? name : folder.path + [0x2f] + name
                try checkName(name, after: last, path, count: result.count)
                last = name
                let (found, file) = try entry(path, child)
                if found.kind != .directory {
                    try record(file, of: found, first: firstNames[found.node].map { result[$0] })
                    if firstNames[found.node] == nil { firstNames[found.node] = result.count }
                }
                result.append(found)
                guard Self.isDirectory(child) else { return }
                guard seen.insert(child.pointee.base.inode_number).inserted else {
                    throw directoryError("the folder \(readable(path)) is in two places or in itself")
                }
                rest.append((path, folder.depth + 1, child))
                keep = true
            }
        }
        return result
    }

    /// Keeps where a file's bytes are: one list of blocks, however many names.
    /// - Parameter first: The entry of the inode's first name; nil for a new inode.
    private func record(_ file: StoredFile?, of found: TreeEntry, first: TreeEntry?) throws {
        if let first {
            guard Self.sameInode(found, first), file == files[found.node] else {
                throw inodeError("\(readable(found.path)) and another file have one number, \(found.node)")
            }
            return
        }
        files[found.node] = file
        blockCount += file?.blocks.count ?? 0
        guard blockCount < Self.blockLimit else { throw inodeError("files have more than \(Self.blockLimit) blocks") }
    }

    /// - Parameters:
    ///   - last: The name before it in its folder.
    ///   - count: The entries before it in the image.
    private func checkName(_ name: [UInt8], after last: [UInt8], _ path: [UInt8], count: Int) throws {
        guard !name.isEmpty, name != [0x2e], name != [0x2e, 0x2e], !name.contains(0x2f), !name.contains(0)
        else { throw directoryError("an entry is named \"\(readable(name))\"") }
        guard name != last else { throw directoryError("\(readable(path)) stands twice") }
        guard last.lexicographicallyPrecedes(name) else {
            throw directoryError("\(readable(path)) is out of order")
        }
        guard count < Self.entryLimit else {
            throw directoryError("there are more than \(Self.entryLimit) entries")
        }
        guard path.count <= Self.pathLimit else {
            throw directoryError("a path has more than \(Self.pathLimit) bytes")
        }
    }

    /// Whether two names can be hard links: all that the inode holds is the same.
    private static func sameInode(_ a: TreeEntry, _ b: TreeEntry) -> Bool {
        a.kind == b.kind && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid && a.time == b.time
            && a.attributes == b.attributes
    }

    typealias Inode = UnsafeMutablePointer<sqfs_inode_generic_t>

    private static func isDirectory(_ inode: Inode) -> Bool { mode_t(inode.pointee.base.mode) & S_IFMT == S_IFDIR }

    private func forEachChild(of inode: Inode, _ body: ([UInt8], Inode) throws -> Void) throws {
        try check(sqfs_dir_reader_open_dir(directories, inode, 0), "the directory table", raw.directory_table_start)
        while true {
            var entry: UnsafeMutablePointer<sqfs_dir_entry_t>?
            let status = sqfs_dir_reader_read(directories, &entry)
            if status > 0 { return }
            try check(status, "the directory table", raw.directory_table_start)
            guard let entry else { return }
            defer { sqfs_free(entry) }
            let name = Array(UnsafeBufferPointer(start: rtv_sqfs_entry_name(entry), count: Int(entry.pointee.size) + 1))
            var child: Inode?
            try check(sqfs_dir_reader_get_inode(directories, &child), "the inode table", raw.inode_table_start)
            if let child { try body(name, child) }
        }
    }

    private func readable(_ bytes: [UInt8]) -> String { String(decoding: bytes.suffix(200), as: UTF8.self) }

    func inodeError(_ reason: String) -> ImageReadError {
        ImageReadError(
            path: path, structure: "the inode table", offset: Int(clamping: raw.inode_table_start), reason: reason)
    }

    private func directoryError(_ reason: String) -> ImageReadError {
        ImageReadError(
            path: path, structure: "the directory table", offset: Int(clamping: raw.directory_table_start),
            reason: reason)
    }

    func check(_ status: CInt, _ structure: String, _ offset: UInt64) throws {
        guard status == 0 else {
            throw ImageReadError(
                path: path, structure: structure, offset: Int(clamping: offset), reason: ImageReadError.reason(status))
        }
    }
}

import CSquashfs
import FileTree
import Glibc

/// One inode, made an entry.
extension SquashfsReader {
    func entry(_ path: [UInt8], _ inode: Inode) throws -> (entry: TreeEntry, file: StoredFile?) {
        let base = inode.pointee.base
        var (uid, gid): (UInt32, UInt32) = (0, 0)
        try check(sqfs_id_table_index_to_id(ids, base.uid_idx, &uid), "the id table", raw.id_table_start)
        try check(sqfs_id_table_index_to_id(ids, base.gid_idx, &gid), "the id table", raw.id_table_start)
        let file = mode_t(base.mode) & S_IFMT == S_IFREG ? try storedFile(inode) : nil
        let entry = TreeEntry(
            path: path, kind: try file.map { .file(size: $0.size) } ?? kind(inode), mode: Int(base.mode & 0o7777),
            uid: Int(uid), gid: Int(gid), time: Int(base.mod_time), attributes: try attributes(inode),
            node: Int(base.inode_number))
        return (entry, file)
    }

    /// What it is, where it is no regular file.
    private func kind(_ inode: Inode) throws -> TreeEntry.Kind {
        let type = Int(inode.pointee.base.type)
        switch mode_t(inode.pointee.base.mode) & S_IFMT {
        case S_IFDIR: return .directory
        case S_IFLNK:
            let size = Int(inode.pointee.data.slink.target_size)
            guard size <= 65_535, let target = rtv_sqfs_link_target(inode) else {
                throw inodeError("a link's target has \(size) bytes")
            }
            return .symbolicLink(target: Array(UnsafeBufferPointer(start: target, count: size)))
        case S_IFCHR, S_IFBLK:
            let number = Int(
                type == Int(SQFS_INODE_EXT_CDEV.rawValue) || type == Int(SQFS_INODE_EXT_BDEV.rawValue)
                    ? inode.pointee.data.dev_ext.devno : inode.pointee.data.dev.devno)
            // The kernel's new_decode_dev().
            return .device(
                isBlock: mode_t(inode.pointee.base.mode) & S_IFMT == S_IFBLK, major: (number & 0xfff00) >> 8,
                minor: (number & 0xff) | ((number >> 12) & 0xfff00))
        case S_IFIFO: return .fifo
        default: return .socket
        }
    }

    private func storedFile(_ inode: Inode) throws -> StoredFile {
        var (size, start): (UInt64, UInt64) = (0, 0)
        var (index, offset): (UInt32, UInt32) = (0, 0)
        guard sqfs_inode_get_file_size(inode, &size) == 0, sqfs_inode_get_file_block_start(inode, &start) == 0,
            sqfs_inode_get_frag_location(inode, &index, &offset) == 0, size < 1 << 50
        else { throw inodeError("a file's size or place is wrong") }
        var file = StoredFile(size: Int(size), start: Int(clamping: start), blocks: [], fragment: nil)
        let blockSize = superblock.blockSize
        let count = rtv_sqfs_block_count(inode)
        if index != .max {
            guard index < fragments.count, Int(offset) < blockSize, file.size / blockSize == count else {
                throw inodeError("a file's fragment is none")
            }
            file.fragment = (Int(index), Int(offset))
        } else if (file.size + blockSize - 1) / blockSize != count {
            throw inodeError("a file of \(size) bytes has \(count) blocks")
        }
        if count > 0 { file.blocks = (0..<count).map { rtv_sqfs_block_size(inode, $0) } }
        return file
    }

    private func attributes(_ inode: Inode) throws -> [TreeEntry.Attribute] {
        guard let xattrs else { return [] }
        var index: UInt32 = .max
        guard sqfs_inode_get_xattr_index(inode, &index) == 0, index != .max else { return [] }
        let (what, start) = ("the attribute table", raw.xattr_id_table_start)
        var description = sqfs_xattr_id_t()
        try check(sqfs_xattr_reader_get_desc(xattrs, index, &description), what, start)
        guard description.count <= 65_536 else { throw inodeError("an entry has \(description.count) attributes") }
        try check(sqfs_xattr_reader_seek_kv(xattrs, &description), what, start)
        var result: [TreeEntry.Attribute] = []
        for _ in 0..<description.count {
            var key: UnsafeMutablePointer<sqfs_xattr_entry_t>?
            try check(sqfs_xattr_reader_read_key(xattrs, &key), what, start)
            guard let key else { break }
            defer { sqfs_free(key) }
            var value: UnsafeMutablePointer<sqfs_xattr_value_t>?
            try check(sqfs_xattr_reader_read_value(xattrs, key, &value), what, start)
            guard let value else { break }
            defer { sqfs_free(value) }
            // The name ends with a zero that libsquashfs appends.
            let name = rtv_sqfs_key(key).map { Array(UnsafeBufferPointer(start: $0, count: strlen($0))) } ?? []
            let bytes = UnsafeBufferPointer(start: rtv_sqfs_value(value), count: Int(value.pointee.size))
            result.append(.init(name: name, value: Array(bytes)))
        }
        return result.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }
}

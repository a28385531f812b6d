#include <stdlib.h>
#include <sqfs/block.h>
#include <sqfs/compressor.h>
#include <sqfs/data_reader.h>
#include <sqfs/dir.h>
#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
#include <sqfs/frag_table.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/super.h>
#include <sqfs/xattr.h>
#include <sqfs/xattr_reader.h>

// What Swift's importer can't call: function pointers in a struct's first member, and flexible arrays.
static inline void rtv_sqfs_destroy(void *object) {
    if (object) ((sqfs_object_t *)object)->destroy((sqfs_object_t *)object);
}
static inline const sqfs_u8 *rtv_sqfs_link_target(const sqfs_inode_generic_t *inode) {
    return (const sqfs_u8 *)inode->extra;
}
static inline const sqfs_u8 *rtv_sqfs_entry_name(const sqfs_dir_entry_t *entry) { return entry->name; }
static inline const sqfs_u8 *rtv_sqfs_key(const sqfs_xattr_entry_t *entry) { return entry->key; }
static inline const sqfs_u8 *rtv_sqfs_value(const sqfs_xattr_value_t *value) { return value->value; }
static inline sqfs_u32 rtv_sqfs_block_size(const sqfs_inode_generic_t *inode, size_t index) { return inode->extra[index]; }
static inline size_t rtv_sqfs_block_count(const sqfs_inode_generic_t *inode) {
    return inode->payload_bytes_used / sizeof(sqfs_u32);
}
/// Decompresses one block: the number of bytes in `out`, 0 or less when it can't be.
static inline sqfs_s32 rtv_sqfs_uncompress(
    sqfs_compressor_t *compressor, const void *in, sqfs_u32 size, void *out, sqfs_u32 out_size) {
    return compressor->do_block(compressor, (const sqfs_u8 *)in, size, (sqfs_u8 *)out, out_size);
}

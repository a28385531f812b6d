#include <stdlib.h>
#include <sqfs/compressor.h>
#include <sqfs/data_reader.h>
#include <sqfs/dir.h>
#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
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

/* Zip archives: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3; modes and links as Info-ZIP has them. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { END_SIZE = 22, ENTRY_SIZE = 46, LOCAL_SIZE = 30, LONGEST_COMMENT = 65535 };
enum { STORED = 0, DEFLATED = 8, MADE_ON_UNIX = 3, IS_ENCRYPTED = 1 };

static uint32_t little(const uint8_t *data, size_t size) {
    uint32_t value = 0;
    for (size_t i = size; i > 0; i--) value = value << 8 | data[i - 1];
    return value;
}

static uint32_t crc(const uint8_t *data, size_t size) {
    static uint32_t table[256];
    if (!table[1]) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t value = i;
            for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0xedb88320u : value >> 1;
            table[i] = value;
        }
    }
    uint32_t value = 0xffffffffu;
    for (size_t i = 0; i < size; i++) value = table[(value ^ data[i]) & 0xff] ^ value >> 8;
    return ~value;
}

struct entry {
    /* Below the folder: no slash in front, none at the end. */
    char path[PATH_MAX];
    unsigned mode;
    int is_folder, is_link;
    unsigned method;
    uint32_t crc;
    size_t size;
    struct bytes packed;
};

/* Whether no part of a path leads out of the folder. */
static int stays_inside(const char *path) {
    if (path[0] == '/' || path[0] == 0) return 0;
    while (*path) {
        size_t part = strcspn(path, "/");
        if (part == 2 && path[0] == '.' && path[1] == '.') return 0;
        path += part;
        path += strspn(path, "/");
    }
    return 1;
}

/* The packed bytes of an entry, which begin behind a header of their own. */
static int find_packed(struct bytes archive, const uint8_t *head, struct entry *entry) {
    size_t size = little(head + 20, 4), at = little(head + 42, 4);
    if (at > archive.size || archive.size - at < LOCAL_SIZE || little(archive.data + at, 4) != 0x04034b50) return -1;
    size_t skipped = LOCAL_SIZE + little(archive.data + at + 26, 2) + little(archive.data + at + 28, 2);
    if (archive.size - at < skipped || archive.size - at - skipped < size) return -1;
    entry->packed.data = archive.data + at + skipped;
    entry->packed.size = size;
    return 0;
}

static int read_entry(struct bytes archive, struct bytes *list, struct entry *entry, struct failure *failure) {
    if (list->size < ENTRY_SIZE || little(list->data, 4) != 0x02014b50) return fail(failure, "its list is cut short");
    const uint8_t *head = list->data;
    size_t name = little(head + 28, 2), skipped = ENTRY_SIZE + name + little(head + 30, 2) + little(head + 32, 2);
    if (list->size < skipped) return fail(failure, "its list is cut short");
    list->data += skipped;
    list->size -= skipped;
    if (name == 0 || name >= sizeof entry->path || memchr(head + ENTRY_SIZE, 0, name)) {
        return fail(failure, "a name in it is none");
    }
    memcpy(entry->path, head + ENTRY_SIZE, name);
    entry->is_folder = entry->path[name - 1] == '/';
    while (name > 0 && entry->path[name - 1] == '/') name -= 1;
    entry->path[name] = 0;
    if (!stays_inside(entry->path)) return fail(failure, "'%s' in it leads out of the folder", entry->path);
    if (little(head + 8, 2) & IS_ENCRYPTED) return fail(failure, "'%s' in it is encrypted", entry->path);
    unsigned mode = little(head + 38, 4) >> 16;
    int has_mode = head[5] == MADE_ON_UNIX && mode != 0;
    entry->is_link = has_mode && S_ISLNK(mode);
    entry->is_folder = entry->is_folder || (has_mode && S_ISDIR(mode));
    entry->mode = has_mode ? mode & 07777 : entry->is_folder ? 0755 : 0644;
    entry->method = little(head + 10, 2);
    entry->crc = little(head + 16, 4);
    entry->size = little(head + 24, 4);
    if (find_packed(archive, head, entry) < 0) return fail(failure, "'%s' in it is cut short", entry->path);
    return 0;
}

/* The list of entries, which the end of the archive tells the place of. */
static int find_list(struct bytes archive, struct bytes *list, uint32_t *count, struct failure *failure) {
    if (archive.size < END_SIZE) return fail(failure, "it is no zip archive");
    size_t last = archive.size - END_SIZE, first = last > LONGEST_COMMENT ? last - LONGEST_COMMENT : 0;
    for (size_t at = last + 1; at > first; at--) {
        const uint8_t *end = archive.data + at - 1;
        if (little(end, 4) != 0x06054b50) continue;
        size_t size = little(end + 12, 4), start = little(end + 16, 4);
        if (little(end + 10, 2) == 0xffff || start == 0xffffffffu) return fail(failure, "it is of the zip64 format");
        if (start > at - 1 || at - 1 - start < size) continue;
        list->data = archive.data + start;
        list->size = size;
        *count = little(end + 10, 2);
        return 0;
    }
    return fail(failure, "it is no zip archive");
}

static int unpack_bytes(const struct entry *entry, struct buffer *to, struct failure *failure) {
    if (entry->method == STORED && entry->packed.size == entry->size) {
        if (buffer_add(to, entry->packed.data, entry->size) < 0) return fail(failure, "there is no memory for it");
    } else if (entry->method == DEFLATED) {
        if (inflate_raw(entry->packed, to, entry->size) < 0) return fail(failure, "'%s' in it is damaged", entry->path);
    } else {
        return fail(failure, "'%s' in it is packed by method %u; 0 and 8 are known", entry->path, entry->method);
    }
    if (to->size != entry->size || crc(to->data, to->size) != entry->crc) {
        return fail(failure, "'%s' in it is damaged", entry->path);
    }
    return 0;
}

static int make_link(const char *path, struct buffer *target, struct failure *failure) {
    if (buffer_add(target, "", 1) < 0) return fail(failure, "there is no memory for it");
    unlink(path);
    if (symlink((const char *)target->data, path) < 0) return fail_errno(failure, "%s can't be made", path);
    return 0;
}

static int unpack_entry(const struct entry *entry, const char *folder, struct failure *failure) {
    char path[2 * PATH_MAX];
    size_t size = strlen(folder);
    memcpy(path, folder, size);
    path[size] = '/';
    strcpy(path + size + 1, entry->path);
    if (entry->is_folder) {
        if (make_folders(path, failure) < 0) return -1;
        return chmod(path, entry->mode | 0700) < 0 ? fail_errno(failure, "%s", path) : 0;
    }
    char *name = strrchr(path, '/');
    *name = 0;
    int result = make_folders(path, failure);
    *name = '/';
    if (result < 0) return -1;
    struct buffer bytes = {0};
    result = unpack_bytes(entry, &bytes, failure);
    if (result == 0) {
        result = entry->is_link ? make_link(path, &bytes, failure)
                                : write_file(path, bytes.data, bytes.size, entry->mode, failure);
    }
    buffer_free(&bytes);
    return result;
}

int zip_unpack(struct bytes archive, const char *folder, struct failure *failure) {
    struct bytes list = {NULL, 0};
    uint32_t count = 0;
    if (find_list(archive, &list, &count, failure) < 0 || make_folders(folder, failure) < 0) return -1;
    static struct entry entry;
    /* Links last, so that no file is written through one of the archive's own. */
    for (int links = 0; links < 2; links++) {
        struct bytes rest = list;
        for (uint32_t i = 0; i < count; i++) {
            if (read_entry(archive, &rest, &entry, failure) < 0) return -1;
            if (entry.is_link == links && unpack_entry(&entry, folder, failure) < 0) return -1;
        }
    }
    return 0;
}

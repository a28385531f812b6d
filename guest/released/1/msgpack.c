/* MessagePack: https://github.com/msgpack/msgpack/blob/master/spec.md */
#include "agent.h"

#include <string.h>

static uint64_t big_endian(const uint8_t *data, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) value = value << 8 | data[i];
    return value;
}

/* How a value begins. */
struct head {
    enum mp_kind kind;
    /* Bytes of the head itself. */
    size_t size;
    /* The payload's bytes: of text, binary, extension. */
    uint64_t payload;
    uint32_t count;
    int64_t integer;
};

/* The widths of 0xc4 to 0xdf: what follows the first byte. */
static int head_of(const uint8_t *data, size_t size, struct head *head) {
    memset(head, 0, sizeof *head);
    if (size == 0) return 0;
    uint8_t first = data[0];
    head->size = 1;
    if (first <= 0x7f || first >= 0xe0) {
        head->kind = MP_INTEGER;
        head->integer = first <= 0x7f ? first : (int)first - 0x100;
        return 1;
    }
    if (first <= 0x8f) { head->kind = MP_MAP; head->count = first & 0x0f; return 1; }
    if (first <= 0x9f) { head->kind = MP_ARRAY; head->count = first & 0x0f; return 1; }
    if (first <= 0xbf) { head->kind = MP_TEXT; head->payload = first & 0x1f; return 1; }
    if (first == 0xc0) { head->kind = MP_NIL; return 1; }
    if (first == 0xc1) return -1;
    if (first <= 0xc3) { head->kind = MP_BOOLEAN; head->integer = first & 1; return 1; }
    if (first >= 0xd4 && first <= 0xd8) {
        head->kind = MP_EXTENSION;
        head->payload = 1 + ((uint64_t)1 << (first - 0xd4));
        return 1;
    }
    size_t width;
    if (first <= 0xc6) { head->kind = MP_BINARY; width = (size_t)1 << (first - 0xc4); }
    else if (first <= 0xc9) { head->kind = MP_EXTENSION; width = (size_t)1 << (first - 0xc7); }
    else if (first <= 0xcb) { head->kind = MP_FLOAT; width = first == 0xca ? 4 : 8; }
    else if (first <= 0xcf) { head->kind = MP_INTEGER; width = (size_t)1 << (first - 0xcc); }
    else if (first <= 0xd3) { head->kind = MP_INTEGER; width = (size_t)1 << (first - 0xd0); }
    else if (first <= 0xdb) { head->kind = MP_TEXT; width = (size_t)1 << (first - 0xd9); }
    else { head->kind = first <= 0xdd ? MP_ARRAY : MP_MAP; width = first & 1 ? 4 : 2; }
    if (size < 1 + width) return 0;
    head->size = 1 + width;
    uint64_t value = big_endian(data + 1, width);
    switch (head->kind) {
    case MP_ARRAY:
    case MP_MAP: head->count = (uint32_t)value; break;
    case MP_INTEGER:
        if (first >= 0xd0 && width < 8 && value >> (8 * width - 1)) value |= ~(uint64_t)0 << (8 * width);
        head->integer = first <= 0xcf && value > INT64_MAX ? INT64_MAX : (int64_t)value;
        break;
    case MP_EXTENSION: head->payload = value + 1; break;
    case MP_FLOAT: break;
    default: head->payload = value;
    }
    return 1;
}

int mp_read(struct bytes *from, struct mp_value *value) {
    struct head head;
    int found = head_of(from->data, from->size, &head);
    if (found != 1) return found;
    if (from->size - head.size < head.payload) return 0;
    value->kind = head.kind;
    value->integer = head.integer;
    value->count = head.count;
    value->bytes.data = from->data + head.size;
    value->bytes.size = (size_t)head.payload;
    from->data += head.size + (size_t)head.payload;
    from->size -= head.size + (size_t)head.payload;
    return 1;
}

/* Not by recursion: how deep values lie in each other is the sender's choice. */
int mp_scan(struct mp_scan *scan, const uint8_t *data, size_t size) {
    while (scan->pending > 0) {
        struct bytes rest = {data + scan->at, size - scan->at};
        struct mp_value value;
        int found = mp_read(&rest, &value);
        if (found != 1) return found;
        scan->at = size - rest.size;
        scan->pending -= 1;
        if (value.kind == MP_ARRAY) scan->pending += value.count;
        if (value.kind == MP_MAP) scan->pending += 2 * (uint64_t)value.count;
    }
    return 1;
}

int mp_skip(struct bytes *from) {
    struct mp_scan scan = {0, 1};
    int found = mp_scan(&scan, from->data, from->size);
    if (found != 1) return found;
    from->data += scan.at;
    from->size -= scan.at;
    return 1;
}

int mp_is(struct mp_value value, const char *text) {
    return (value.kind == MP_TEXT || value.kind == MP_BINARY) && value.bytes.size == strlen(text)
        && memcmp(value.bytes.data, text, value.bytes.size) == 0;
}

int mp_find(struct bytes map, const char *key, struct mp_value *value, struct bytes *inside) {
    struct mp_value head, name;
    if (mp_read(&map, &head) != 1 || head.kind != MP_MAP) return -1;
    for (uint32_t i = 0; i < head.count; i++) {
        struct bytes at = map;
        if (mp_skip(&map) != 1) return -1;
        int is_it = mp_read(&at, &name) == 1 && mp_is(name, key);
        struct bytes start = map;
        if (mp_skip(&map) != 1) return -1;
        if (!is_it) continue;
        if (inside) {
            inside->data = start.data;
            inside->size = start.size - map.size;
        }
        return mp_read(&start, value);
    }
    return 0;
}

static void add_head(struct buffer *to, uint8_t first, uint64_t value, size_t width) {
    uint8_t head[9];
    head[0] = first;
    for (size_t i = 0; i < width; i++) head[width - i] = (uint8_t)(value >> (8 * i));
    buffer_add(to, head, 1 + width);
}

void mp_map(struct buffer *to, uint32_t pairs) {
    if (pairs < 16) add_head(to, (uint8_t)(0x80 | pairs), 0, 0);
    else add_head(to, 0xdf, pairs, 4);
}

void mp_array(struct buffer *to, uint32_t count) {
    if (count < 16) add_head(to, (uint8_t)(0x90 | count), 0, 0);
    else add_head(to, 0xdd, count, 4);
}

void mp_text_of(struct buffer *to, const void *data, size_t size) {
    if (size < 32) add_head(to, (uint8_t)(0xa0 | size), 0, 0);
    else add_head(to, 0xdb, size, 4);
    buffer_add(to, data, size);
}

void mp_text(struct buffer *to, const char *text) { mp_text_of(to, text, strlen(text)); }

void mp_binary_head(struct buffer *to, size_t size) {
    if (size < 256) add_head(to, 0xc4, size, 1);
    else add_head(to, 0xc6, size, 4);
}

void mp_binary(struct buffer *to, const void *data, size_t size) {
    mp_binary_head(to, size);
    buffer_add(to, data, size);
}

void mp_integer(struct buffer *to, uint32_t value) {
    if (value < 128) add_head(to, (uint8_t)value, 0, 0);
    else add_head(to, 0xce, value, 4);
}

void mp_boolean(struct buffer *to, int value) { add_head(to, value ? 0xc3 : 0xc2, 0, 0); }

void mp_nil(struct buffer *to) { add_head(to, 0xc0, 0, 0); }

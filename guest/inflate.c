/* DEFLATE (RFC 1951), and what wraps it: zlib (RFC 1950), gzip (RFC 1952). */
#include "agent.h"

#include <string.h>

enum { LONGEST_CODE = 15, LENGTH_SYMBOLS = 288, DISTANCE_SYMBOLS = 32 };

struct reader {
    struct bytes from;
    size_t at;
    uint32_t bits;
    unsigned count;
    /* Whether it was asked for more than there is. */
    int is_short;
};

static unsigned take(struct reader *reader, unsigned count) {
    while (reader->count < count) {
        uint32_t byte = 0;
        if (reader->at < reader->from.size) byte = reader->from.data[reader->at];
        else reader->is_short = 1;
        reader->at += 1;
        reader->bits |= byte << reader->count;
        reader->count += 8;
    }
    unsigned value = reader->bits & ((1u << count) - 1);
    reader->bits >>= count;
    reader->count -= count;
    return value;
}

/* A canonical Huffman code: how many codes there are of each length, and their symbols in order. */
struct code {
    uint16_t counts[LONGEST_CODE + 1];
    uint16_t symbols[LENGTH_SYMBOLS];
};

/* -1 where the lengths give more codes than there can be. */
static int make_code(struct code *code, const uint8_t *lengths, unsigned count) {
    uint16_t offsets[LONGEST_CODE + 1];
    memset(code->counts, 0, sizeof code->counts);
    for (unsigned i = 0; i < count; i++) code->counts[lengths[i]] += 1;
    code->counts[0] = 0;
    int left = 1;
    for (unsigned length = 1; length <= LONGEST_CODE; length++) {
        left = left * 2 - code->counts[length];
        if (left < 0) return -1;
    }
    offsets[1] = 0;
    for (unsigned length = 1; length < LONGEST_CODE; length++) {
        offsets[length + 1] = (uint16_t)(offsets[length] + code->counts[length]);
    }
    for (unsigned i = 0; i < count; i++) {
        if (lengths[i]) code->symbols[offsets[lengths[i]]++] = (uint16_t)i;
    }
    return 0;
}

static int symbol(struct reader *reader, const struct code *code) {
    int value = 0, first = 0, index = 0;
    for (unsigned length = 1; length <= LONGEST_CODE; length++) {
        value |= (int)take(reader, 1);
        int count = code->counts[length];
        if (value - count < first) return code->symbols[index + (value - first)];
        index += count;
        first = (first + count) * 2;
        value *= 2;
    }
    return -1;
}

static const uint16_t length_base[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27,
                                       31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t length_bits[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t distance_base[] = {1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129,
                                         193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
static const uint8_t distance_bits[] = {0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

static int copy_back(struct buffer *to, size_t start, size_t distance, size_t length, size_t limit) {
    if (distance > to->size - start || to->size - start + length > limit) return -1;
    if (buffer_reserve(to, length) < 0) return -1;
    /* Byte by byte: what is copied may begin in what it makes. */
    for (size_t i = 0; i < length; i++) {
        to->data[to->size] = to->data[to->size - distance];
        to->size += 1;
    }
    return 0;
}

static int inflate_codes(struct reader *reader, const struct code *lengths, const struct code *distances,
                         struct buffer *to, size_t start, size_t limit) {
    for (;;) {
        int found = symbol(reader, lengths);
        if (found < 0 || reader->is_short) return -1;
        if (found == 256) return 0;
        if (found < 256) {
            uint8_t byte = (uint8_t)found;
            if (to->size - start >= limit || buffer_add(to, &byte, 1) < 0) return -1;
            continue;
        }
        found -= 257;
        if (found >= (int)(sizeof length_bits)) return -1;
        size_t length = length_base[found] + take(reader, length_bits[found]);
        found = symbol(reader, distances);
        if (found < 0 || found >= (int)(sizeof distance_bits)) return -1;
        size_t distance = distance_base[found] + take(reader, distance_bits[found]);
        if (reader->is_short || copy_back(to, start, distance, length, limit) < 0) return -1;
    }
}

static int read_codes(struct reader *reader, struct code *lengths, struct code *distances) {
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t sizes[LENGTH_SYMBOLS + DISTANCE_SYMBOLS] = {0};
    unsigned length_count = take(reader, 5) + 257, distance_count = take(reader, 5) + 1, count = take(reader, 4) + 4;
    for (unsigned i = 0; i < count; i++) sizes[order[i]] = (uint8_t)take(reader, 3);
    if (reader->is_short || length_count > 286 || distance_count > 30 || make_code(lengths, sizes, 19) < 0) return -1;
    struct code meta = *lengths;
    memset(sizes, 0, sizeof sizes);
    unsigned total = length_count + distance_count;
    for (unsigned i = 0; i < total;) {
        int found = symbol(reader, &meta);
        if (found < 0 || reader->is_short) return -1;
        if (found < 16) {
            sizes[i++] = (uint8_t)found;
            continue;
        }
        if (found == 16 && i == 0) return -1;
        uint8_t value = found == 16 ? sizes[i - 1] : 0;
        unsigned repeat = found == 16 ? 3 + take(reader, 2) : found == 17 ? 3 + take(reader, 3) : 11 + take(reader, 7);
        if (repeat > total - i) return -1;
        while (repeat-- > 0) sizes[i++] = value;
    }
    return make_code(lengths, sizes, length_count) < 0 || make_code(distances, sizes + length_count, distance_count) < 0
        ? -1 : 0;
}

static void fixed_codes(struct code *lengths, struct code *distances) {
    uint8_t sizes[LENGTH_SYMBOLS];
    for (unsigned i = 0; i < LENGTH_SYMBOLS; i++) sizes[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    make_code(lengths, sizes, LENGTH_SYMBOLS);
    memset(sizes, 5, 30);
    make_code(distances, sizes, 30);
}

static int stored_block(struct reader *reader, struct buffer *to, size_t start, size_t limit) {
    /* Whole bytes that were taken beforehand go back. */
    reader->at -= reader->count / 8;
    reader->bits = reader->count = 0;
    if (reader->from.size < reader->at || reader->from.size - reader->at < 4) return -1;
    const uint8_t *head = reader->from.data + reader->at;
    size_t size = head[0] | (size_t)head[1] << 8;
    if (((head[2] | (size_t)head[3] << 8) ^ size) != 0xffff) return -1;
    reader->at += 4;
    if (reader->from.size - reader->at < size || to->size - start + size > limit) return -1;
    if (buffer_add(to, reader->from.data + reader->at, size) < 0) return -1;
    reader->at += size;
    return 0;
}

ptrdiff_t inflate_raw(struct bytes from, struct buffer *to, size_t limit) {
    struct reader reader = {from, 0, 0, 0, 0};
    struct code lengths, distances;
    size_t start = to->size;
    unsigned is_last;
    do {
        is_last = take(&reader, 1);
        unsigned type = take(&reader, 2);
        if (reader.is_short || type == 3) return -1;
        if (type == 0) {
            if (stored_block(&reader, to, start, limit) < 0) return -1;
            continue;
        }
        if (type == 1) fixed_codes(&lengths, &distances);
        else if (read_codes(&reader, &lengths, &distances) < 0) return -1;
        if (inflate_codes(&reader, &lengths, &distances, to, start, limit) < 0) return -1;
    } while (!is_last);
    return (ptrdiff_t)(reader.at - reader.count / 8);
}

/* The size of a gzip member's header; 0 where it is none. */
static size_t gzip_head(struct bytes from) {
    if (from.size < 18 || from.data[0] != 0x1f || from.data[1] != 0x8b || from.data[2] != 8) return 0;
    uint8_t flags = from.data[3];
    size_t at = 10;
    if (flags & 4) at += 2 + (from.data[at] | (size_t)from.data[at + 1] << 8);
    for (int field = 8; field <= 16; field *= 2) {
        if (!(flags & field)) continue;
        while (at < from.size && from.data[at]) at += 1;
        at += 1;
    }
    if (flags & 2) at += 2;
    return at + 8 <= from.size ? at : 0;
}

int inflate_any(struct bytes from, struct buffer *to, size_t limit) {
    size_t head = gzip_head(from);
    if (head > 0) {
        /* Members follow each other, and what they hold is one text. */
        while (head > 0) {
            struct bytes rest = {from.data + head, from.size - head};
            size_t before = to->size;
            ptrdiff_t used = inflate_raw(rest, to, limit);
            if (used < 0 || rest.size - (size_t)used < 8) return -1;
            limit -= to->size - before;
            from.data = rest.data + used + 8;
            from.size = rest.size - (size_t)used - 8;
            head = gzip_head(from);
        }
        return 0;
    }
    size_t start = to->size;
    if (from.size >= 6 && (from.data[0] & 0x0f) == 8 && (from.data[0] << 8 | from.data[1]) % 31 == 0) {
        struct bytes rest = {from.data + 2, from.size - 2};
        if (inflate_raw(rest, to, limit) >= 0) return 0;
        to->size = start;
    }
    return inflate_raw(from, to, limit) < 0 ? -1 : 0;
}

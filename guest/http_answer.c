/* An executable's answer, read as it comes, and the host's answer made of it (RFC 9110, RFC 9112). */
#include "http.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST_HEAD = 1 << 20, LONGEST_LINE = 1 << 16 };
/* More than a machine holds: an answer that is compressed a thousandfold is none. */
static const size_t largest_body = (size_t)1 << 30;

struct answer {
    int status;
    struct bytes head;
    int is_chunked, has_length;
    size_t length;
    /* The one encoding that the body has; empty for none. */
    struct bytes encoding;
};

/* The next line of a head, without its end; its size is what is left behind it. 0 where there is none. */
static int next_line(struct bytes *from, struct bytes *line) {
    const uint8_t *end = memchr(from->data, '\n', from->size);
    if (!end) return 0;
    line->data = from->data;
    line->size = (size_t)(end - from->data);
    from->size -= line->size + 1;
    from->data = end + 1;
    if (line->size > 0 && line->data[line->size - 1] == '\r') line->size -= 1;
    return 1;
}

static int split(struct bytes line, struct bytes *name, struct bytes *value) {
    const uint8_t *colon = memchr(line.data, ':', line.size);
    if (!colon || colon == line.data) return -1;
    name->data = line.data;
    name->size = (size_t)(colon - line.data);
    value->data = colon + 1;
    value->size = line.size - name->size - 1;
    while (value->size > 0 && (value->data[0] == ' ' || value->data[0] == '\t')) {
        value->data += 1;
        value->size -= 1;
    }
    while (value->size > 0 && (value->data[value->size - 1] == ' ' || value->data[value->size - 1] == '\t')) value->size -= 1;
    return is_token(*name) && !has_control(*value) ? 0 : -1;
}

static int digits(struct bytes text, int base, size_t *number) {
    *number = 0;
    if (text.size == 0) return -1;
    for (size_t i = 0; i < text.size; i++) {
        int digit = isdigit(text.data[i]) ? text.data[i] - '0' : isxdigit(text.data[i]) ? tolower(text.data[i]) - 'a' + 10 : 99;
        if (digit >= base || *number > largest_body) return -1;
        *number = *number * (size_t)base + (size_t)digit;
    }
    return 0;
}

static int read_header(struct answer *answer, struct bytes name, struct bytes value, struct failure *failure) {
    size_t length;
    if (is_name(name, "content-length")) {
        if (digits(value, 10, &length) < 0 || (answer->has_length && answer->length != length)) {
            return fail(failure, "the program's Content-Length is none, or more than can be");
        }
        answer->has_length = 1;
        answer->length = length;
    } else if (is_name(name, "transfer-encoding")) {
        if (!is_name(value, "chunked")) return fail(failure, "the program's Transfer-Encoding is not chunked");
        answer->is_chunked = 1;
    } else if (is_name(name, "content-encoding") && !is_name(value, "identity")) {
        answer->encoding = value;
    }
    return 0;
}

/* 1 with `from` behind the head, 0 where it isn't whole. Heads of 1xx are passed over. */
static int read_head(struct bytes *from, struct answer *answer, struct failure *failure) {
    for (;;) {
        struct bytes rest = *from, line, name, value;
        memset(answer, 0, sizeof *answer);
        int is_whole = next_line(&rest, &line);
        if (!is_whole && rest.size > LONGEST_LINE) return fail(failure, "the program's answer begins with no status line");
        if (!is_whole) return 0;
        if (line.size < 12 || memcmp(line.data, "HTTP/1.", 7) != 0 || line.data[8] != ' ' || !isdigit(line.data[9])
            || !isdigit(line.data[10]) || !isdigit(line.data[11])) {
            return fail(failure, "the program's answer begins with no status line");
        }
        answer->status = (line.data[9] - '0') * 100 + (line.data[10] - '0') * 10 + line.data[11] - '0';
        answer->head = rest;
        for (;;) {
            if (!next_line(&rest, &line)) {
                if (from->size > LONGEST_HEAD) return fail(failure, "the head of the program's answer is over 1 MiB");
                return 0;
            }
            if (line.size == 0) break;
            if (split(line, &name, &value) < 0) return fail(failure, "the program's answer has a header that is none");
            if (read_header(answer, name, value, failure) < 0) return -1;
        }
        answer->head.size -= rest.size;
        *from = rest;
        if (answer->status == 101) return fail(failure, "the program wants another protocol than HTTP");
        if (answer->status < 100) return fail(failure, "the program's answer begins with no status line");
        if (answer->status >= 200) return 1;
    }
}

/* RFC 9112, 7.1: whether all chunks are there. With `joined`, which is where the first one's line begins, their bytes are
 * moved together in place: a body takes no more memory than it has bytes. */
static int read_chunks(struct bytes from, struct buffer *joined, struct failure *failure) {
    for (;;) {
        struct bytes line;
        size_t size;
        if (!next_line(&from, &line)) {
            return from.size > LONGEST_LINE ? fail(failure, "a chunk of the program's answer has no size") : 0;
        }
        const uint8_t *extension = memchr(line.data, ';', line.size);
        if (extension) line.size = (size_t)(extension - line.data);
        while (line.size > 0 && (line.data[line.size - 1] == ' ' || line.data[line.size - 1] == '\t')) line.size -= 1;
        if (digits(line, 16, &size) < 0) return fail(failure, "a chunk of the program's answer has no size");
        if (size == 0) {
            /* Trailers end with an empty line. */
            while (next_line(&from, &line)) if (line.size == 0) return 1;
            return 0;
        }
        if (from.size < size) return 0;
        if (joined) memmove(joined->data + joined->size, from.data, size);
        if (joined) joined->size += size;
        from.data += size;
        from.size -= size;
        if (from.size < 1) return 0;
        if (!next_line(&from, &line)) return from.size > 1 ? fail(failure, "a chunk of the program's answer is longer than its size") : 0;
        if (line.size != 0) return fail(failure, "a chunk of the program's answer is longer than its size");
    }
}

/* Where the body lies, as it was sent: 1, 0, -1. */
static int find_body(struct bytes from, const struct answer *answer, int is_head, int ended, struct bytes *body,
                     struct failure *failure) {
    body->data = from.data;
    body->size = 0;
    if (is_head || answer->status == 204 || answer->status == 304) return 1;
    if (answer->is_chunked) {
        int found = read_chunks(from, NULL, failure);
        if (found == 0 && ended) return fail(failure, "the program's answer was cut short");
        if (found != 1) return found;
        struct buffer joined = {(uint8_t *)from.data, 0, from.size};
        read_chunks(from, &joined, failure);
        body->size = joined.size;
        return 1;
    }
    if (!answer->has_length && !ended) return 0;
    if (answer->has_length && from.size < answer->length) {
        return ended ? fail(failure, "the program's answer was cut short") : 0;
    }
    body->size = answer->has_length ? answer->length : from.size;
    return 1;
}

/* A host refuses what is no UTF-8; what HTTP once had is Latin-1 (RFC 9110, 5.5), which always can be. */
static void add_value(struct buffer *to, struct bytes value) {
    struct buffer text = {0};
    struct bytes rest = value;
    for (size_t size; (size = character_size(rest)) > 0; rest.size -= size) rest.data += size;
    if (rest.size == 0) {
        mp_binary(to, value.data, value.size);
        return;
    }
    for (size_t i = 0; i < value.size; i++) {
        uint8_t pair[2] = {(uint8_t)(0xc0 | value.data[i] >> 6), (uint8_t)(0x80 | (value.data[i] & 0x3f))};
        if (value.data[i] < 0x80) buffer_add(&text, &value.data[i], 1);
        else buffer_add(&text, pair, 2);
    }
    mp_binary(to, text.data, text.size);
    buffer_free(&text);
}

/* The host takes away Content-Encoding, and adds the length that it finds. */
static int is_dropped(struct bytes name, int is_decoded) {
    return is_hop_by_hop(name) || is_name(name, "content-length") || (is_decoded && is_name(name, "content-encoding"));
}

/* All of the map but the body's own bytes, which end it. */
static void add_answer(struct buffer *to, const struct answer *answer, size_t body, int is_decoded) {
    struct bytes rest = answer->head, line, name, value;
    uint32_t count = 0;
    while (next_line(&rest, &line) && split(line, &name, &value) == 0) count += !is_dropped(name, is_decoded);
    mp_map(to, 4);
    mp_text(to, "headers");
    mp_map(to, 2);
    mp_text(to, "status");
    mp_integer(to, (uint32_t)answer->status);
    mp_text(to, "headers");
    mp_array(to, count);
    rest = answer->head;
    while (next_line(&rest, &line) && split(line, &name, &value) == 0) {
        if (is_dropped(name, is_decoded)) continue;
        mp_array(to, 2);
        mp_binary(to, name.data, name.size);
        add_value(to, value);
    }
    mp_text(to, "output");
    mp_text(to, "");
    mp_text(to, "output_data");
    mp_nil(to);
    mp_text(to, "body");
    mp_map(to, 1);
    mp_text(to, "body");
    mp_binary_head(to, body);
}

int http_parse(struct bytes from, int is_head, int ended, struct http_answer *to, struct failure *failure) {
    struct answer answer;
    int found = read_head(&from, &answer, failure);
    if (found == 0 && ended) return fail(failure, "the program closed the connection without an answer");
    if (found != 1) return found;
    found = find_body(from, &answer, is_head, ended, &to->body, failure);
    if (found != 1) return found;
    int is_packed = is_name(answer.encoding, "gzip") || is_name(answer.encoding, "x-gzip") || is_name(answer.encoding, "deflate");
    if (is_packed && to->body.size > 0) {
        is_packed = inflate_any(to->body, &to->plain, largest_body) == 0;
        if (is_packed) {
            to->body.data = to->plain.data;
            to->body.size = to->plain.size;
        }
    }
    add_answer(&to->head, &answer, to->body.size, is_packed);
    return 1;
}

/* Requests to an executable: HTTP/1.1 (RFC 9110, RFC 9112) to port 8080 of the machine itself. */
#include "agent.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROGRAM_PORT = 8080, LONGEST_HEAD = 1 << 20, LONGEST_LINE = 1 << 16 };
/* How long a program may take to listen, in milliseconds; the host's own limit is mostly shorter. */
static const int64_t patience = 120000;
/* More than a machine holds: an answer that is compressed a thousandfold is none. */
static const size_t largest_body = (size_t)1 << 30;

/* --- The request --- */

/* Names are case-insensitive (RFC 9110, 5.1). */
static int is_name(struct bytes name, const char *other) {
    return name.size == strlen(other) && strncasecmp((const char *)name.data, other, name.size) == 0;
}

/* Those that are a connection's own (RFC 9110, 7.6.1). */
static int is_hop_by_hop(struct bytes name) {
    static const char *const names[] = {"connection", "keep-alive", "proxy-connection", "proxy-authenticate",
                                        "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) if (is_name(name, names[i])) return 1;
    return 0;
}

static void add_octet(struct buffer *to, uint8_t byte) {
    char text[4];
    snprintf(text, sizeof text, "%%%02X", byte);
    buffer_text(to, text);
}

/* A path comes decoded; RFC 3986, 3.3 says what may stand in one. */
static void add_path(struct buffer *to, struct bytes path) {
    if (path.size == 0 || path.data[0] != '/') buffer_text(to, "/");
    for (size_t i = 0; i < path.size; i++) {
        uint8_t byte = path.data[i];
        if (byte && byte < 0x80 && (isalnum(byte) || strchr("/-._~!$&'()*+,;=:@", byte))) buffer_add(to, &byte, 1);
        else add_octet(to, byte);
    }
}

/* A query comes decoded but for what is reserved, which is still escaped. */
static void add_query(struct buffer *to, struct bytes query) {
    for (size_t i = 0; i < query.size; i++) {
        uint8_t byte = query.data[i];
        int is_escape = byte == '%' && query.size - i > 2 && isxdigit(query.data[i + 1]) && isxdigit(query.data[i + 2]);
        int is_plain = byte && byte < 0x80 && (isalnum(byte) || strchr("/?-._~!$&'()*,;=:@", byte));
        if (is_escape || is_plain) buffer_add(to, &byte, 1);
        else add_octet(to, byte);
    }
}

static int has_control(struct bytes text) {
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\r' || text.data[i] == '\n' || text.data[i] == 0) return 1;
    }
    return 0;
}

static int is_token(struct bytes text) {
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", text.data[i])) return 0;
    }
    return text.size > 0;
}

static int add_headers(struct bytes scope, struct buffer *to, struct failure *failure) {
    struct mp_value list;
    struct bytes inside;
    int has_host = 0;
    int found = mp_find(scope, "headers", &list, &inside);
    if (found == 1 && list.kind == MP_ARRAY) {
        mp_read(&inside, &list);
        for (uint32_t i = 0; i < list.count; i++) {
            struct mp_value pair, name, value;
            if (mp_read(&inside, &pair) != 1 || pair.kind != MP_ARRAY || pair.count != 2 || mp_read(&inside, &name) != 1
                || mp_read(&inside, &value) != 1 || !is_token(name.bytes) || has_control(value.bytes)) {
                return fail(failure, "the request has a header that is none");
            }
            if (is_hop_by_hop(name.bytes) || is_name(name.bytes, "content-length")
                || is_name(name.bytes, "accept-encoding") || is_name(name.bytes, "expect")) {
                continue;
            }
            if (is_name(name.bytes, "host")) has_host = 1;
            buffer_add(to, name.bytes.data, name.bytes.size);
            buffer_text(to, ": ");
            buffer_add(to, value.bytes.data, value.bytes.size);
            buffer_text(to, "\r\n");
        }
    }
    return buffer_text(to, has_host ? "" : "host: localhost\r\n");
}

int http_request(struct bytes scope, struct http_request *request, struct failure *failure) {
    struct buffer *to = &request->head;
    struct mp_value type, method, path, query, body;
    char line[96];
    if (mp_find(scope, "type", &type, NULL) != 1 || !mp_is(type, "http")) {
        return fail(failure, "an executable takes HTTP requests, and nothing else");
    }
    if (mp_find(scope, "method", &method, NULL) != 1 || !is_token(method.bytes)) {
        return fail(failure, "the request has no method");
    }
    request->is_head = mp_is(method, "HEAD");
    buffer_add(to, method.bytes.data, method.bytes.size);
    buffer_text(to, " ");
    if (mp_find(scope, "path", &path, NULL) != 1 || path.kind != MP_TEXT) path.bytes.size = 0;
    add_path(to, path.bytes);
    if (mp_find(scope, "query_string", &query, NULL) == 1 && (query.kind == MP_TEXT || query.kind == MP_BINARY)
        && query.bytes.size > 0) {
        buffer_text(to, "?");
        add_query(to, query.bytes);
    }
    buffer_text(to, " HTTP/1.1\r\n");
    if (add_headers(scope, to, failure) < 0) return -1;
    if (mp_find(scope, "body", &body, NULL) != 1 || (body.kind != MP_BINARY && body.kind != MP_TEXT)) body.bytes.size = 0;
    int has_body = body.bytes.size > 0 || mp_is(method, "POST") || mp_is(method, "PUT") || mp_is(method, "PATCH");
    snprintf(line, sizeof line, "content-length: %lu\r\n", (unsigned long)body.bytes.size);
    if (has_body) buffer_text(to, line);
    buffer_text(to, "accept-encoding: identity\r\nconnection: close\r\n\r\n");
    request->body = body.bytes;
    return 0;
}

/* --- The answer --- */

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

static int is_utf8(struct bytes text) {
    for (size_t i = 0; i < text.size;) {
        uint8_t first = text.data[i];
        size_t more = first < 0x80 ? 0 : first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2
            : first >= 0xf0 && first < 0xf5 ? 3 : 9;
        if (more > text.size - i - 1) return 0;
        for (size_t j = 1; j <= more; j++) if ((text.data[i + j] & 0xc0) != 0x80) return 0;
        i += 1 + more;
    }
    return 1;
}

/* A host refuses what is no UTF-8; what HTTP once had is Latin-1 (RFC 9110, 5.5), which always can be. */
static void add_value(struct buffer *to, struct bytes value) {
    struct buffer text = {0};
    if (is_utf8(value)) {
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

/* --- The exchange --- */

/* To 127.0.0.1, then ::1: not every server listens at both. */
static int connect_once(void) {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memset(&v4, 0, sizeof v4);
    memset(&v6, 0, sizeof v6);
    v4.sin_family = AF_INET;
    v4.sin_port = v6.sin6_port = htons(PROGRAM_PORT);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    v6.sin6_family = AF_INET6;
    v6.sin6_addr.s6_addr[15] = 1;
    for (int family = 0; family < 2; family++) {
        int connection = socket(family ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connection < 0) continue;
        if (connect(connection, family ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, family ? sizeof v6 : sizeof v4) == 0) {
            return connection;
        }
        close(connection);
    }
    return -1;
}

/* Whether the host has gone, after a wait. */
static int is_gone(int host, int wait) {
    struct pollfd waiting = {host, POLLIN | POLLRDHUP, 0};
    char byte;
    if (poll(&waiting, 1, wait) != 1) return 0;
    if (waiting.revents & (POLLERR | POLLHUP | POLLRDHUP)) return 1;
    return recv(host, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A connection to the program's server, for which a program that has just started is given time. */
static int connect_to_program(int host, const struct program_state *program, struct failure *failure) {
    char text[32];
    int64_t deadline = milliseconds() + patience, pause = 10;
    for (;;) {
        int has_ended = program->has_ended;
        int connection = connect_once();
        if (connection >= 0) return connection;
        if (has_ended) {
            return fail(failure, "the program has ended with %s, and nothing listens on port 8080",
                        ending_text(program->status, text, sizeof text));
        }
        if (milliseconds() > deadline) return fail(failure, "the program doesn't listen on port 8080");
        if (is_gone(host, (int)pause)) return -2;
        if (pause < 100) pause += 10;
    }
}

/* 0, or -1 where nothing more is taken. */
static int send_more(int connection, const struct http_request *request, size_t *sent) {
    int is_body = *sent >= request->head.size;
    const uint8_t *data = is_body ? request->body.data + (*sent - request->head.size) : request->head.data + *sent;
    size_t size = is_body ? request->body.size - (*sent - request->head.size) : request->head.size - *sent;
    ssize_t written = send(connection, data, size, MSG_NOSIGNAL);
    if (written > 0) *sent += (size_t)written;
    return written < 0 && errno != EAGAIN && errno != EINTR ? -1 : 0;
}

/* Sends and receives at once: a server may answer before it has read all. */
static int exchange(int connection, int host, const struct http_request *request, struct buffer *received,
                    struct http_answer *answer, struct failure *failure) {
    size_t sent = 0, size = request->head.size + request->body.size, looked = 0;
    fcntl(connection, F_SETFL, O_NONBLOCK);
    for (;;) {
        struct pollfd both[2] = {{connection, POLLIN, 0}, {host, POLLRDHUP, 0}};
        if (sent < size) both[0].events |= POLLOUT;
        if (poll(both, 2, -1) < 0 && errno != EINTR) return fail_errno(failure, "waiting for the program's answer");
        if (both[1].revents & (POLLERR | POLLHUP | POLLRDHUP)) return -2;
        /* A server that has said what it had to say may have closed. */
        if ((both[0].revents & POLLOUT) && send_more(connection, request, &sent) < 0) sent = size;
        if (!(both[0].revents & (POLLIN | POLLHUP | POLLERR))) continue;
        if (buffer_reserve(received, 65536) < 0) return fail(failure, "there is no memory for the answer");
        ssize_t got = recv(connection, received->data + received->size, received->capacity - received->size, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (got > 0) received->size += (size_t)got;
        /* Not at each piece of a long answer: it is read from its beginning. */
        if (got > 0 && received->size < looked + looked / 4) {
            struct pollfd more = {connection, POLLIN, 0};
            if (poll(&more, 1, 0) == 1) continue;
        }
        looked = received->size;
        struct bytes all = {received->data, received->size};
        int found = http_parse(all, request->is_head, got <= 0, answer, failure);
        if (found != 0) return found;
    }
}

int http_answer(struct bytes scope, int host, const struct program_state *program) {
    struct failure failure;
    struct http_request request;
    struct http_answer answer;
    struct buffer received = {0};
    memset(&request, 0, sizeof request);
    memset(&answer, 0, sizeof answer);
    int result = http_request(scope, &request, &failure);
    if (result == 0) {
        int connection = connect_to_program(host, program, &failure);
        result = connection < 0 ? connection : exchange(connection, host, &request, &received, &answer, &failure);
    }
    if (result == -2) return -1;
    if (result < 0) {
        memset(&answer, 0, sizeof answer);
        error_answer(&answer.head, failure.text);
    }
    if (write_all(host, answer.head.data, answer.head.size) < 0) return -1;
    return write_all(host, answer.body.data, answer.body.size);
}

/* A request to an executable, made of a scope (RFC 9110, RFC 9112, RFC 3986). */
#include "http.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Names are case-insensitive (RFC 9110, 5.1). */
int is_name(struct bytes name, const char *other) {
    return name.size == strlen(other) && strncasecmp((const char *)name.data, other, name.size) == 0;
}

/* Those that are a connection's own (RFC 9110, 7.6.1). */
int is_hop_by_hop(struct bytes name) {
    static const char *const names[] = {"connection", "keep-alive", "proxy-connection", "proxy-authenticate",
                                        "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) if (is_name(name, names[i])) return 1;
    return 0;
}

int has_control(struct bytes text) {
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\r' || text.data[i] == '\n' || text.data[i] == 0) return 1;
    }
    return 0;
}

int is_token(struct bytes text) {
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", text.data[i])) return 0;
    }
    return text.size > 0;
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

/* A request's way to the executable's server on this machine, and the answer's way back to the host. */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROGRAM_PORT = 8080 };
/* How long a program may take to listen, in milliseconds; the host's own limit is mostly shorter. */
static const int64_t patience = 120000;

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

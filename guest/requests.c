/* Every connection after the configuration: a request, an event, or "halt". Each is a process of its own. */
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* A connection's way from one process to another (unix(7), SCM_RIGHTS). */
union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int))];
};

static struct msghdr message_of(struct iovec *part, union control *control) {
    struct msghdr message;
    memset(&message, 0, sizeof message);
    memset(control, 0, sizeof *control);
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message.msg_control = control->room;
    message.msg_controllen = sizeof control->room;
    return message;
}

/* Gives a connection to the agent's first process. */
static void pass(int connection) {
    union control control;
    struct iovec part = {"h", 1};
    struct msghdr message = message_of(&part, &control);
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof connection);
    memcpy(CMSG_DATA(&control.head), &connection, sizeof connection);
    sendmsg(session.halts[1], &message, 0);
}

int halted_connection(void) {
    union control control;
    char byte;
    int connection = -1;
    struct iovec part = {&byte, 1};
    struct msghdr message = message_of(&part, &control);
    if (recvmsg(session.halts[0], &message, MSG_CMSG_CLOEXEC) < 0) return -1;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_type == SCM_RIGHTS) memcpy(&connection, CMSG_DATA(head), sizeof connection);
    return connection;
}

static void send_error(int host, const char *error) {
    struct buffer answer = {0};
    error_answer(&answer, error);
    write_all(host, answer.data, answer.size);
    buffer_free(&answer);
}

/* To the worker and back: eight bytes of length, the message. The answer goes to the host as it comes. It ends by its length:
 * a child that the program has forked may hold the connection. */
static void ask_worker(int host, const struct buffer *message) {
    static uint8_t bytes[65536];
    uint8_t length[8];
    uint64_t left = 0;
    size_t heard = 0;
    int worker = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)message->size >> (56 - 8 * i));
    if (worker < 0 || connect(worker, (struct sockaddr *)&session.worker_address, session.worker_address_size) < 0
        || write_all(worker, length, sizeof length) < 0 || write_all(worker, message->data, message->size) < 0) {
        /* It has just ended, and the machine will with it. */
        return;
    }
    while (heard < sizeof length || left > 0) {
        struct pollfd both[2] = {{worker, POLLIN, 0}, {host, POLLRDHUP, 0}};
        if (poll(both, 2, -1) < 0 && errno != EINTR) return;
        /* The program hears of it: its connection closes, too. */
        if (both[1].revents & (POLLRDHUP | POLLHUP | POLLERR)) return;
        if (!(both[0].revents & (POLLIN | POLLHUP | POLLERR))) continue;
        int is_head = heard < sizeof length;
        size_t most = is_head ? sizeof length - heard : left < sizeof bytes ? (size_t)left : sizeof bytes;
        ssize_t got = read(worker, bytes, most);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return;
        if (is_head) {
            for (ssize_t i = 0; i < got; i++) left = left << 8 | bytes[i];
            heard += (size_t)got;
        } else {
            if (write_all(host, bytes, (size_t)got) < 0) return;
            left -= (uint64_t)got;
        }
    }
}

static void answer_message(int host, const struct buffer *message) {
    struct bytes map = {message->data, message->size}, scope;
    struct mp_value value;
    if (mp_find(map, "scope", &value, &scope) != 1 || value.kind != MP_MAP) {
        send_error(host, "the request is no map with a 'scope'");
    } else if (session.state != READY) {
        send_error(host, session.state == FAILED ? "the machine's configuration failed" : "the machine isn't configured yet");
    } else if (session.configuration.interface == INTERFACE_EXECUTABLE) {
        http_answer(scope, host, session.program);
    } else {
        ask_worker(host, message);
    }
}

/* The whole message: it is whole when MessagePack says so, as a host doesn't close its side. 0 where there is none. */
static int read_message(int host, struct buffer *message, int is_full) {
    struct mp_scan scan = {0, 1};
    for (;;) {
        if (buffer_reserve(message, 65536) < 0) {
            send_error(host, "there is no memory for the request");
            return 0;
        }
        ssize_t got = read(host, message->data + message->size, message->capacity - message->size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return 0;
        message->size += (size_t)got;
        uint8_t first = message->data[0];
        if (first == 'h') {
            if (message->size < 4 && memcmp(message->data, "halt", message->size) == 0) continue;
            return message->size == 4 && memcmp(message->data, "halt", 4) == 0;
        }
        if ((first & 0xf0) != 0x80 && first != 0xde && first != 0xdf) {
            send_error(host, first == '!' ? "shell commands aren't taken" : "the request is no MessagePack map");
            return 0;
        }
        if (is_full) {
            send_error(host, "the machine answers as many requests as it can at once");
            return 0;
        }
        int found = mp_scan(&scan, message->data, message->size);
        if (found == 0) continue;
        if (found == 1 && scan.at == message->size) return 1;
        send_error(host, "the request is not one MessagePack map");
        return 0;
    }
}

void serve(int host, int is_full) {
    struct buffer message = {0};
    limit_silence(host);
    if (read_message(host, &message, is_full)) {
        if (message.data[0] == 'h') {
            pass(host);
            /* The connection is no longer this process's to end. */
            _exit(0);
        }
        answer_message(host, &message);
    }
    /* In an orderly way, so that what was sent last arrives. */
    shutdown(host, SHUT_WR);
    _exit(0);
}

/* The guest API: a socket in the machine, each of whose connections goes on to the host, who serves it. */
#include "agent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* How long a host may take to begin to listen: it does so after the configuration, which a program's import is part of. */
static const int64_t patience = 30000;

int api_listen(void) {
    struct sockaddr_un address;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    strcpy(address.sun_path, API_SOCKET);
    unlink(API_SOCKET);
    if (listener < 0) return -1;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && chmod(API_SOCKET, 0777) == 0
        && listen(listener, 128) == 0) {
        return listener;
    }
    close(listener);
    return -1;
}

/* One of the two directions. */
struct way {
    int from, to;
    int is_open;
    size_t size, sent;
    uint8_t bytes[16384];
};

/* 0 when this way is done with. */
static int move(struct way *way, short from_events, short to_events) {
    if (way->sent == way->size && (from_events & (POLLIN | POLLHUP | POLLERR))) {
        ssize_t got = read(way->from, way->bytes, sizeof way->bytes);
        if (got < 0 && errno == EINTR) return 1;
        if (got <= 0) {
            shutdown(way->to, SHUT_WR);
            return 0;
        }
        way->size = (size_t)got;
        way->sent = 0;
        to_events |= POLLOUT;
    }
    if (way->sent < way->size && (to_events & (POLLOUT | POLLHUP | POLLERR))) {
        ssize_t written = send(way->to, way->bytes + way->sent, way->size - way->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written < 0 && errno != EAGAIN && errno != EINTR) return 0;
        if (written > 0) way->sent += (size_t)written;
    }
    return 1;
}

/* Both ways, until both have ended: who has said all may still listen. */
static void pump(int client, int host) {
    static struct way up, down;
    up.from = down.to = client;
    up.to = down.from = host;
    up.is_open = down.is_open = 1;
    while (up.is_open || down.is_open) {
        struct pollfd both[2] = {{client, 0, 0}, {host, 0, 0}};
        if (up.is_open) {
            if (up.sent == up.size) both[0].events |= POLLIN;
            else both[1].events |= POLLOUT;
        }
        if (down.is_open) {
            if (down.sent == down.size) both[1].events |= POLLIN;
            else both[0].events |= POLLOUT;
        }
        for (int i = 0; i < 2; i++) if (!both[i].events) both[i].fd = -1;
        if (poll(both, 2, -1) < 0 && errno != EINTR) return;
        if (up.is_open) up.is_open = move(&up, both[0].revents, both[1].revents);
        if (down.is_open) down.is_open = move(&down, both[1].revents, both[0].revents);
    }
}

static void serve(int client) {
    int64_t deadline = milliseconds() + patience;
    for (;;) {
        int host = host_connect(API_PORT);
        if (host >= 0) {
            pump(client, host);
            return;
        }
        struct pollfd waiting = {client, 0, 0};
        if (milliseconds() > deadline || (poll(&waiting, 1, 50) == 1 && waiting.revents)) return;
    }
}

void api_relay(int listener) {
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0) {
            if (errno != EINTR && errno != ECONNABORTED) pause_for(50);
            continue;
        }
        pid_t child = fork();
        if (child == 0) {
            close(listener);
            serve(client);
            _exit(0);
        }
        close(client);
    }
}

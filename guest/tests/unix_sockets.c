/* In place of vsock.c, for tests without a machine: the host's side is a folder of sockets. */
#include "../agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address(const char *side, unsigned port) {
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s_%u", getenv("AGENT_SOCKETS"), side, port);
    return address;
}

int host_listen(unsigned port) {
    struct sockaddr_un place = address("guest", port);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&place, sizeof place) == 0 && listen(listener, 512) == 0) return listener;
    close(listener);
    return -1;
}

int host_connect(unsigned port) {
    struct sockaddr_un place = address("host", port);
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection, (struct sockaddr *)&place, sizeof place) == 0) return connection;
    close(connection);
    return -1;
}

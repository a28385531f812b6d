/* vsock(7): how a machine and its host talk without a network. */
#include "agent.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif

/* struct sockaddr_vm of linux/vm_sockets.h, which a C library doesn't have. */
struct address {
    unsigned short family;
    unsigned short reserved;
    unsigned port;
    unsigned cid;
    unsigned char flags;
    unsigned char zero[3];
};

static const unsigned any_cid = 0xffffffffu;

static int open_socket(void) { return socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0); }

int host_listen(unsigned port) {
    struct address address = {AF_VSOCK, 0, port, any_cid, 0, {0, 0, 0}};
    int listener = open_socket();
    if (listener < 0) return -1;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 512) == 0) return listener;
    close(listener);
    return -1;
}

int host_connect(unsigned port) {
    struct address address = {AF_VSOCK, 0, port, HOST_CID, 0, {0, 0, 0}};
    int connection = open_socket();
    if (connection < 0) return -1;
    if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0) return connection;
    int number = errno;
    close(connection);
    errno = number;
    return -1;
}

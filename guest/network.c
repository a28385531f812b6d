/* Addresses and routes by rtnetlink(7): a minimal image has no `ip`. */
#include "agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel's own headers are no part of a C library: what is used of linux/netlink.h, rtnetlink.h and if_addr.h. */
enum { NETLINK_ROUTE = 0, NLMSG_ERROR = 2, NLM_F_REQUEST = 1, NLM_F_ACK = 4, NLM_F_REPLACE = 0x100, NLM_F_CREATE = 0x400 };
enum { RTM_NEWLINK = 16, RTM_NEWADDR = 20, RTM_NEWROUTE = 24 };
enum { IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_F_NODAD = 2, RTA_OIF = 4, RTA_GATEWAY = 5 };
enum { RT_TABLE_MAIN = 254, RTPROT_STATIC = 4, RTN_UNICAST = 1, RTNH_F_ONLINK = 4 };

struct netlink_head {
    uint32_t size;
    uint16_t type, flags;
    uint32_t sequence, process;
};

struct link_message {
    uint8_t family, padding;
    uint16_t type;
    int32_t index;
    uint32_t flags, change;
};

struct address_message {
    uint8_t family, bits, flags, scope;
    uint32_t index;
};

struct route_message {
    uint8_t family, destination_bits, source_bits, service, table, protocol, scope, type;
    uint32_t flags;
};

/* Followed by the request that it answers. */
struct netlink_answer {
    struct netlink_head head;
    int32_t error;
    uint8_t rest[512];
};

struct attribute {
    uint16_t size, type;
};

struct request {
    struct netlink_head head;
    uint8_t rest[256];
};

static uint32_t aligned(size_t size) { return (uint32_t)(size + 3) & ~(uint32_t)3; }

static void begin(struct request *request, int type, int flags, const void *body, size_t size) {
    memset(request, 0, sizeof *request);
    request->head.size = (uint32_t)(sizeof request->head + size);
    request->head.type = (uint16_t)type;
    request->head.flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    memcpy(request->rest, body, size);
}

static void add(struct request *request, int type, const void *data, size_t size) {
    struct attribute attribute = {(uint16_t)(sizeof attribute + size), (uint16_t)type};
    uint8_t *at = (uint8_t *)request + aligned(request->head.size);
    memcpy(at, &attribute, sizeof attribute);
    memcpy(at + sizeof attribute, data, size);
    request->head.size = aligned(request->head.size) + aligned(sizeof attribute + size);
}

/* What the kernel answers: 0, or -1 with errno. */
static int ask(struct request *request) {
    struct netlink_answer answer;
    int channel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (channel < 0) return -1;
    ssize_t size = send(channel, request, request->head.size, 0);
    if (size >= 0) size = recv(channel, &answer, sizeof answer, 0);
    int number = errno;
    close(channel);
    if (size < 0) {
        errno = number;
        return -1;
    }
    if ((size_t)size < sizeof answer.head + sizeof answer.error || answer.head.type != NLMSG_ERROR) {
        errno = EPROTO;
        return -1;
    }
    errno = -answer.error;
    return answer.error == 0 ? 0 : -1;
}

static int link_up(const char *name, struct failure *failure) {
    struct link_message body;
    struct request request;
    memset(&body, 0, sizeof body);
    body.index = (int32_t)if_nametoindex(name);
    if (body.index == 0) return fail(failure, "the machine has no %s", name);
    body.flags = body.change = IFF_UP;
    begin(&request, RTM_NEWLINK, 0, &body, sizeof body);
    return ask(&request) < 0 ? fail_errno(failure, "%s can't be brought up", name) : 0;
}

/* "ADDRESS" or "ADDRESS/BITS". */
static int parse(const char *text, int family, uint8_t *address, unsigned *bits, struct failure *failure) {
    char copy[INET6_ADDRSTRLEN];
    size_t size = strcspn(text, "/");
    unsigned longest = family == AF_INET ? 32 : 128;
    if (size < sizeof copy) {
        memcpy(copy, text, size);
        copy[size] = 0;
        char *end = NULL;
        unsigned long number = text[size] ? strtoul(text + size + 1, &end, 10) : *bits;
        if (inet_pton(family, copy, address) == 1 && number <= longest && (!end || (*end == 0 && end != text + size + 1))) {
            *bits = (unsigned)number;
            return 0;
        }
    }
    return fail(failure, "'%s' is no address of IPv%d", text, family == AF_INET ? 4 : 6);
}

static int add_address(const char *text, int family, unsigned bits, struct failure *failure) {
    struct address_message body;
    struct request request;
    uint8_t address[16];
    size_t size = family == AF_INET ? 4 : 16;
    if (parse(text, family, address, &bits, failure) < 0) return -1;
    memset(&body, 0, sizeof body);
    body.family = (uint8_t)family;
    body.bits = (uint8_t)bits;
    /* Nobody else has it: a second of waiting for duplicates would be one in which programs can't use it. */
    if (family == AF_INET6) body.flags = IFA_F_NODAD;
    body.index = if_nametoindex("eth0");
    begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof body);
    add(&request, IFA_LOCAL, address, size);
    add(&request, IFA_ADDRESS, address, size);
    return ask(&request) < 0 ? fail_errno(failure, "eth0 can't have the address %s", text) : 0;
}

static int add_route(const char *text, int family, struct failure *failure) {
    struct route_message body;
    struct request request;
    uint8_t address[16];
    unsigned bits = family == AF_INET ? 32 : 128;
    uint32_t index = if_nametoindex("eth0");
    if (parse(text, family, address, &bits, failure) < 0) return -1;
    memset(&body, 0, sizeof body);
    body.family = (uint8_t)family;
    body.table = RT_TABLE_MAIN;
    body.protocol = RTPROT_STATIC;
    body.type = RTN_UNICAST;
    /* The gateway may lie outside of the address's own network: it is at the other end of the wire all the same. */
    body.flags = RTNH_F_ONLINK;
    begin(&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof body);
    add(&request, RTA_GATEWAY, address, family == AF_INET ? 4 : 16);
    add(&request, RTA_OIF, &index, sizeof index);
    return ask(&request) < 0 ? fail_errno(failure, "no route by way of %s", text) : 0;
}

int loopback_up(struct failure *failure) { return link_up("lo", failure); }

int network_up(const char *address, const char *route, const char *address6, const char *gateway6,
               struct failure *failure) {
    if (!address && !address6) return 0;
    if (!if_nametoindex("eth0")) {
        say("there is an address, and no eth0 for it");
        return 0;
    }
    if (address && add_address(address, AF_INET, 24, failure) < 0) return -1;
    if (address6 && add_address(address6, AF_INET6, 128, failure) < 0) return -1;
    if (link_up("eth0", failure) < 0) return -1;
    if (route && add_route(route, AF_INET, failure) < 0) return -1;
    return gateway6 ? add_route(gateway6, AF_INET6, failure) : 0;
}

/* The agent of a machine on the Aleph network: what its parts share.
 *
 * One small static program, C99 with Linux's and POSIX's calls, no threads: each connection is a process of its own, so
 * that what a message does to its reader happens to nobody else, and what it took of memory is given back.
 * docs/programs.md tells the protocol. */
#ifndef RTVERIFY_AGENT_H
#define RTVERIFY_AGENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes of somebody else's. */
struct bytes {
    const uint8_t *data;
    size_t size;
};

/* Bytes of our own, which grow. */
struct buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

/* Why something could not be done, for people. */
struct failure {
    char text[1024];
};

/* Both return -1. The second adds what errno says. */
int fail(struct failure *failure, const char *format, ...);
int fail_errno(struct failure *failure, const char *format, ...);

/* A line on the console, or nothing where it takes none: nobody waits for a console. */
void say(const char *format, ...);

/* 0, or -1 where there is no memory. */
int buffer_reserve(struct buffer *buffer, size_t more);
int buffer_add(struct buffer *buffer, const void *data, size_t size);
int buffer_text(struct buffer *buffer, const char *text);
void buffer_free(struct buffer *buffer);

/* 0 when all of it is written. */
int write_all(int descriptor, const void *data, size_t size);
/* A file's bytes, replacing what is there, a dangling link too. */
int write_file(const char *path, const void *data, size_t size, unsigned mode, struct failure *failure);
/* mkdir -p. */
int make_folders(const char *path, struct failure *failure);
/* Milliseconds of a clock that only goes forward. */
int64_t milliseconds(void);
void pause_for(int64_t ms);

/* --- MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) --- */

enum mp_kind { MP_NIL, MP_BOOLEAN, MP_INTEGER, MP_FLOAT, MP_TEXT, MP_BINARY, MP_ARRAY, MP_MAP, MP_EXTENSION };

struct mp_value {
    enum mp_kind kind;
    /* MP_BOOLEAN, MP_INTEGER; beyond int64_t: INT64_MAX. */
    int64_t integer;
    /* MP_TEXT, MP_BINARY, MP_EXTENSION. */
    struct bytes bytes;
    /* Elements of MP_ARRAY, pairs of MP_MAP. */
    uint32_t count;
};

/* Each returns 1, 0 where more bytes are needed, -1 where the bytes are no MessagePack. */
int mp_read(struct bytes *from, struct mp_value *value);
/* One value with all that is in it. */
int mp_skip(struct bytes *from);

/* Finds out, as bytes come, where the first value ends. Start with {0, 1}. */
struct mp_scan {
    size_t at;
    uint64_t pending;
};
int mp_scan(struct mp_scan *scan, const uint8_t *data, size_t size);

/* The value of a key of a map. 1, 0 where the map has none such, -1 where it is no map or malformed. */
int mp_find(struct bytes map, const char *key, struct mp_value *value, struct bytes *inside);
int mp_is(struct mp_value value, const char *text);

void mp_map(struct buffer *to, uint32_t pairs);
void mp_array(struct buffer *to, uint32_t count);
void mp_text(struct buffer *to, const char *text);
void mp_text_of(struct buffer *to, const void *data, size_t size);
void mp_binary(struct buffer *to, const void *data, size_t size);
/* Without the bytes, which are to follow. */
void mp_binary_head(struct buffer *to, size_t size);
void mp_integer(struct buffer *to, uint32_t value);
void mp_boolean(struct buffer *to, int value);
void mp_nil(struct buffer *to);

/* --- DEFLATE (RFC 1951) and its wrappings; zip archives (APPNOTE 6.3) --- */

/* Raw DEFLATE. Returns the bytes of input that were used; -1 where they are malformed or `limit` is not enough. */
ptrdiff_t inflate_raw(struct bytes from, struct buffer *to, size_t limit);
/* gzip (RFC 1952), zlib (RFC 1950), or raw DEFLATE, as servers send it. */
int inflate_any(struct bytes from, struct buffer *to, size_t limit);
/* Unpacks an archive below a folder, with modes and symbolic links. */
int zip_unpack(struct bytes archive, const char *folder, struct failure *failure);

/* --- The network (rtnetlink(7)) --- */

int loopback_up(struct failure *failure);
/* Each may be NULL. An address without a mask is one of a /24; an IPv6 address has its own. */
int network_up(const char *address, const char *route, const char *address6, const char *gateway6,
               struct failure *failure);

/* --- vsock(7) --- */

enum { HOST_CID = 2, AGENT_PORT = 52, API_PORT = 53 };
int host_listen(unsigned port);
/* -1 where nobody listens, or not yet. */
int host_connect(unsigned port);

/* --- A machine's configuration --- */

struct volume {
    char *mount;
    char *device;
    int read_only;
};

struct variable {
    char *name;
    char *value;
};

enum interface { INTERFACE_ASGI, INTERFACE_EXECUTABLE };
enum encoding { ENCODING_PLAIN, ENCODING_ZIP, ENCODING_SQUASHFS };

struct configuration {
    enum interface interface;
    enum encoding encoding;
    char *vm_hash;
    char *entrypoint;
    struct bytes code;
    struct bytes input_data;
    char *ip, *route, *ipv6, *ipv6_gateway;
    char **dns_servers;
    size_t dns_count;
    struct volume *volumes;
    size_t volume_count;
    struct variable *variables;
    size_t variable_count;
    char **keys;
    size_t key_count;
};

/* Keys that aren't known are skipped, and missing ones have defaults, so that older and newer hosts are served. What it
 * points to is the message's, or never freed. */
int configuration_read(struct bytes message, struct configuration *configuration, struct failure *failure);

/* Everything but starting the program: host name, volumes, network, data, keys, code. */
int machine_set_up(const struct configuration *configuration, struct failure *failure);
/* The program's environment, ended by NULL. */
char **machine_environment(const struct configuration *configuration);
/* What docker asks of a machine, where the image has docker. */
void machine_prepare_docker(void);
/* Unmounts the volumes, the last first. */
void machine_unmount(const struct configuration *configuration);

/* The file that a plain ASGI program is in, and the executable of an entrypoint. */
#define PLAIN_PROGRAM "/run/rtverify/main.py"
#define WORKER "/usr/lib/rtverify/asgi_worker.py"
#define API_SOCKET "/tmp/socat-socket"

/* --- The guest API's relay --- */

int api_listen(void);
/* Never returns. */
void api_relay(int listener);

/* --- Requests to an executable (RFC 9110, RFC 9112) --- */

/* What the processes of the agent see of the program's. */
struct program_state {
    volatile pid_t process;
    volatile int has_ended;
    volatile int status;
};

struct http_request {
    struct buffer head;
    /* The scope's. */
    struct bytes body;
    int is_head;
};

struct http_answer {
    /* The host's answer up to the body's own bytes, which end it. */
    struct buffer head;
    struct bytes body;
    /* What a compressed body holds. */
    struct buffer plain;
};

/* Hands a request's scope to the server on this machine's port 8080, and the host what it says. -1 where the host is gone. */
int http_answer(struct bytes scope, int host, const struct program_state *program);
int http_request(struct bytes scope, struct http_request *request, struct failure *failure);
/* 1 when the answer is whole, 0 when more is needed, -1 when it is none. `ended` says that no more comes. The bytes are
 * moved when the answer is whole. */
int http_parse(struct bytes from, int is_head, int ended, struct http_answer *answer, struct failure *failure);

/* {"error", "traceback", "output"}: what a host shows as a status 500. */
void error_answer(struct buffer *to, const char *error);
/* "status 3", "signal 9". */
const char *ending_text(int status, char *text, size_t size);

#endif

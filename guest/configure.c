/* The connection that configures the machine: its message, and its answer. */
#include "session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* Code and data are at most 10,000,000 bytes each. An answer is what a host reads at once. */
enum { LARGEST_CONFIGURATION = 64 << 20, LARGEST_ANSWER = 32 << 10, LARGEST_ERROR = 8 << 10 };

/* One write of at most what a host reads at once. */
static void answer(struct buffer *map) {
    write_all(session.configurer, map->data, map->size);
    shutdown(session.configurer, SHUT_WR);
    close(session.configurer);
    session.configurer = -1;
    buffer_free(map);
}

void refuse_configuration(struct bytes error, struct bytes traceback) {
    struct buffer map = {0};
    if (error.size > LARGEST_ERROR) error.size = LARGEST_ERROR;
    size_t room = LARGEST_ANSWER - error.size - 64;
    /* The end of a traceback says what happened. */
    if (traceback.size > room) {
        traceback.data += traceback.size - room;
        traceback.size = room;
    }
    say("not configured: %.*s", (int)(error.size > 900 ? 900 : error.size), (const char *)error.data);
    session.state = FAILED;
    mp_map(&map, 3);
    mp_text(&map, "success");
    mp_boolean(&map, 0);
    mp_text(&map, "error");
    mp_text_of(&map, error.data, error.size);
    mp_text(&map, "traceback");
    mp_text_of(&map, traceback.data, traceback.size);
    answer(&map);
}

void accept_configuration(void) {
    struct buffer map = {0};
    session.state = READY;
    mp_map(&map, 1);
    mp_text(&map, "success");
    mp_boolean(&map, 1);
    say("configured");
    answer(&map);
}

static void configure(struct bytes message) {
    struct failure failure;
    if (configuration_read(message, &session.configuration, &failure) < 0
        || machine_set_up(&session.configuration, &failure) < 0 || start_program(&failure) < 0) {
        struct bytes error = {(const uint8_t *)failure.text, strlen(failure.text)};
        refuse_configuration(error, error);
    } else if (session.configuration.interface == INTERFACE_EXECUTABLE) {
        accept_configuration();
    } else {
        session.state = STARTING;
    }
}

void limit_silence(int connection) {
    struct timeval limit = {60, 0};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* The message's length; -1 where the line is none. -2 says "halt". */
static long read_length(int connection) {
    long length = 0;
    char byte, first[4] = {0};
    for (int digits = 0; digits < 16 && read_all(connection, &byte, 1) == 0; digits++) {
        if (digits < 4) first[digits] = byte;
        if (digits == 3 && memcmp(first, "halt", 4) == 0) return -2;
        if (byte == '\n' && digits > 0 && first[0] != 'h') return length;
        int is_digit = byte >= '0' && byte <= '9';
        /* What may still become "halt" is read on. */
        if (!is_digit && (digits > 3 || memcmp(first, "halt", (size_t)digits + 1) != 0)) break;
        if (is_digit) length = length * 10 + (byte - '0');
        if (length > LARGEST_CONFIGURATION) break;
    }
    return -1;
}

int configure_by(int connection) {
    limit_silence(connection);
    session.configurer = connection;
    long length = read_length(connection);
    if (length == -2) return 1;
    uint8_t *data = length < 0 ? NULL : malloc((size_t)length + 1);
    if (data && read_all(connection, data, (size_t)length) == 0) {
        struct bytes message = {data, (size_t)length};
        configure(message);
    } else {
        /* Nothing is configured, and another connection may do it. */
        say(length < 0 ? "a connection that doesn't begin with the length of a configuration" : "a configuration was cut short");
        close(connection);
        session.configurer = -1;
    }
    /* Its texts are copies; its code and data are where they belong. */
    free(data);
    return 0;
}

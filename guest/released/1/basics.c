/* Bytes, files, time, the console. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int fail(struct failure *failure, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof failure->text, format, arguments);
    va_end(arguments);
    return -1;
}

int fail_errno(struct failure *failure, const char *format, ...) {
    int number = errno;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof failure->text, format, arguments);
    va_end(arguments);
    size_t used = strlen(failure->text);
    snprintf(failure->text + used, sizeof failure->text - used, ": %s", strerror(number));
    return -1;
}

void say(const char *format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = snprintf(line, sizeof line, "agent: ");
    vsnprintf(line + size, sizeof line - (size_t)size - 2, format, arguments);
    va_end(arguments);
    size = (int)strlen(line);
    line[size++] = '\n';
    /* One that is full is not waited for: what floods it is the program, and this line the lesser loss. */
    struct pollfd console = {STDERR_FILENO, POLLOUT, 0};
    if (poll(&console, 1, 0) != 1 || !(console.revents & POLLOUT)) return;
    ssize_t written = write(STDERR_FILENO, line, (size_t)size);
    (void)written;
}

int buffer_reserve(struct buffer *buffer, size_t more) {
    if (buffer->capacity - buffer->size >= more) return 0;
    size_t wanted = buffer->capacity < 256 ? 256 : buffer->capacity;
    while (wanted - buffer->size < more) {
        if (wanted > SIZE_MAX / 2) return -1;
        wanted *= 2;
    }
    uint8_t *data = realloc(buffer->data, wanted);
    if (!data) return -1;
    buffer->data = data;
    buffer->capacity = wanted;
    return 0;
}

int buffer_add(struct buffer *buffer, const void *data, size_t size) {
    if (buffer_reserve(buffer, size) < 0) return -1;
    if (size > 0) memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    return 0;
}

int buffer_text(struct buffer *buffer, const char *text) { return buffer_add(buffer, text, strlen(text)); }

void buffer_free(struct buffer *buffer) {
    free(buffer->data);
    memset(buffer, 0, sizeof *buffer);
}

int write_all(int descriptor, const void *data, size_t size) {
    const char *at = data;
    while (size > 0) {
        ssize_t written = write(descriptor, at, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return -1;
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

int write_file(const char *path, const void *data, size_t size, unsigned mode, struct failure *failure) {
    unlink(path);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (file < 0) return fail_errno(failure, "%s can't be written", path);
    int result = write_all(file, data, size);
    if (result == 0) result = fchmod(file, mode);
    if (result < 0) fail_errno(failure, "%s can't be written", path);
    close(file);
    return result;
}

int make_folders(const char *path, struct failure *failure) {
    char part[PATH_MAX];
    size_t size = strlen(path);
    if (size >= sizeof part) return fail(failure, "a path of %lu bytes is too long", (unsigned long)size);
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && path[i] != 0) continue;
        memcpy(part, path, i);
        part[i] = 0;
        struct stat status;
        if (mkdir(part, 0755) < 0 && (errno != EEXIST || stat(part, &status) < 0 || !S_ISDIR(status.st_mode))) {
            if (errno == 0 || errno == EEXIST) errno = ENOTDIR;
            return fail_errno(failure, "%s can't be made", part);
        }
    }
    return 0;
}

int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pause_for(int64_t ms) {
    struct timespec time = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

void error_answer(struct buffer *to, const char *error) {
    mp_map(to, 3);
    mp_text(to, "error");
    mp_text(to, error);
    mp_text(to, "traceback");
    mp_text(to, error);
    mp_text(to, "output");
    mp_text(to, "");
}

const char *ending_text(int status, char *text, size_t size) {
    if (WIFSIGNALED(status)) snprintf(text, size, "signal %d", WTERMSIG(status));
    else snprintf(text, size, "status %d", WEXITSTATUS(status));
    return text;
}

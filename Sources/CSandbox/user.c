// A user namespace with subordinate ids, made by the host's root: what an ordinary user's build runs in.
#define _GNU_SOURCE
#include "csandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_map(pid_t process, const char *name, unsigned first, unsigned count) {
    char path[64], text[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)process, name);
    int size = snprintf(text, sizeof text, "0 0 1\n1 %u %u\n", first, count);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    // The kernel takes a map in one piece or not at all (user_namespaces(7)).
    return file >= 0 && write(file, text, (size_t)size) == size ? 0 : -1;
}

int rtv_become_user(unsigned first, unsigned count) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    pid_t process = getpid(), child = fork();
    if (child < 0) return -1;
    if (child == 0) {
        // From outside: the namespace's own processes may map one id alone.
        char byte;
        close(ends[1]);
        if (read(ends[0], &byte, 1) != 1) _exit(EPERM);
        _exit(write_map(process, "uid_map", first, count) != 0 || write_map(process, "gid_map", first, count) != 0
            ? errno : 0);
    }
    int result = unshare(CLONE_NEWUSER), reason = errno, status = 0;
    if (result == 0 && write(ends[1], "x", 1) != 1) result = -1;
    close(ends[0]);
    close(ends[1]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    if (result != 0) errno = reason;
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
        result = -1;
    }
    return result;
}

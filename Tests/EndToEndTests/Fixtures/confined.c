// Confines itself as the reader of images does (Sources/CSandbox/confine.c) and says which calls are left to it, a line each.
#define _GNU_SOURCE
#include "csandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *nothing(void *unused) { return unused; }

static void say(const char *what, long result) {
    printf("%s %s\n", what, result >= 0 ? "yes" : errno == ENOSYS || errno == EPERM ? "no" : "otherwise");
    fflush(stdout);
}

int main(int count, char **arguments) {
    if (count != 2 || rtv_confine((uint64_t)1 << 30, 10) != 0) return 2;
    const char *path = arguments[1];
    struct rlimit limit = {1, 1};
    pthread_t thread;
    int file = open(path, O_RDONLY);
    say("read", file);
    say("epoll", epoll_create1(0));
    say("descriptor", fcntl(file, F_GETFD));
    say("thread", pthread_create(&thread, NULL, nothing, NULL) == 0 ? 0 : -1);
    say("write", open(path, O_WRONLY));
    say("create", open("new", O_CREAT | O_RDWR, 0600));
    say("unnamed", open(".", O_TMPFILE | O_RDWR, 0600));
    say("unlink", unlink(path));
    say("rename", rename(path, "other"));
    say("mode", chmod(path, 0600));
    say("folder", mkdir("folder", 0700));
    say("socket", socket(AF_UNIX, SOCK_STREAM, 0));
    say("fork", syscall(__NR_clone, SIGCHLD, 0, 0, 0, 0));
    say("exec", execl("/bin/true", "true", (char *)NULL));
    say("signal", kill(getppid(), 0));
    say("owner", fcntl(file, F_SETOWN, getppid()));
    say("priority", setpriority(PRIO_PROCESS, (id_t)getppid(), 1));
    say("limit", setrlimit(RLIMIT_NOFILE, &limit));
    say("memory-file", syscall(__NR_memfd_create, "x", 0));
    say("ring", syscall(425 /* io_uring_setup */, 1, NULL));
    say("unheard-of", syscall(100000));
    return 0;
}

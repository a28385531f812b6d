// What this process was given by the one that started it.
#define _GNU_SOURCE
#include "csandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int argument_count;
static char **arguments;

// The C library hands main's arguments to the program's constructors (System V ABI, DT_INIT_ARRAY; glibc does).
__attribute__((constructor)) static void keep_arguments(int count, char **words) {
    argument_count = count;
    arguments = words;
}

const char *rtv_argument(int index) { return index >= 0 && index < argument_count ? arguments[index] : NULL; }

void rtv_hide_arguments(void) {
    if (argument_count == 0) return;
    // They lie one after the other, each with its zero.
    char *last = arguments[argument_count - 1], *first = arguments[0];
    size_t size = (size_t)(last + strlen(last) - first) + 1;
    argument_count = 0;
    memset(first, 0, size);
    // A last byte other than zero has /proc show one text alone, as setproctitle(3) means it, whatever the length was.
    if (size < 6) return;
    memcpy(first, "init", 5);
    first[size - 1] = ' ';
}

static void do_nothing(int number) { (void)number; }

void rtv_take_signals(void) {
    struct sigaction standard = {.sa_handler = SIG_DFL}, found;
    for (int number = 1; number < NSIG; number++) {
        if (number == SIGHUP && sigaction(number, NULL, &found) == 0 && found.sa_handler == SIG_IGN) continue;
        (void)sigaction(number, &standard, NULL);
    }
    // A handler, unlike SIG_IGN, isn't handed on to the programs that this one starts (execve(2)).
    struct sigaction nothing = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
    (void)sigaction(SIGPIPE, &nothing, NULL);
    (void)sigaction(SIGXFSZ, &nothing, NULL);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void rtv_write_output(const void *bytes, size_t size) { fwrite(bytes, 1, size, stdout); }

int rtv_flush_output(void) {
    errno = 0;
    return fflush(stdout) != 0 || ferror(stdout) ? -1 : 0;
}

const char *rtv_short_limit(unsigned long long *value) {
    static const struct {
        int resource;
        rlim_t least, wanted;
        const char *words;
    } limits[] = {
        // Connections, a pipe to each program, and the event loops' own.
        {RLIMIT_NOFILE, 64, 1024, "open files (ulimit -n), and rtverify takes 64 or more"},
        // The heap of a 64-bit program is mapped far ahead of what is used of it.
        {RLIMIT_AS, 1536ULL << 20, RLIM_INFINITY,
         "bytes of address space (ulimit -v, there in KiB), and rtverify takes 1610612736 or more"},
        {RLIMIT_DATA, 256ULL << 20, RLIM_INFINITY,
         "bytes of data (ulimit -d, there in KiB), and rtverify takes 268435456 or more"},
        {RLIMIT_STACK, 256 << 10, 8 << 20, "bytes of stack (ulimit -s, there in KiB), and rtverify takes 262144 or more"},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit found;
        if (getrlimit(limits[i].resource, &found) != 0 || found.rlim_cur >= limits[i].wanted) continue;
        rlim_t soft = found.rlim_cur;
        // Only what is too little is raised: a limit that will do was meant.
        if (soft < limits[i].least) {
            found.rlim_cur = limits[i].wanted < found.rlim_max ? limits[i].wanted : found.rlim_max;
            if (found.rlim_cur < limits[i].least || setrlimit(limits[i].resource, &found) != 0) {
                *value = found.rlim_cur < limits[i].least ? found.rlim_cur : soft;
                return limits[i].words;
            }
        }
    }
    return NULL;
}

void rtv_open_standard_streams(void) {
    for (int descriptor = 0; descriptor < 3; descriptor++) {
        if (fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
        // open(2) takes the lowest number that is free. Reading what is to be written is EBADF, and the other way round.
        if (open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY) < 0) (void)open("/", O_RDONLY | O_DIRECTORY);
    }
}

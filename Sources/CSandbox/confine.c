// What the reader of images may still call, by name, through libseccomp: it reads, and writes to what it has open.
#define _GNU_SOURCE
#include "csandbox.h"
#include "rules.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

// To `most`, or to what the caller's own limit is where that is lower.
static int limit(int resource, uint64_t most) {
    struct rlimit found;
    if (getrlimit(resource, &found) != 0) return -1;
    rlim_t value = most < found.rlim_max ? most : found.rlim_max;
    if (found.rlim_cur < value) value = found.rlim_cur;
    found = (struct rlimit){value, value};
    return setrlimit(resource, &found);
}

static const char *const reading[] = {
    // Files that are open, and what can be read of others.
    "read", "pread64", "readv", "preadv", "preadv2", "lseek", "_llseek", "close", "close_range", "dup", "fstat",
    "stat", "lstat", "newfstatat", "statx", "statfs", "fstatfs", "getdents", "getdents64", "readlink", "readlinkat", "access",
    "faccessat", "faccessat2", "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr", "fadvise64",
    "readahead", "getcwd",
    // Answers, and unnamed files that were opened before.
    "write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "fallocate", "poll", "ppoll",
    // Memory.
    "mmap", "munmap", "mprotect", "mremap", "madvise", "brk", "mincore", "membarrier",
    // Threads: of this process alone, see below.
    "futex", "futex_wait", "futex_wake", "futex_waitv", "futex_requeue", "set_robust_list", "get_robust_list", "rseq",
    "set_tid_address", "gettid", "sched_yield", "sched_getaffinity", "sched_getparam", "sched_getscheduler",
    "sched_get_priority_max", "sched_get_priority_min", "exit", "exit_group", "restart_syscall",
    // What libdispatch waits with.
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "timerfd_create", "timerfd_settime",
    // Its own signals.
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    // Clocks, and what this process and this machine are.
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getrandom", "getpid",
    "getppid", "getuid", "geteuid", "getgid", "getegid", "getcpu", "getrlimit", "getrusage", "sysinfo", "uname", "times",
};

// A call whose argument `index` has, of the bits of `mask`, just `value`.
static int allow_where(scmp_filter_ctx filter, const char *name, unsigned index, uint64_t mask, uint64_t value) {
    return seccomp_rule_add(
        filter, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(name), 1,
        SCMP_CMP(index, SCMP_CMP_MASKED_EQ, mask, value));
}

int rtv_confine(uint64_t memory, uint64_t seconds) {
    const uint64_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND, word = 0xffffffff;
    if (limit(RLIMIT_DATA, memory) != 0 || limit(RLIMIT_CPU, seconds) != 0 || limit(RLIMIT_CORE, 0) != 0) return -1;
    // What isn't listed isn't there: the C library then does without, or takes another.
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (!filter) return -1;
    int status = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
    if (status == 0) status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (status == 0) status = add_calls(filter, SCMP_ACT_ALLOW, reading, sizeof reading / sizeof *reading);
    if (status == 0) status = allow_where(filter, "open", 1, writing, 0);
    if (status == 0) status = allow_where(filter, "openat", 2, writing, 0);
    // Not F_SETOWN and its like, by which a file sends signals to other processes.
    static const uint64_t controls[] = {F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC};
    for (size_t i = 0; status == 0 && i < sizeof controls / sizeof *controls; i++)
        status = allow_where(filter, "fcntl", 1, word, controls[i]);
    // Its own threads' niceness alone, as libdispatch sets it.
    if (status == 0) status = allow_where(filter, "setpriority", 1, word, 0);
    // Threads, and no processes. clone3's arguments can't be looked at; the C library then takes clone.
    if (status == 0) status = allow_where(filter, "clone", 0, CLONE_THREAD, CLONE_THREAD);
    // Names of threads and of memory.
    if (status == 0) status = allow_where(filter, "prctl", 0, word, PR_SET_NAME);
    if (status == 0) status = allow_where(filter, "prctl", 0, word, PR_SET_VMA);
    // Limits are read, and not set: the third argument is where new ones are.
    if (status == 0) status = allow_where(filter, "prlimit64", 2, UINT64_MAX, 0);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (status == 0) status = seccomp_load(filter);
    seccomp_release(filter);
    if (status == 0) return 0;
    errno = -status;
    return -1;
}

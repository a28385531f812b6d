// A root file system that becomes all that a program can see.
#define _GNU_SOURCE
#include "csandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { mount_setattr_number = 442, recursive = 0x8000, only_read = 1, no_setuid = 2, no_devices = 4, no_programs = 8 };
// mount_setattr(2); the C library of Debian 11 has no name for it.
struct mount_change {
    uint64_t set, clear, propagation, user;
};

static int change_mounts(const char *path, int flags, uint64_t set, uint64_t clear) {
    struct mount_change change = {set, clear, 0, 0};
    return (int)syscall(mount_setattr_number, AT_FDCWD, path, flags, &change, sizeof change);
}

static const char *relative(const char *path) {
    path += strspn(path, "/");
    return *path ? path : ".";
}

// From a chroot to the root of the mount namespace, by chroot(2)'s own way: what is done to the mounts of a chroot alone
// leaves those above it as they were. `inside` is any folder. Where the right to chroot lacks, this is no chroot either, or
// none that could be left. The way up takes more steps than a path has parts.
static void climb(const char *inside) {
    if (chdir("/") != 0 || chroot(inside) != 0) return;
    for (int i = 0; i < 2100; i++)
        if (chdir("..") != 0) break;
    (void)chroot(".");
}

int rtv_begin_sandbox(const char **failed) {
    // KEYCTL_JOIN_SESSION_KEYRING; a kernel without keys needs none.
    (void)syscall(__NR_keyctl, 1, NULL);
    *failed = "cannot open /";
    int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (host < 0) return -1;
    climb("/proc");
    *failed = "cannot make the mounts private";
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return -1;
    *failed = "cannot mount a /proc";
    if (fchdir(host) != 0 || mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) return -1;
    *failed = "cannot go back to /";
    // Without the right to, nothing was left.
    if (chroot(".") != 0 && errno != EPERM) return -1;
    close(host);
    return 0;
}

int rtv_write_only_below(const char *work) {
    int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (host < 0) return -1;
    climb(work);
    int result = change_mounts("/", recursive, only_read, 0);
    if (fchdir(host) != 0) result = -1;
    const char *path = relative(work);
    if (result == 0) result = mount(path, path, NULL, MS_BIND, NULL);
    // What a more privileged owner's mount denies, a user namespace can't allow.
    if (result == 0 && change_mounts(path, 0, 0, only_read | no_setuid | no_devices | no_programs) != 0)
        result = change_mounts(path, 0, 0, only_read);
    int reason = errno;
    if (fchdir(host) != 0 || (chroot(".") != 0 && errno != EPERM)) result = -1;
    else errno = reason;
    close(host);
    return result;
}

// What a process may do by being root alone, and what /proc tells of the host, as container runtimes have it.
static const char *const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};
static const char *const hidden[] = {
    "proc/kcore", "proc/keys", "proc/key-users", "proc/latency_stats", "proc/timer_list", "proc/timer_stats",
    "proc/sched_debug",
};

static int mount_processes(void) {
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    struct stat status;
    if (lstat("proc", &status) != 0 || !S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        return -1;
    }
    if (mount("proc", "proc", "proc", flags, NULL) != 0) return -1;
    for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++) {
        if (access(read_only[i], F_OK) != 0) continue;
        if (mount(read_only[i], read_only[i], NULL, MS_BIND, NULL) != 0) return -1;
        if (mount("none", read_only[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | flags, NULL) != 0) return -1;
    }
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (access(hidden[i], F_OK) == 0 && mount("dev/null", hidden[i], NULL, MS_BIND, NULL) != 0) return -1;
    return 0;
}

// What went wrong in a process on the way to the program, or how the program ended: shared with the one that waits.
struct outcome {
    const char *volatile failed;
    volatile int error, ended, status;
};

static const char *enter(const char *root, const char *processor) {
    int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (host < 0) return "cannot open /";
    int shown = processor ? open(processor, O_RDONLY | O_CLOEXEC) : -1;
    if (processor && shown < 0) return "cannot open another processor's description";
    // The namespace's own root has to go: from under a chroot's, chroot(2) leads out.
    climb(root);
    const char *path = relative(root);
    if (fchdir(host) != 0 || mount(path, path, NULL, MS_BIND | MS_REC, NULL) != 0 || chdir(path) != 0)
        return "cannot bind the root";
    close(host);
    int moved = 0;
    if (syscall(__NR_pivot_root, ".", ".") != 0) {
        // The first root of all (rootfs) can't be exchanged, only covered; nothing leads below what covers it.
        if (errno != EINVAL || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0)
            return "cannot make it the root";
        moved = 1;
    }
    // Before the host's go: a user namespace gets a /proc only where one is seen.
    if (mount_processes() != 0) return "cannot mount its /proc";
    if (shown >= 0) {
        char path[32];
        (void)snprintf(path, sizeof path, "proc/self/fd/%d", shown);
        if (mount(path, "proc/cpuinfo", NULL, MS_BIND, NULL) != 0) return "cannot show another processor";
        close(shown);
    }
    if (!moved && umount2(".", MNT_DETACH) != 0) return "cannot leave the host's mounts";
    return chdir("/") != 0 ? "cannot go to its root" : NULL;
}

// Fixed ones, so that programs don't find the caller's; a hard limit that is lower stays.
static void take_limits(void) {
    const struct {
        int resource;
        rlim_t value;
    } limits[] = {
        {RLIMIT_NOFILE, 1024}, {RLIMIT_STACK, 8 << 20}, {RLIMIT_CORE, 0}, {RLIMIT_CPU, RLIM_INFINITY},
        {RLIMIT_FSIZE, RLIM_INFINITY}, {RLIMIT_AS, RLIM_INFINITY}, {RLIMIT_DATA, RLIM_INFINITY},
        {RLIMIT_NPROC, RLIM_INFINITY},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit found, raised;
        if (getrlimit(limits[i].resource, &found) != 0) continue;
        raised.rlim_max = found.rlim_max > limits[i].value ? found.rlim_max : limits[i].value;
        raised.rlim_cur = limits[i].value;
        if (setrlimit(limits[i].resource, &raised) == 0) continue;
        found.rlim_cur = limits[i].value < found.rlim_max ? limits[i].value : found.rlim_max;
        (void)setrlimit(limits[i].resource, &found);
    }
}

static const char *drop_capabilities(uint64_t kept) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    if (syscall(__NR_capget, &header, data) != 0) return "cannot read the capabilities";
    for (int i = 0; i < 64; i++) {
        if ((kept >> i & 1) || prctl(PR_CAPBSET_READ, i, 0, 0, 0) != 1) continue;
        if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0) continue;
        // Without CAP_SETPCAP the bound stays: then no program may get more than it is started with.
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "cannot drop capabilities";
        break;
    }
    for (int i = 0; i < 2; i++) {
        data[i].permitted &= (uint32_t)(kept >> (32 * i));
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    return syscall(__NR_capset, &header, data) != 0 ? "cannot drop capabilities" : NULL;
}

// The first process of the program's own: what it leaves running ends with this one, which it can't stop or end.
static void be_first(
    const char *root, uint64_t kept, char *const program[], const char *processor, struct outcome *outcome) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    // Without a session of its own it could type into the builder's terminal (ioctl_tty(2), TIOCSTI).
    (void)setsid();
    // Its arguments and its program's path are the host's.
    rtv_hide_arguments();
    (void)prctl(PR_SET_NAME, "init", 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    take_limits();
    const char *failed = enter(root, processor);
    if (!failed && rtv_refuse_calls() != 0) failed = "cannot refuse system calls (seccomp)";
    if (!failed) failed = drop_capabilities(kept);
    pid_t child = failed ? 0 : fork();
    if (child < 0) failed = "cannot start a process";
    if (failed) {
        outcome->error = errno;
        outcome->failed = failed;
        _exit(127);
    }
    if (child == 0) {
        execvp(program[0], program);
        outcome->error = errno;
        outcome->failed = "cannot run";
        _exit(127);
    }
    for (;;) {
        int status;
        pid_t ended = waitpid(-1, &status, 0);
        if (ended < 0 && errno != EINTR) _exit(126);
        if (ended != child) continue;
        outcome->status = status;
        outcome->ended = 1;
        _exit(0);
    }
}

int rtv_run_in_root(
    const char *root, uint64_t kept, char *const program[], const char *processor, const char **failed) {
    *failed = "cannot share memory";
    struct outcome *outcome =
        mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (outcome == MAP_FAILED) return -1;
    // The defaults, for the program too: a parent may have had them ignored.
    rtv_take_signals();
    *failed = "cannot make namespaces";
    if (unshare(CLONE_NEWNS | CLONE_NEWPID) != 0) return -1;
    *failed = "cannot start a process";
    pid_t first = fork();
    if (first < 0) return -1;
    if (first == 0) {
        signal(SIGPIPE, SIG_DFL);
        signal(SIGXFSZ, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
        be_first(root, kept, program, processor, outcome);
    }
    int status;
    while (waitpid(first, &status, 0) < 0)
        if (errno != EINTR) _exit(126);
    if (outcome->failed) {
        *failed = outcome->failed;
        errno = outcome->error;
        return -1;
    }
    if (outcome->ended) status = outcome->status;
    if (WIFSIGNALED(status)) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
        _exit(128 + WTERMSIG(status));
    }
    _exit(WEXITSTATUS(status));
}

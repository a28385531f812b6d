// Linux calls that Swift's Glibc module lacks: variadic functions, macros with casts, headers it doesn't include.
// Without _GNU_SOURCE, which would give fd_set other members here than in Dispatch's module: two definitions of one type.
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <net/if.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef O_TMPFILE
#define O_TMPFILE (020000000 | O_DIRECTORY)
#endif
void *memmem(const void *bytes, size_t size, const void *part, size_t part_size);

/// Opens an unnamed file for reading and writing in folder `path` (open(2), O_TMPFILE), or -1 with errno.
static inline int rtv_open_unnamed(const char *path, mode_t mode) {
    return open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
}

/// Takes `size` bytes of room for a file (fallocate(2), which unlike posix_fallocate(3) doesn't write where a file system
/// has no such call). 0, or an error number.
static inline int rtv_allocate(int descriptor, off_t size) {
    return syscall(__NR_fallocate, descriptor, 0, (off_t)0, size) == 0 ? 0 : errno;
}

/// Gives the unnamed file `fd` the name `path` (linkat(2), AT_SYMLINK_FOLLOW through /proc), or -1 with errno.
static inline int rtv_link_unnamed(const char *proc_path, const char *path) {
    return linkat(AT_FDCWD, proc_path, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/// Tells ext4 that the folders made in folder `path` have nothing to do with each other (chattr(1), +T), so that it puts
/// each where there is most room. Elsewhere, or without the right to, nothing happens.
static inline void rtv_spread_folders(const char *path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), flags = 0;
    if (folder < 0) return;
    if (ioctl(folder, FS_IOC_GETFLAGS, &flags) == 0) {
        flags |= FS_TOPDIR_FL;
        (void)ioctl(folder, FS_IOC_SETFLAGS, &flags);
    }
    close(folder);
}

/// Whether `size` bytes contain `part_size` others.
static inline int rtv_contains(const void *bytes, size_t size, const void *part, size_t part_size) {
    return memmem(bytes, size, part, part_size) != NULL;
}

static inline ssize_t rtv_llistxattr(const char *path, char *list, size_t size) { return llistxattr(path, list, size); }
static inline ssize_t rtv_lgetxattr(const char *path, const char *name, void *value, size_t size) {
    return lgetxattr(path, name, value, size);
}

#include <time.h>
// glibc hides it from the feature level at which Swift imports <time.h>.
char *strptime(const char *text, const char *format, struct tm *fields);

/// Seconds since 1970-01-01 UTC of a whole text in a strptime(3) format, or -1.
static inline int64_t rtv_parse_time(const char *text, const char *format) {
    struct tm fields = {0};
    const char *end = strptime(text, format, &fields);
    return end && *end == 0 ? (int64_t)timegm(&fields) : -1;
}

#include <sched.h>
#include <sys/mount.h>
#include <linux/magic.h>
#include <sys/vfs.h>
enum { rtv_mnt_detach = MNT_DETACH };

/// Whether the file system at `path` is a tmpfs (statfs(2)).
static inline int rtv_is_tmpfs(const char *path) {
    struct statfs system;
    return statfs(path, &system) == 0 && system.f_type == TMPFS_MAGIC;
}

/// Whether the file system at `path` is mounted so that no program of it can be run (statvfs(3), ST_NOEXEC).
static inline int rtv_is_noexec(const char *path) {
    struct statfs system;
    return statfs(path, &system) == 0 && (system.f_flags & 8);
}

/// How many processors this thread may use (sched_getaffinity(2)), or -1.
static inline int rtv_usable_processors(void) {
    unsigned char mask[1024] = {0};
    int count = 0;
    if (syscall(__NR_sched_getaffinity, 0, sizeof mask, mask) <= 0) return -1;
    for (int i = 0; i < (int)sizeof mask; i++) count += __builtin_popcount(mask[i]);
    return count;
}

/// The number of the first processor that this thread may use (sched_getaffinity(2)), or -1.
static inline int rtv_first_processor(void) {
    unsigned char mask[1024] = {0};
    if (syscall(__NR_sched_getaffinity, 0, sizeof mask, mask) <= 0) return -1;
    for (int i = 0; i < (int)sizeof mask * 8; i++)
        if (mask[i / 8] >> (i % 8) & 1) return i;
    return -1;
}

/// The capacity of a pipe (fcntl(2), F_SETPIPE_SZ), or -1 with errno.
static inline int rtv_set_pipe_size(int descriptor, int bytes) { return fcntl(descriptor, 1031, bytes); }

/// A pipe whose ends no program that is started inherits (pipe2(2), O_CLOEXEC); 0, or -1 with errno.
static inline int rtv_pipe(int ends[2]) { return (int)syscall(__NR_pipe2, ends, O_CLOEXEC); }

static inline unsigned rtv_major(dev_t device) { return major(device); }
static inline unsigned rtv_minor(dev_t device) { return minor(device); }

#include <sys/resource.h>
/// Has this process killed when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG); 0, or -1 with errno.
static inline int rtv_end_with_parent(void) { return prctl(PR_SET_PDEATHSIG, 9 /* SIGKILL */, 0, 0, 0); }

/// Whether this process's children may look at what it has open (prctl(2), PR_GET_DUMPABLE): not where its file can be run
/// and not read.
static inline int rtv_is_open_to_children(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0; }

/// Has the kernel call itself 2.6 to this process and those that it starts (personality(2), UNAME26); 0, or -1 with errno.
static inline int rtv_show_old_kernel(void) { return syscall(__NR_personality, 0x0020000) < 0 ? -1 : 0; }

/// Has a signal that comes from elsewhere call `handler` (sigaction(2), SA_SIGINFO), on whatever thread gets it; a hang-up
/// that the caller had ignored stays so.
static inline void rtv_on_signal(int number, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction found, action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    if (number == SIGHUP && sigaction(number, NULL, &found) == 0 && found.sa_handler == SIG_IGN) return;
    (void)sigaction(number, &action, NULL);
}

/// Whether it is this process that sent a signal.
static inline int rtv_is_own(const siginfo_t *signal) { return signal->si_pid == getpid(); }

/// Columns of the terminal `fd` (ioctl_tty(2), TIOCGWINSZ); 0 where it doesn't say, or is none.
static inline unsigned short rtv_terminal_columns(int fd) {
    struct winsize size = {0};
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* Thousands of ticks that the processor's time stamp counter makes in a second; 0 where it has none (Intel SDM, 17.17). */
static inline unsigned long rtv_time_stamp_khz(void) {
#ifdef __x86_64__
    struct timespec start, now;
    long long elapsed;
    clock_gettime(CLOCK_MONOTONIC_RAW, &start);
    unsigned long long first = __builtin_ia32_rdtsc(), last;
    do {
        last = __builtin_ia32_rdtsc();
        clock_gettime(CLOCK_MONOTONIC_RAW, &now);
        elapsed = (now.tv_sec - start.tv_sec) * 1000000000ll + (now.tv_nsec - start.tv_nsec);
    } while (elapsed < 20000000);
    return (unsigned long)((double)(last - first) * 1e6 / (double)elapsed);
#else
    return 0;
#endif
}

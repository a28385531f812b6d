// Linux calls that Swift's Glibc module lacks: variadic functions, macros with casts, headers it doesn't include.
// Without _GNU_SOURCE, which would give fd_set other members here than in Dispatch's module: two definitions of one type.
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/fs.h>
#include <net/if.h>
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

/// Makes fsync(2) and its like return 0 at once, for this process, all its threads, and whatever they start.
/// A build's tree is thrown away after a crash, so nothing is gained by dpkg's waiting for the disk.
static inline int rtv_ignore_fsync(void) {
#if defined(__x86_64__)
    static const int ignored[] = {__NR_fsync, __NR_fdatasync, __NR_sync, __NR_syncfs, __NR_sync_file_range, __NR_msync};
    enum { count = sizeof ignored / sizeof ignored[0] };
    struct sock_filter code[count + 5];
    int n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, count + 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < count; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)ignored[i], (uint8_t)(count - i), 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0);
    struct sock_fprog program = {(unsigned short)n, code};
    return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
#else
    errno = ENOSYS;
    return -1;
#endif
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
/// Confines this process, which is about to read what strangers made: at most `memory` bytes of its own, `seconds` of
/// processor time, no core file. From now on it opens files for reading only and writes to
/// those it has open; no new programs or processes, sockets, signals, mounts, names, modes, owners, attributes.
/// 0, or -1 with errno.
static inline int rtv_confine(uint64_t memory, uint64_t seconds) {
#if defined(__x86_64__)
    struct rlimit limit = {memory, memory};
    if (setrlimit(RLIMIT_DATA, &limit) != 0) return -1;
    limit = (struct rlimit){seconds, seconds};
    if (setrlimit(RLIMIT_CPU, &limit) != 0) return -1;
    limit = (struct rlimit){0, 0};
    if (setrlimit(RLIMIT_CORE, &limit) != 0) return -1;
    // By number where this C library's headers are older than the call.
    static const int refused[] = {
        __NR_socket, __NR_socketpair, __NR_connect, __NR_bind, __NR_sendto, __NR_sendmsg, __NR_execve, __NR_execveat,
        __NR_fork, __NR_vfork, __NR_kill, __NR_tkill, __NR_tgkill, __NR_rt_sigqueueinfo, __NR_rt_tgsigqueueinfo,
        424 /* pidfd_send_signal */, 434 /* pidfd_open */, 438 /* pidfd_getfd */, __NR_ptrace, __NR_process_vm_readv,
        __NR_process_vm_writev, __NR_mount, __NR_umount2, 428 /* open_tree */, 429 /* move_mount */, 430 /* fsopen */,
        432 /* fsmount */, 433 /* fspick */, 442 /* mount_setattr */, __NR_pivot_root, __NR_chroot, __NR_unshare,
        __NR_setns, 437 /* openat2 */, __NR_creat, __NR_open_by_handle_at, __NR_rename, __NR_renameat, __NR_renameat2,
        __NR_link, __NR_linkat, __NR_symlink, __NR_symlinkat, __NR_unlink, __NR_unlinkat, __NR_mkdir, __NR_mkdirat,
        __NR_rmdir, __NR_mknod, __NR_mknodat, __NR_chmod, __NR_fchmod, __NR_fchmodat, 452 /* fchmodat2 */, __NR_chown,
        __NR_fchown, __NR_lchown, __NR_fchownat, __NR_truncate, __NR_setxattr, __NR_lsetxattr, __NR_fsetxattr,
        __NR_removexattr, __NR_lremovexattr, __NR_fremovexattr, __NR_utime, __NR_utimes, __NR_utimensat, __NR_futimesat,
        __NR_bpf, __NR_add_key, __NR_keyctl, __NR_request_key, 425 /* io_uring_setup */, __NR_perf_event_open,
        __NR_userfaultfd, __NR_init_module, __NR_finit_module, __NR_delete_module, __NR_kexec_load, __NR_kexec_file_load,
        __NR_reboot, __NR_swapon, __NR_swapoff, __NR_settimeofday, __NR_clock_settime, __NR_sethostname, __NR_acct,
        __NR_quotactl, __NR_ioperm, __NR_iopl, __NR_setuid, __NR_setgid, __NR_setresuid, __NR_setresgid, __NR_capset,
    };
    enum {
        count = sizeof refused / sizeof refused[0],
        writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND,
        thread = 0x00010000, // CLONE_THREAD
        denied = SECCOMP_RET_ERRNO | EPERM,
    };
#define RTV_ARGUMENT(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))
#define RTV_RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define RTV_UNLESS(number, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, skip)
    const struct sock_filter head[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0), RTV_RETURN(denied),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        // Numbers from here on are the x32 interface's, which would go round the list.
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), RTV_RETURN(denied),
        RTV_UNLESS(__NR_open, 4), RTV_ARGUMENT(1), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, writing, 0, 1),
        RTV_RETURN(denied), RTV_RETURN(SECCOMP_RET_ALLOW),
        RTV_UNLESS(__NR_openat, 4), RTV_ARGUMENT(2), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, writing, 0, 1),
        RTV_RETURN(denied), RTV_RETURN(SECCOMP_RET_ALLOW),
        RTV_UNLESS(__NR_clone, 4), RTV_ARGUMENT(0), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, thread, 1, 0),
        RTV_RETURN(denied), RTV_RETURN(SECCOMP_RET_ALLOW),
        // Its arguments can't be looked at; the C library then takes clone.
        RTV_UNLESS(435 /* clone3 */, 1), RTV_RETURN(SECCOMP_RET_ERRNO | ENOSYS),
    };
    enum { heads = sizeof head / sizeof head[0] };
    struct sock_filter code[heads + count + 2];
    int n = 0;
    for (int i = 0; i < heads; i++) code[n++] = head[i];
    for (int i = 0; i < count; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refused[i], (uint8_t)(count - i), 0);
    code[n++] = (struct sock_filter)RTV_RETURN(SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)RTV_RETURN(denied);
    struct sock_fprog program = {(unsigned short)n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
#else
    (void)memory, (void)seconds;
    errno = ENOSYS;
    return -1;
#endif
}

#include <linux/capability.h>
/// Makes `root` all that this process and what it starts can see: mounts of its own with nothing but the root's
/// (pivot_root(2)), no terminal, and of the capabilities only those of `kept`, a bit each (capabilities(7)).
/// 0, or -1 with errno.
static inline int rtv_enter_root(const char *root, uint64_t kept) {
    // Without a session of its own it could type into the builder's terminal (ioctl_tty(2), TIOCSTI).
    (void)setsid();
    if (syscall(__NR_unshare, 0x00020000 /* CLONE_NEWNS */) != 0) return -1;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return -1;
    if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) != 0 || chdir(root) != 0) return -1;
    if (syscall(__NR_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) return -1;
    for (int i = 0; i < 64; i++)
        if (!(kept >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0 && errno != EINVAL) return -1;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    for (int i = 0; i < 2; i++) {
        data[i].effective = data[i].permitted = (uint32_t)(kept >> (32 * i));
        data[i].inheritable = 0;
    }
    return (int)syscall(__NR_capset, &header, data);
}

/// Makes every mount that this process sees read-only, but for the folder `work` (mount_setattr(2), Linux 5.12).
/// 0, or -1 with errno.
static inline int rtv_write_only_below(const char *work) {
    struct { uint64_t set, clear, propagation, user; } only_read = {1 /* MOUNT_ATTR_RDONLY */, 0, 0, 0}, write = {0, 1, 0, 0};
    if (syscall(442 /* mount_setattr */, AT_FDCWD, "/", 0x8000 /* AT_RECURSIVE */, &only_read, sizeof only_read) != 0)
        return -1;
    if (mount(work, work, NULL, MS_BIND, NULL) != 0) return -1;
    return (int)syscall(442, AT_FDCWD, work, 0, &write, sizeof write);
}

/// Has this process killed when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG); 0, or -1 with errno.
static inline int rtv_end_with_parent(void) { return prctl(PR_SET_PDEATHSIG, 9 /* SIGKILL */, 0, 0, 0); }

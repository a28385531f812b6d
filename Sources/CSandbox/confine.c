// The reader of what strangers made gives up every right that reading doesn't need.
#define _GNU_SOURCE
#include "csandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// To `most`, or to what the caller's own limit is where that is lower.
static int limit(int resource, uint64_t most) {
    struct rlimit found;
    if (getrlimit(resource, &found) != 0) return -1;
    rlim_t value = most < found.rlim_max ? most : found.rlim_max;
    if (found.rlim_cur < value) value = found.rlim_cur;
    found = (struct rlimit){value, value};
    return setrlimit(resource, &found);
}

int rtv_confine(uint64_t memory, uint64_t seconds) {
#if defined(__x86_64__)
    if (limit(RLIMIT_DATA, memory) != 0 || limit(RLIMIT_CPU, seconds) != 0 || limit(RLIMIT_CORE, 0) != 0) return -1;
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

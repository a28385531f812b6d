// What keeps the programs of an image inside it, and the reader of images from anything but reading.
#pragma once
#include <stdint.h>
#include <sys/types.h>

/// Begins the sandbox as its pid 1: a session keyring of its own, mounts that no other namespace sees, and a /proc of its
/// pid namespace, in a chroot too. Nothing else may have been started.
/// - Returns: 0, or -1 with errno and in `failed` what could not be done.
int rtv_begin_sandbox(const char **failed);

/// Makes every mount that this process sees read-only, but for the folder `work`, which also gets back what its mount
/// denies: programs, device nodes, set-user-id bits (mount_setattr(2), Linux 5.12). 0, or -1 with errno.
int rtv_write_only_below(const char *work);

/// Runs a program in the folder `root`, which becomes all that it and what it starts can see: mounts of its own with nothing
/// but the root's, processes of its own, no terminal, the calls of `rtv_refuse_calls`, fixed limits (getrlimit(2)), and of
/// the capabilities only those of `kept`, a bit each (capabilities(7)), as far as this process has them. What it leaves
/// running ends with it. This process then ends as the program did, and so doesn't return, unless it can't be run.
/// `processor`, where there is one, is a file that it sees as /proc/cpuinfo.
/// - Returns: -1 with errno and in `failed` what could not be done.
int rtv_run_in_root(
    const char *root, uint64_t kept, char *const program[], const char *processor, const char **failed);

/// Puts this process, the host's root's, into a user namespace whose root is the same user without any right outside, and
/// whose other ids are `count` from `first` on. 0, or -1 with errno.
int rtv_become_user(unsigned first, unsigned count);

/// The version of libseccomp that is linked in: major, minor, micro.
void rtv_seccomp_version(uint32_t numbers[3]);

/// Refuses, to this process and what it starts, the system calls that container runtimes refuse (by their names, through
/// libseccomp): namespaces, mounts, keyrings, the kernel's own settings, sockets to hypervisors and into its cryptography.
/// What isn't known here is answered with ENOSYS, so that a newer kernel is not another one to the programs of a build.
/// 0, or -1 with errno.
int rtv_refuse_calls(void);

/// Makes fsync(2) and its like return 0 at once, for this process, all its threads, and whatever they start.
/// A build's tree is thrown away after a crash, so nothing is gained by dpkg's waiting for the disk.
int rtv_ignore_fsync(void);

/// Confines this process, which is about to read what strangers made: at most `memory` bytes of its own, `seconds` of
/// processor time, or what its limits are where those are lower, no core file. From now on it opens files for reading only
/// and writes to those it has open; no new programs or processes, sockets, signals, mounts, names, modes, owners,
/// attributes. 0, or -1 with errno.
int rtv_confine(uint64_t memory, uint64_t seconds);

/// The arguments of this process as main(3) gets them: without /proc they are nowhere else. `index` counts from 0, the
/// program's own name; NULL past the end.
const char *rtv_argument(int index);

/// Takes the arguments away from where /proc shows them to other processes; `rtv_argument` gives nothing from then on.
void rtv_hide_arguments(void);

/// Has the signals do to this process what they do by default, whatever its parent made of them, but for a hang-up that it
/// ignores (nohup(1)); and a write to a pipe that nobody reads be an error, to this process alone.
void rtv_take_signals(void);

/// Writes to standard output; whether it could is told by rtv_flush_output.
void rtv_write_output(const void *bytes, size_t size);

/// Writes out what standard output still holds. 0, or -1 with errno (0 where it isn't known any more) when some of what was
/// printed could not be written.
int rtv_flush_output(void);

/// Looks at this process's limits (getrlimit(2)), below which it would end by a signal or not at all, and raises what may be
/// raised. NULL when they will do, or what is wanting, in words, with its number in `value`.
const char *rtv_short_limit(unsigned long long *value);

/// Opens what of the standard streams is closed, so that no other file gets their numbers; what is written there is an
/// error, as it would have been.
void rtv_open_standard_streams(void);

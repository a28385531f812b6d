#!/bin/sh
# rtverify's init: what the kernel and a root that can't be written to ask of the first program.
# https://docs.kernel.org/filesystems/overlayfs.html, pivot_root(2), https://docs.kernel.org/admin-guide/sysrq.html
command=@COMMAND@
agent=@AGENT@
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH HOME=/root TERM=linux
umask 022
say() { echo "init: $*"; }
is_mounted() { grep -q " $1 " /proc/mounts; }

# A shell that can't open what it redirects to runs nothing.
[ -c /dev/null ] || mount -t devtmpfs -o nosuid,mode=0755 dev /dev
mount -t proc -o nosuid,nodev,noexec proc /proc 2>/dev/null
# Without a console the kernel starts this with nothing open, and what is opened next would be standard output.
[ -e /proc/self/fd/2 ] || [ ! -c /dev/null ] || exec < /dev/null > /dev/null 2>&1
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys 2>/dev/null
is_mounted /dev || mount -t devtmpfs -o nosuid,mode=0755 dev /dev

# A layer in memory over the root, which then is the root: programs write where they like, and it ends with the machine.
overlay_root() {
    for base in /overlay /mnt /media /run; do [ -d "$base" ] && break; done
    mount -t tmpfs -o mode=0755 tmpfs "$base" && mkdir "$base/upper" "$base/work" "$base/root" || return
    mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" overlay "$base/root" || return
    mkdir "$base/root/.lower" && cd "$base/root" && pivot_root . .lower && cd / || return
    for folder in proc sys dev; do mount --move "/.lower/$folder" "/$folder"; done
    # What is below stays, without a name.
    umount -l /.lower && rmdir /.lower
}
if overlay_root; then say "the root is an overlay in memory"; else say "no overlay: the root is read-only"; fi

mkdir -p /dev/pts /dev/shm
# devtmpfs has none of these.
ln -sfn /proc/self/fd /dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -sf "/proc/self/fd/${number%:*}" "/dev/${number#*:}"; done
mount -t devpts -o nosuid,noexec,gid=5,mode=0620,ptmxmode=0666 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs /dev/shm
mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs /run

if [ -z "$agent" ] && [ -s /etc/hostname ]; then hostname "$(cat /etc/hostname)" 2>/dev/null; fi
# Every machine its own (machine-id(5)).
[ -e /etc/machine-id ] && [ ! -s /etc/machine-id ] && tr -d - < /proc/sys/kernel/random/uuid > /etc/machine-id
[ -n "$agent" ] || ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null || say "neither ip nor ifconfig: lo stays down"

# Ends everything and then the machine: a reset is what Firecracker on x86 takes for the end.
halt() {
    trap '' TERM INT PWR
    say "ending"
    kill -TERM -1 2>/dev/null
    sleep 1
    kill -KILL -1 2>/dev/null
    sync
    say "halted"
    echo 1 > /proc/sys/kernel/sysrq
    echo b > /proc/sysrq-trigger
    # Not reached where the kernel has the key; elsewhere it panics, and panic=1 restarts.
    exit
}
trap halt TERM INT PWR
# The keys that end a machine, or a supervisor's request for them, come as INT instead of a reset at once.
echo 0 > /proc/sys/kernel/ctrl-alt-del

start_sshd() {
    mkdir -p /run/sshd
    # The image has no host keys: each machine makes its own.
    $1 ssh-keygen -A > /dev/null && /usr/sbin/sshd && say "sshd is up"
}

if [ -n "$agent" ]; then
    say "up; starting the agent"
    "$agent" &
    main=$!
    # A host waits for the agent, and for nothing else: keys are made while nobody needs the processor.
    [ -x /usr/sbin/sshd ] && start_sshd 'nice -n 19' &
    wait "$main"
    say "the agent ended with status $?"
    halt
fi

[ -x /usr/sbin/sshd ] && start_sshd

# A shell's background jobs ignore INT for ever; coreutils can undo that, busybox can't.
default=
env --default-signal=INT,QUIT true 2>/dev/null && default='env --default-signal=INT,QUIT'
if [ -n "$command" ]; then
    say "up; starting: $command"
    $default sh -c "$command" &
elif ( : < /dev/ttyS0 ) 2>/dev/null; then
    say "up; a console is on ttyS0"
    $default setsid -c sh -l < /dev/ttyS0 > /dev/ttyS0 2>&1 &
else
    say "up; there is no ttyS0 for a console"
    sleep 2147483647 &
fi
main=$!
wait "$main"
say "it ended with status $?"
halt

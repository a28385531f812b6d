import Glibc

/// Why namespaces can't be made here, and what would help: by looking, not by what failed.
public struct NamespaceAdvice {
    /// What is wrong, in a few words.
    public let reason: String
    /// What to do.
    public let remedy: String

    /// - Parameter lines: What unshare and newuidmap printed.
    public init(_ lines: [String] = []) {
        if lines.contains(where: Self.isRefusedProc), Self.isProcMasked {
            (reason, remedy) = (
                "this container hides parts of /proc, and the kernel lets no namespace see more of it than that",
                "run with --security-opt unmask=ALL (podman), systempaths=unconfined (docker), or as the container's root "
                    + "with --cap-add SYS_ADMIN"
            )
        } else {
            (reason, remedy) = getuid() == 0 ? Self.ofRoot() : Self.ofUser(lines)
        }
    }

    /// Whether a line says that a sandbox may not have a /proc of its own.
    static func isRefusedProc(_ line: String) -> Bool {
        line.contains("cannot mount a /proc: ") || line.contains("mount /proc failed: ")
    }

    /// Whether something is mounted over files of /proc (mount_too_revealing() in the kernel's fs/namespace.c).
    private static var isProcMasked: Bool {
        (SystemFile.text("/proc/self/mountinfo") ?? "").split(separator: "\n").contains {
            // Mounts on what is an empty folder by itself hide nothing.
            let place = $0.split(separator: " ").dropFirst(4).first ?? ""
            return place.hasPrefix("/proc/") && place != "/proc/sys/fs/binfmt_misc"
        }
    }

    /// Ids that this process sees; a build has owners up to 65535.
    public static var idCount: Int {
        (SystemFile.text("/proc/self/uid_map") ?? "").split(separator: "\n").reduce(0) { sum, line in
            let words = line.split(separator: " ")
            return sum + (words.count == 3 ? Int(words[2]) ?? 0 : 0)
        }
    }

    private static func number(_ path: String) -> Int? {
        SystemFile.text(path).flatMap { Int($0.filter { $0.isNumber }) }
    }

    /// Whether this process's root is a folder of its file system and no mount: of a chroot's mounts none is at /.
    private static var isChroot: Bool {
        let mounts = (SystemFile.text("/proc/self/mountinfo") ?? "").split(separator: "\n")
        return !mounts.isEmpty && !mounts.contains { $0.split(separator: " ").dropFirst(4).first == "/" }
    }

    private static func status(_ field: String) -> Substring? {
        let lines = (SystemFile.text("/proc/self/status") ?? "").split(separator: "\n")
        return lines.first { $0.hasPrefix("\(field):") }?.split(separator: "\t").last
    }

    /// Container runtimes put a filter on system calls (seccomp(2), mode 2).
    private static var isFiltered: Bool { status("Seccomp") == "2" }

    /// CAP_SYS_ADMIN's bit (capabilities(7)).
    private static func hasAdmin(_ set: String) -> Bool {
        status(set).flatMap { UInt64($0, radix: 16) }.map { $0 >> 21 & 1 == 1 } ?? true
    }

    private static func ofRoot() -> (String, String) {
        if !hasAdmin("CapEff") {
            return (
                "this root lacks CAP_SYS_ADMIN, as in a container",
                "run with --cap-add SYS_ADMIN (docker, podman), on a host, or as a user who may make user namespaces"
            )
        }
        if isFiltered {
            return (
                "a filter of system calls refuses it, as in a container",
                "run with --security-opt seccomp=unconfined (docker, podman), or on a host"
            )
        }
        return ("the kernel refuses it", "run on a host, or in a container with CAP_SYS_ADMIN")
    }

    private static func ofUser(_ lines: [String]) -> (String, String) {
        if isChroot {
            return (
                "in a chroot the kernel gives users no namespaces (unshare(2), EPERM)",
                "build as root here, or enter the root by bubblewrap (bwrap --bind ROOT / ...) or pivot_root(8)"
            )
        }
        if number("/proc/sys/user/max_user_namespaces") == 0 {
            return (
                "user.max_user_namespaces is 0", "sysctl user.max_user_namespaces=15000   (as root)"
            )
        }
        if number("/proc/sys/kernel/unprivileged_userns_clone") == 0 {
            return (
                "kernel.unprivileged_userns_clone is 0", "sysctl kernel.unprivileged_userns_clone=1   (as root)"
            )
        }
        if number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1 {
            return (
                "AppArmor keeps users from namespaces (Ubuntu's kernel.apparmor_restrict_unprivileged_userns is 1)",
                "sysctl kernel.apparmor_restrict_unprivileged_userns=0   (as root), or give rtverify a profile with userns"
            )
        }
        if getpwuid(getuid()) == nil {
            return (
                "user \(getuid()) has no entry in /etc/passwd, and newuidmap asks for one",
                "give the user a name (useradd -u \(getuid()) NAME), with ranges in /etc/subuid and /etc/subgid"
            )
        }
        // newuidmap needs it to write ids (user_namespaces(7)); with it, runtimes' filters let namespaces be made too.
        if !hasAdmin("CapBnd") {
            return (
                "no program of this container can have CAP_SYS_ADMIN, without which newuidmap may not write ids",
                "run with --cap-add SYS_ADMIN and --security-opt unmask=ALL (podman), systempaths=unconfined (docker), or as "
                    + "the container's root with --cap-add SYS_ADMIN"
            )
        }
        if isFiltered {
            return (
                "a filter of system calls refuses it, as in a container",
                "run with --security-opt seccomp=unconfined (docker, podman), or on a host"
            )
        }
        return (
            "subordinate ids are wanting, or newuidmap is",
            "apt-get install uidmap; usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER   (as root)"
        )
    }
}

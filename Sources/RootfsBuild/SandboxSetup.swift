import CLinux
import CSandbox
import Glibc
import Host

/// The sandbox from inside: what its pid 1 does before anything of the image runs.
public enum SandboxSetup {
    /// Device nodes that programs may expect, bound from the host because a user can't make nodes.
    private static let devices = ["null", "zero", "full", "random", "urandom", "tty"]

    /// Ends this process, and with it everything in its pid namespace, as soon as the builder's pipe closes.
    public static func endWithBuilder() throws {
        let status = startThread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 0 || (count < 0 && errno != EINTR) { _exit(3) }
            }
        }
        guard status == 0 else { throw SystemError("cannot start a thread", status) }
    }

    /// Settings of the namespaces: name, umask, no waiting for disks, nothing of the host's to write to.
    /// - Parameter work: The one folder where this process writes.
    public static func isolate(work: String) throws {
        umask(0o022)
        let name = "localhost"
        guard sethostname(name, name.utf8.count) == 0 else {
            throw SystemError("cannot set the host name", errno)
        }
        // So that no link in a tree can make this process write elsewhere. An older kernel can't say so.
        guard work.withPath({ rtv_write_only_below($0) }) == 0 || errno == ENOSYS else {
            throw SystemError("cannot make the host's files read-only", errno)
        }
        guard rtv_ignore_fsync() == 0 else { throw SystemError("cannot install the fsync filter", errno) }
    }

    /// /dev of a root, private to the sandbox, and the folder that each of its programs gets a /proc of its own on.
    public static func mountSystemFolders(in root: String) throws {
        try makeFolder("\(root)/dev")
        try makeFolder("\(root)/proc")
        try mountOrThrow("tmpfs", "\(root)/dev", "tmpfs", MS_NOSUID, "mode=0755,size=1m")
        for device in devices {
            let path = "\(root)/dev/\(device)"
            let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { throw SystemError("cannot create \(path)", errno) }
            close(descriptor)
            // A host without terminals need have none; a program that asks for one gets nothing either way.
            let source = device == "tty" && access("/dev/tty", F_OK) != 0 ? "null" : device
            try mountOrThrow("/dev/\(source)", path, nil, MS_BIND, nil)
        }
        for (link, target) in DeviceFolder.links where symlink(target, "\(root)/dev/\(link)") != 0 {
            throw SystemError("cannot create \(root)/dev/\(link)", errno)
        }
        for folder in DeviceFolder.folders {
            try makeFolder("\(root)/dev/\(folder.name)")
            chmod("\(root)/dev/\(folder.name)", mode_t(folder.mode))
        }
    }

    /// The folder where dpkg notes each step until it ends, in memory: five files a package, which no disk need see.
    static func mountJournal(at path: String) throws {
        try mountOrThrow("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=64m")
    }

    /// Keeps a small tree in memory, where it costs no disk a write and goes with the sandbox. Only where there is
    /// plenty, where its files can have what the disk's can, and where it isn't in memory already.
    /// - Returns: Whether it is in memory, now or before.
    public static func mountMemory(at root: String) -> Bool {
        if isInMemory(root) { return true }
        guard let available = memoryForTree(), available >= 1 << 30 else { return false }
        guard mount("tmpfs", root, "tmpfs", 0, "mode=0755,size=\(available)") == 0 else { return false }
        // user.* attributes: tmpfs has them since Linux 6.6.
        if root.withPath({ setxattr($0, "user.rtverify", "", 0, 0) + removexattr($0, "user.rtverify") }) == 0 {
            return true
        }
        umount2(root, CInt(rtv_mnt_detach))
        return false
    }

    public static func isInMemory(_ folder: String) -> Bool { folder.withPath { rtv_is_tmpfs($0) } != 0 }

    /// Bytes that a tree in memory may take: half of what this machine and this control group can still have.
    public static func memoryForTree() -> UInt64? {
        availableMemory().map { min($0, UInt64(ControlGroup().availableMemory ?? .max)) / 2 }
    }

    /// Bytes of memory that programs can still have (proc_meminfo(5), MemAvailable).
    private static func availableMemory() -> UInt64? {
        for line in (SystemFile.text("/proc/meminfo") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.first == "MemAvailable:", words.count > 1 { return UInt64(words[1]).map { $0 << 10 } }
        }
        return nil
    }

    /// Takes away what was mounted in a root, whose programs have all ended: each ends with what it left running.
    /// - Parameter hasJournal: Whether dpkg's journal was mounted.
    public static func unmountSystemFolders(of root: String, hasJournal: Bool) throws {
        for folder in ["dev"] + (hasJournal ? ["var/lib/dpkg/updates"] : []) { try unmount("\(root)/\(folder)") }
    }

    /// Shows a file or folder at another place too.
    static func bind(_ source: String, at target: String) throws {
        var status = stat()
        guard stat(source, &status) == 0 else { throw SystemError("cannot read \(source)", errno) }
        if status.st_mode & S_IFMT == S_IFDIR {
            try makeFolder(target)
        } else if access(target, F_OK) != 0 {
            let descriptor = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw SystemError("cannot create \(target)", errno) }
            close(descriptor)
        }
        try mountOrThrow(source, target, nil, MS_BIND | MS_REC, nil)
    }

    /// Shows a path of the host at the same path in a root, whose own links must not lead out of it.
    static func bindInside(_ path: String, of root: String) async throws {
        var target = root
        for part in path.split(separator: "/").dropLast() {
            target += "/\(part)"
            var status = stat()
            if lstat(target, &status) == 0, status.st_mode & S_IFMT != S_IFDIR {
                throw SystemError("cannot show \(path) in the root: \(target) is no folder", ENOTDIR)
            }
            try makeFolder(target)
        }
        guard let real = realPath(path) else { throw SystemError("cannot read \(path)", errno) }
        target += "/\(path.split(separator: "/").last ?? "")"
        // A link there (resolv.conf is one on many systems) is the root's own, and may be replaced.
        var status = stat()
        if lstat(target, &status) == 0, status.st_mode & S_IFMT == S_IFLNK { unlink(target) }
        try bind(real, at: target)
    }

    static func unmount(_ path: String) throws {
        guard umount2(path, CInt(rtv_mnt_detach)) == 0 else {
            throw SystemError("cannot unmount \(path)", errno)
        }
    }

    /// Makes a folder, or finds one there: no link that a tarball or a package may have put in its place, which would
    /// lead this process out of the root.
    static func makeFolder(_ path: String) throws {
        if mkdir(path, 0o755) == 0 { return }
        let reason = errno
        var status = stat()
        guard reason == EEXIST, lstat(path, &status) == 0 else {
            throw SystemError("cannot create \(path)", reason)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw SystemError("cannot create \(path), where something else is", ENOTDIR)
        }
    }

    private static func mountOrThrow(
        _ source: String, _ target: String, _ type: String?, _ flags: Int, _ data: String?
    ) throws {
        guard mount(source, target, type, UInt(flags), data) == 0 else {
            throw SystemError("cannot mount \(source) on \(target)", errno)
        }
    }
}

/// /dev as every image has it: one fixed list, so that a user's build, which can't make nodes, has the same. The
/// numbers are those of the kernel's Documentation/admin-guide/devices.txt.
public enum DeviceFolder {
    public struct Node: Sendable {
        public let name: String
        public let mode: Int
        public let major: Int
        public let minor: Int
    }

    /// Character devices. A VM's init may mount devtmpfs over them.
    public static let nodes = [
        Node(name: "console", mode: 0o600, major: 5, minor: 1),
        Node(name: "full", mode: 0o666, major: 1, minor: 7),
        Node(name: "null", mode: 0o666, major: 1, minor: 3),
        Node(name: "ptmx", mode: 0o666, major: 5, minor: 2),
        Node(name: "random", mode: 0o666, major: 1, minor: 8),
        Node(name: "tty", mode: 0o666, major: 5, minor: 0),
        Node(name: "urandom", mode: 0o666, major: 1, minor: 9),
        Node(name: "zero", mode: 0o666, major: 1, minor: 5),
    ]
    public static let links = [
        ("fd", "/proc/self/fd"), ("stderr", "/proc/self/fd/2"), ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
    ]
    public static let folders: [(name: String, mode: Int)] = [("pts", 0o755), ("shm", 0o1777)]
}

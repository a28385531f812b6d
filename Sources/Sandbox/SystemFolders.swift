import CLinux
import CSandbox
import Glibc
import Host

/// What pid 1 of a sandbox mounts in a root before anything of it runs, and takes away.
public enum SystemFolders {
    /// Device nodes that programs may expect, bound from the host because a user can't make nodes.
    private static let devices = ["null", "zero", "full", "random", "urandom", "tty"]

    /// /dev of a root, private to the sandbox, and the folder that each of its programs gets a /proc of its own on.
    public static func mount(in root: String) throws {
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
    public static func mountJournal(at path: String) throws {
        try mountOrThrow("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=64m")
    }

    /// Keeps a small tree in memory, where it costs no disk a write and goes with the sandbox. Only where there is
    /// plenty, where its files can have what the disk's can, and where it isn't in memory already.
    /// - Returns: Whether it is in memory, now or before.
    public static func mountMemory(at root: String) -> Bool {
        if isInMemory(root) { return true }
        guard let available = memoryForTree(), available >= 256 << 20 else { return false }
        guard Host.mount("tmpfs", root, "tmpfs", 0, "mode=0755,size=\(available)") == 0 else { return false }
        // user.* attributes: tmpfs has them since Linux 6.6.
        if root.withPath({ setxattr($0, "user.rtverify", "", 0, 0) + removexattr($0, "user.rtverify") }) == 0 {
            return true
        }
        umount2(root, CInt(rtv_mnt_detach))
        return false
    }

    /// Whether a folder is on a tmpfs.
    public static func isInMemory(_ folder: String) -> Bool { folder.withPath { rtv_is_tmpfs($0) } != 0 }

    /// Bytes that a tree in memory may take: half of what this machine and this control group can still have.
    public static func memoryForTree() -> UInt64? { freeMemory().map { $0 / 2 } }

    /// Bytes that this machine and this control group can still have.
    public static func freeMemory() -> UInt64? {
        availableMemory().map { min($0, UInt64(ControlGroup().availableMemory ?? .max)) }
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
    public static func unmount(of root: String, hasJournal: Bool) throws {
        for folder in ["dev"] + (hasJournal ? ["var/lib/dpkg/updates"] : []) { try unmount("\(root)/\(folder)") }
    }

    /// Shows a file or folder at another place too.
    public static func bind(_ source: String, at target: String) throws {
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
    static func bindInside(_ path: String, of root: String) throws {
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

    /// Detached at once, and gone when nobody uses it (MNT_DETACH). Throws `SystemError`.
    public static func unmount(_ path: String) throws {
        guard umount2(path, CInt(rtv_mnt_detach)) == 0 else {
            throw SystemError("cannot unmount \(path)", errno)
        }
    }

    /// Makes a folder, or finds one there: no link that a tarball or a package may have put in its place, which would
    /// lead this process out of the root.
    public static func makeFolder(_ path: String) throws {
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
        guard Host.mount(source, target, type, UInt(flags), data) == 0 else {
            throw SystemError("cannot mount \(source) on \(target)", errno)
        }
    }
}

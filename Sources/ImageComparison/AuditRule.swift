/// What must not be in a published image, why, and what to do about it.
enum AuditRule: String, CaseIterable, Codable, Sendable {
    case privateKey = "private-key"
    case machineID = "machine-id"
    case history
    case credentials
    case passwordHash = "password-hash"
    case packageCache = "package-cache"
    case privileges
    case worldWritable = "world-writable"
    case deviceNode = "device-node"
    case danglingLink = "dangling-link"
    case builderTrace = "builder-trace"
    case lateTime = "late-time"
    // What a supervisor expects of a runtime (`audit --runtime`).
    case initProgram = "init"
    case mountPoint = "mount-point"
    case foreignProgram = "foreign-program"
    case imageFormat = "image-format"
    case rootLogin = "root-login"

    var reason: String {
        switch self {
        case .privateKey: "whoever has the image has the key: it proves nothing any more"
        case .machineID: "every machine that starts from the image has this identity"
        case .history: "what somebody typed or looked at is nobody's business"
        case .credentials: "whoever has the image can use it"
        case .passwordHash: "a hash can be guessed at offline, and an empty password is open to all"
        case .packageCache: "what was downloaded is of no use in the image, and follows the mirror and the moment"
        case .privileges: "no package vouches for a program that runs with another's rights"
        case .worldWritable: "any program in the machine can change it"
        case .deviceNode: "it gives access to a device by number, and isn't one of the standard list"
        case .danglingLink: "what it leads to isn't in the image"
        case .builderTrace: "it tells where the image was built, and another builder's has another"
        case .initProgram: "the virtual machine can't start"
        case .mountPoint: "the root is read-only: an init can't make the folder that it mounts on"
        case .foreignProgram: "the virtual machines are x86-64"
        case .imageFormat: "the kernel of the virtual machine doesn't mount it whole"
        case .rootLogin: "whoever reaches the machine may become root"
        case .lateTime: "it was written after SOURCE_DATE_EPOCH: its time comes from the build, not from the lock"
        }
    }

    var remedy: String {
        switch self {
        case .privateKey: "remove it in a step; let each machine make its own when it first starts"
        case .machineID: "leave /etc/machine-id empty, and remove /var/lib/dbus/machine-id (machine-id(5))"
        case .history, .credentials: "remove it, and replace what it gave access to"
        case .passwordHash: "lock the password (usermod --lock), and let keys in instead"
        case .packageCache: "add the folder to [prune] paths"
        case .privileges: "remove the bit or the capability, or allow it with a reason"
        case .worldWritable: "take the right away (chmod o-w), or make the folder sticky"
        case .deviceNode: "remove it; the machine's devtmpfs has what it needs"
        case .danglingLink: "remove the link, or allow it with a reason"
        case .builderTrace: "remove the line, or write the file with a fixed content"
        case .initProgram: "put a program and all it loads at /sbin/init ([[file]], or a package)"
        case .mountPoint: "make the folder in a step"
        case .foreignProgram: "install the package of architecture amd64"
        case .imageFormat: "pack with zstd, gzip, xz or lz4, padded to 4 KiB"
        case .rootLogin: "lock root's password, or set PermitRootLogin prohibit-password; or allow it with a reason"
        case .lateTime: "pack with times clamped to SOURCE_DATE_EPOCH"
        }
    }
}

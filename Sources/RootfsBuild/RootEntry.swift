import CLinux
import Glibc

/// The last thing that this program does before a program of a root is run: it leaves the host behind.
///
/// What runs then sees its root and nothing else, and has no right by which it could get out. It is pid 1's child, whose
/// own root /proc would show to those with its capabilities alone (ptrace(2), access mode checks).
public enum RootEntry {
    /// The argument that makes this program enter; `--network` where the host's network is shared, the root, the program
    /// and its arguments follow.
    public static let commandName = "sandbox-enter"

    /// As containers keep them, but for those to make device nodes, which a user's build doesn't have either. By their
    /// numbers in capabilities(7): CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE,
    /// SYS_CHROOT, AUDIT_WRITE, SETFCAP.
    private static let kept: [UInt64] = [0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 29, 31]
    /// NET_RAW: a file that has it (ping) runs only where it can be had. Not on the host's network.
    private static let network: [UInt64] = [13]

    /// What to run so that a program is run in a root.
    public static func command(_ root: String, _ program: [String], sharingNetwork: Bool = false) -> [String] {
        [commandName] + (sharingNetwork ? ["--network"] : []) + [root] + program
    }

    /// Enters and becomes the program; returns only to say why not.
    public static func run(_ arguments: [String]) -> RootfsError {
        let sharesNetwork = arguments.first == "--network"
        let rest = Array(sharesNetwork ? arguments.dropFirst() : arguments[...])
        guard rest.count > 1 else { return .system("cannot enter a root without a program", EINVAL) }
        let mask = (kept + (sharesNetwork ? [] : network)).reduce(UInt64(0)) { $0 | 1 << $1 }
        guard rtv_enter_root(rest[0], mask) == 0 else { return .system("cannot enter \(rest[0])", errno) }
        var pointers = rest.dropFirst().map { strdup($0) } + [nil]
        execvp(rest[1], &pointers)
        return .system("cannot run \(rest[1])", errno)
    }
}

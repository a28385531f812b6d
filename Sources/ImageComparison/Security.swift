import FileTree
import Glibc

/// What may matter for security, whatever made it.
enum Security {
    private static let patterns = [
        "/etc/ssh/*", "/etc/shadow*", "/etc/gshadow*", "/etc/passwd*", "/etc/group*", "/etc/sudoers*", "/etc/pam.d/*",
        "*/.ssh/*", "*.pem", "*.key", "/etc/apt/trusted*", "/etc/apk/keys/*", "/etc/ld.so.preload", "/etc/ssl/certs/*",
        "/usr/share/keyrings/*", "/etc/securetty", "/etc/inittab", "/sbin/init", "/usr/sbin/init",
    ]

    static func concerns(_ kind: ComparisonReport.Kind, _ path: [UInt8], _ a: TreeEntry?, _ b: TreeEntry?) -> Bool {
        func hasPrivilege(_ entry: TreeEntry?) -> Bool {
            guard let entry else { return false }
            return entry.isFile && entry.mode & 0o6000 != 0 || entry.attribute("security.capability") != nil
        }
        let name = readable(path)
        if kind != .time, patterns.contains(where: { fnmatch($0, name, 0) == 0 }) { return true }
        switch kind {
        case .owner, .device, .type: return true
        case .attributes:
            return (a?.attributes ?? []) != (b?.attributes ?? [])
                && ((a?.attributes ?? []) + (b?.attributes ?? [])).contains {
                    $0.name.starts(with: "security.".utf8) || $0.name.starts(with: "system.posix_acl".utf8)
                }
        case .mode: return ((a?.mode ?? 0) ^ (b?.mode ?? 0)) & 0o7002 != 0
        case .onlyInA: return hasPrivilege(a)
        case .onlyInB:
            if case .device? = b?.kind { return true }
            return hasPrivilege(b) || b?.isExecutable == true
        case .content: return hasPrivilege(a) || hasPrivilege(b)
        case .target, .time, .hardLinks, .packing: return false
        }
    }
}

/// Extended attributes that the host's own security modules put on every file: they say nothing of the tree.
public enum HostAttributes {
    public static let names: Set<String> = ["security.selinux", "security.ima", "security.evm", "security.apparmor"]
}

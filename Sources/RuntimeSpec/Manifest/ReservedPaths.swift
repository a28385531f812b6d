/// Places of an image that no file of the user's arrives in: a build has its own there, or empties them. Said when a
/// manifest is locked; a lock that has such a file is built as it always was.
enum ReservedPaths {
    private static let everywhere = [
        ("/dev", "every image has the same /dev"), ("/proc", "the kernel's is mounted there"),
        ("/.rtverify", "it is the build's own folder"),
    ]
    private static let ofSystems = [
        ("/run", "/run is emptied"), ("/tmp", "/tmp is emptied"), ("/var/tmp", "/var/tmp is emptied"),
        ("/var/log/apk.log", "it is a log of the build's"), ("/var/cache/apk", "/var/cache/apk is emptied"),
    ]
    private static let ofDebian = [
        ("/var/lib/dpkg/updates", "it is dpkg's journal"), ("/var/cache/apt", "/var/cache/apt is emptied"),
        ("/var/lib/apt/lists", "/var/lib/apt/lists is emptied"), ("/usr/sbin/policy-rc.d", "it is the build's own"),
        ("/var/log/apt", "/var/log/apt is emptied"), ("/var/log/dpkg.log", "it is a log of the build's"),
        ("/var/log/alternatives.log", "it is a log of the build's"),
        ("/var/log/bootstrap.log", "it is a log of the build's"),
        ("/var/log/fontconfig.log", "it is a log of the build's"),
        ("/var/cache/ldconfig/aux-cache", "it is a cache of the build's"),
        ("/etc/passwd-", "it is a backup"), ("/etc/group-", "it is a backup"), ("/etc/shadow-", "it is a backup"),
        ("/etc/gshadow-", "it is a backup"), ("/etc/subuid-", "it is a backup"), ("/etc/subgid-", "it is a backup"),
        ("/var/lib/systemd/random-seed", "it would be everybody's"),
        ("/var/lib/dbus/machine-id", "it would be everybody's"),
    ]

    /// Why a file would not be in the image; nil when it would.
    static func reason(_ target: String, system: Manifest.System, pruned: [String]) -> String? {
        if let path = pruned.first(where: { isAtOrBelow(target, $0) }) { return "the manifest prunes \(path)" }
        var places = everywhere
        if system != .empty { places += ofSystems }
        if system == .debian { places += ofDebian }
        if let place = places.first(where: { isAtOrBelow(target, $0.0) }) { return place.1 }
        let name = target.split(separator: "/").last ?? ""
        if system != .empty, target == "/etc/ssh/\(name)", name.hasPrefix("ssh_host_"),
            name.hasSuffix("_key") || name.hasSuffix("_key.pub")
        {
            return "host keys would be everybody's"
        }
        return nil
    }

    static func isAtOrBelow(_ path: String, _ folder: String) -> Bool {
        path == folder || path.hasPrefix(folder + "/")
    }
}

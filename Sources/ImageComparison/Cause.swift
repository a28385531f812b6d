import Glibc

/// A known reason for which builds of one runtime differ, and what takes it away.
package struct Cause: Sendable {
    /// As reports and docs/compare.md name it.
    package let name: String
    /// Why it differs.
    package let reason: String
    /// What one change makes it the same.
    package let remedy: String
    /// Patterns of fnmatch(3) without FNM_PATHNAME; one must fit. Empty: any path.
    var paths: [String] = []
    /// Kinds of difference that it explains. Empty: any.
    var kinds: Set<ComparisonReport.Kind> = []
    /// What the difference must look like, where the path alone doesn't say.
    var shape: Shape?

    /// How two contents, or two entries, differ.
    enum Shape: Sendable {
        /// Only in a .pyc's source time and size (PEP 552, flags 0).
        case pythonSourceTime
        /// Only in a gzip header's time and system (RFC 1952 2.3).
        case gzipHeader
        /// Only in words that are dates, times of day, or seconds since 1970.
        case times
        /// Only in whole numbers.
        case numbers
        /// Only in UUIDs (RFC 9562).
        case uuids
        /// Only in hexadecimal numbers of 16 digits and more.
        case hexadecimal
        /// The same lines in another order.
        case lineOrder
        /// Only in times of the snapshot archive: `20261124T021215Z`.
        case snapshots
        /// Only in paths below folders where builds are made.
        case buildPaths
        /// Only in permission bits that a umask takes away.
        case umask
        /// One side belongs to root, the other to a person's id.
        case builder
        /// Only one side has the attribute.
        case lostAttribute
    }

    /// The first that fits is the cause, so what is special comes before what is general.
    package static let all: [Cause] = [
        Cause(
            name: "ssh-host-key", reason: "openssh-server's postinst makes host keys, new ones in each build",
            remedy: "remove /etc/ssh/ssh_host_* from the image; each machine makes its own when it first starts",
            paths: ["/etc/ssh/ssh_host_*"]),
        Cause(
            name: "machine-id", reason: "systemd's or dbus's postinst makes a random identity",
            remedy: "leave /etc/machine-id empty and remove /var/lib/dbus/machine-id (machine-id(5))",
            paths: ["/etc/machine-id", "/var/lib/dbus/machine-id"]),
        Cause(
            name: "random-seed", reason: "a seed for the kernel's random numbers was saved",
            remedy: "remove /var/lib/systemd/random-seed", paths: ["*/random-seed"]),
        Cause(
            name: "host-configuration", reason: "the builder's name or resolver was copied in",
            remedy: "write /etc/hostname, /etc/hosts and /etc/resolv.conf with fixed contents",
            paths: ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/etc/mailname"],
            kinds: [.content, .onlyInA, .onlyInB]),
        Cause(
            name: "log", reason: "logs of the installation hold the times of the build",
            remedy: "remove /var/log's files after the last package is installed", paths: ["/var/log/*"]),
        Cause(
            name: "inode-cache", reason: "a cache keyed by inode numbers and change times is never the same twice",
            remedy: "remove it; it is made anew where it is needed",
            paths: ["/var/cache/ldconfig/aux-cache", "/var/cache/fontconfig/*", "/var/cache/man/*"]),
        Cause(
            name: "package-lists", reason: "apt's lists and caches follow the mirror and the moment",
            remedy: "prune /var/lib/apt/lists and /var/cache/apt", paths: ["/var/lib/apt/*", "/var/cache/apt/*"]),
        Cause(
            name: "backup", reason: "a copy of what was there a moment before, kept by the tool that changed it",
            remedy: "remove the -old and - files",
            paths: ["/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/sub?id-", "*-old"]),
        Cause(
            name: "password-date", reason: "shadow(5) notes the day of the last change of a password",
            remedy: "build with the date of SOURCE_DATE_EPOCH (shadow reads it since 4.1)",
            paths: ["/etc/shadow", "/etc/gshadow"],
            kinds: [.content], shape: .numbers),
        Cause(
            name: "cpu-dependent", reason: "the list follows the processor that the build ran on",
            remedy: "run ldconfig in one kind of sandbox", paths: ["/etc/ld.so.cache"],
            kinds: [.content, .onlyInA, .onlyInB]),
        Cause(
            name: "locale-archive", reason: "localedef adds locales in the order in which it is called",
            remedy: "generate the same locales in one order", paths: ["/usr/lib/locale/locale-archive"],
            kinds: [.content, .onlyInA, .onlyInB]),
        Cause(
            name: "package-database", reason: "other packages, or others at another time, are installed",
            remedy: "install the same versions from a lock", paths: ["/var/lib/dpkg/*", "/lib/apk/db/*"],
            kinds: [.content, .onlyInA, .onlyInB]),
        Cause(
            name: "archive-state",
            reason: "the image's apt names the state of the archives that its packages came from",
            remedy: "lock the same state", paths: ["/etc/apt/sources.list", "/etc/apt/sources.list.d/*"],
            kinds: [.content], shape: .snapshots),
        Cause(
            name: "runtime-state", reason: "state of a running system, left over from the build",
            remedy: "prune /run, /tmp and /var/tmp", paths: ["/run/*", "/tmp/*", "/var/tmp/*"]),
        Cause(
            name: "device-nodes", reason: "one build copied the host's device nodes, another made its own or none",
            remedy: "pack one fixed list of nodes", paths: ["/dev/*"]),
        Cause(
            name: "python-byte-code-time", reason: "byte code holds the time of its source file (PEP 552)",
            remedy: "compile with --invalidation-mode unchecked-hash, or clamp the sources' times before",
            paths: ["*.pyc"], kinds: [.content], shape: .pythonSourceTime),
        Cause(
            name: "python-byte-code", reason: "byte code was compiled by another Python, from another source or path",
            remedy: "compile at build time with the locked Python, PYTHONHASHSEED=0 and the path in the image",
            paths: ["*.pyc"], kinds: [.content, .onlyInA, .onlyInB]),
        Cause(
            name: "gzip-header", reason: "gzip writes the time and the name of what it compressed",
            remedy: "gzip -n", kinds: [.content], shape: .gzipHeader),
        Cause(
            name: "random-uuid", reason: "a UUID is made at random", remedy: "give a fixed one",
            kinds: [.content], shape: .uuids),
        Cause(
            name: "file-order", reason: "the same lines in another order: a folder was listed without sorting",
            remedy: "sort what is listed (LC_ALL=C sort)", kinds: [.content], shape: .lineOrder),
        Cause(
            name: "build-path", reason: "the folder of the build was written into the file",
            remedy: "build in one fixed folder, or map it (-ffile-prefix-map)", kinds: [.content], shape: .buildPaths),
        Cause(
            name: "time-in-file", reason: "the time of the build was written into the file",
            remedy: "set SOURCE_DATE_EPOCH for the step that writes it", kinds: [.content], shape: .times),
        Cause(
            name: "random-number", reason: "a random or hashed number was written into the file",
            remedy: "give a fixed one, or make what is hashed the same", kinds: [.content], shape: .hexadecimal),
        Cause(
            name: "lost-attributes", reason: "a tool in between didn't carry extended attributes or capabilities",
            remedy: "pack with attributes (tar --xattrs, mksquashfs -xattrs)", kinds: [.attributes],
            shape: .lostAttribute),
        Cause(
            name: "umask", reason: "files got the modes that the builder's umask left",
            remedy: "set umask 022 before the build", kinds: [.mode], shape: .umask),
        Cause(
            name: "builder-owns", reason: "files belong to the person who built",
            remedy: "give every file its owner when packing", kinds: [.owner], shape: .builder),
        Cause(
            name: "time-stamp", reason: "the file was written when the build ran, and its time kept",
            remedy: "clamp all times to SOURCE_DATE_EPOCH when packing", kinds: [.time]),
    ]

    /// A difference that follows from the packages' versions.
    static let packageVersion = Cause(
        name: "package-version", reason: "the package has another version on each side",
        remedy: "lock the same version")
    /// A package that one side lacks.
    static let packageSet = Cause(
        name: "package-set", reason: "only one side has the package", remedy: "lock the same packages")

    /// What an image gives every entry that a build made.
    static let imageTime = Cause(
        name: "image-time", reason: "entries carry their image's own time",
        remedy: "nothing: another lock has another SOURCE_DATE_EPOCH (lock --source-date-epoch gives the same one)")

    /// nil where no known cause fits.
    package static func first(for evidence: Evidence) -> Cause? { all.first { $0.fits(evidence) } }

    private func fits(_ evidence: Evidence) -> Bool {
        guard kinds.isEmpty || kinds.contains(evidence.kind) else { return false }
        // A place explains what is in it, and no time alone.
        if !paths.isEmpty, kinds.isEmpty, evidence.kind == .time { return false }
        guard paths.isEmpty || paths.contains(where: { fnmatch($0, evidence.path, 0) == 0 }) else { return false }
        return shape.map { evidence.has($0) } ?? true
    }
}

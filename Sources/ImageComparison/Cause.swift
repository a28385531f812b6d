import FileTree
import Glibc

/// A known reason for which builds of one runtime differ, and what takes it away.
struct Cause: Sendable {
    let name: String
    /// Why it differs.
    let reason: String
    /// What one change makes it the same.
    let remedy: String
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
    static let all: [Cause] = [
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

    static func first(for evidence: Evidence) -> Cause? { all.first { $0.fits(evidence) } }

    private func fits(_ evidence: Evidence) -> Bool {
        guard kinds.isEmpty || kinds.contains(evidence.kind) else { return false }
        guard paths.isEmpty || paths.contains(where: { fnmatch($0, evidence.path, 0) == 0 }) else { return false }
        return shape.map { evidence.has($0) } ?? true
    }
}

/// What is known of a difference.
struct Evidence {
    let path: String
    let kind: ComparisonReport.Kind
    var a: TreeEntry?
    var b: TreeEntry?
    /// What the two files hold, where both were read.
    var contents: (a: [UInt8], b: [UInt8])?

    func has(_ shape: Cause.Shape) -> Bool {
        switch shape {
        case .umask:
            guard let a, let b else { return false }
            return (a.mode ^ b.mode) & ~0o077 == 0
        case .builder:
            guard let a, let b else { return false }
            return [a, b].contains { $0.uid == 0 && $0.gid == 0 } && [a, b].contains { $0.uid >= 1000 }
        case .lostAttribute:
            guard let a, let b else { return false }
            return a.attributes.isEmpty != b.attributes.isEmpty
        case .pythonSourceTime:
            guard let (x, y) = contents, x.count == y.count, x.count >= 16, x[..<4] == y[..<4] else { return false }
            return x[4..<8].allSatisfy { $0 == 0 } && differs(x, y, only: 8..<16)
        case .gzipHeader:
            guard let (x, y) = contents, x.count == y.count, x.count >= 18, x.starts(with: [0x1f, 0x8b]) else {
                return false
            }
            return differs(x, y, only: 4..<10)
        case .lineOrder:
            guard let (x, y) = contents, x.count == y.count, x != y else { return false }
            return sortedLines(x) == sortedLines(y)
        case .uuids: return wordsDiffer { Word.isUUID($0) }
        case .hexadecimal: return wordsDiffer { $0.count >= 16 && $0.allSatisfy(Word.isHexadecimal) }
        case .times: return wordsDiffer(atLeastOne: Word.isTime) { Word.isTime($0) || Word.isPartOfTime($0) }
        case .numbers:
            return wordsDiffer(split: Word.splitFields) {
                $0.count <= 10 && $0.allSatisfy { (0x30...0x39).contains($0) }
            }
        case .buildPaths: return wordsDiffer { Word.isBuildPath($0) }
        }
    }

    private func differs(_ x: [UInt8], _ y: [UInt8], only range: Range<Int>) -> Bool {
        x != y && x[..<range.lowerBound] == y[..<range.lowerBound] && x[range.upperBound...] == y[range.upperBound...]
    }

    private func sortedLines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        bytes.split(separator: 10, omittingEmptySubsequences: false).sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Whether the contents have the same words but for some, those are all such, and one pair is more than that.
    private func wordsDiffer(
        split: ([UInt8]) -> [ArraySlice<UInt8>] = Word.split, atLeastOne: ((ArraySlice<UInt8>) -> Bool)? = nil,
        _ isSuch: (ArraySlice<UInt8>) -> Bool
    ) -> Bool {
        guard let (x, y) = contents, x != y else { return false }
        let (left, right) = (split(x), split(y))
        guard left.count == right.count else { return false }
        var (some, more) = (false, atLeastOne == nil)
        for (a, b) in zip(left, right) where a != b {
            guard isSuch(a), isSuch(b) else { return false }
            some = true
            if let atLeastOne, atLeastOne(a), atLeastOne(b) { more = true }
        }
        return some && more
    }
}

/// A word of a file: letters, digits and what joins them in times, paths and identifiers.
private enum Word {
    static func split(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] { bytes.split { !isPart($0) } }

    /// The fields of passwd(5) and its like.
    static func splitFields(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        bytes.split(omittingEmptySubsequences: false) { $0 == 0x3a || $0 == 10 }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
    }

    private static func isPart(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte)
            || Array("_./:+-".utf8).contains(byte)
    }

    static func isUUID(_ word: ArraySlice<UInt8>) -> Bool {
        let parts = word.split(separator: 0x2d, omittingEmptySubsequences: false)
        return parts.map(\.count) == [8, 4, 4, 4, 12] && parts.allSatisfy { $0.allSatisfy(isHexadecimal) }
    }

    private static let names: Set<String> = [
        "mon", "tue", "wed", "thu", "fri", "sat", "sun", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep",
        "oct", "nov", "dec", "am", "pm", "utc", "gmt",
    ]

    /// A date, a time of day, a year, or seconds since 1970: what can't well be another number.
    static func isTime(_ word: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: word, as: UTF8.self)
        guard word.count <= 40, word.allSatisfy({ isDigit($0) || Array(":-/.+TZ".utf8).contains($0) }) else {
            return false
        }
        if word.allSatisfy(isDigit) {
            guard let number = Int(text) else { return false }
            switch word.count {
            case 4, 8, 14: return text.hasPrefix("19") || text.hasPrefix("20")
            // From 2001 to 2106.
            case 10: return (1_000_000_000...4_294_967_295).contains(number)
            default: return false
            }
        }
        let clock = text.split(separator: ":").count(where: { $0.suffix(2).utf8.count(where: isDigit) == 2 }) >= 2
        let parts = text.prefix(10).split { $0 == "-" || $0 == "/" }.map(\.utf8.count)
        return clock || parts == [4, 2, 2] || parts == [2, 2, 4]
    }

    /// What stands beside a time and is one only there: a day's number, the name of a month.
    static func isPartOfTime(_ word: ArraySlice<UInt8>) -> Bool {
        word.count <= 2 && word.allSatisfy(isDigit)
            || names.contains(String(decoding: word, as: UTF8.self).lowercased())
    }

    private static let folders = ["/build/", "/tmp/", "/home/", "/root/", "/var/tmp/", "/usr/src/"]

    static func isBuildPath(_ word: ArraySlice<UInt8>) -> Bool {
        folders.contains { folder in word.starts(with: folder.utf8) }
    }
}

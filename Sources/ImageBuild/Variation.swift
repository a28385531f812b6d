import RuntimeSpec

/// What no byte of an image may depend on, and one build can have otherwise than another
/// (https://reproducible-builds.org/docs/env-variations/).
public enum Variation: String, CaseIterable, Codable, Sendable {
    case folder, user, umask, timezone, locale, home, environment, processors
    case fileSystem = "file-system"
    case directoryOrder = "directory-order"
    case kernel, cpuinfo, store, downloads, unpacker, time

    /// Those that one more build can have all at once.
    public static let together = allCases.filter { $0 != .directoryOrder }

    /// Its name in a sentence.
    public var name: String {
        switch self {
        case .folder: "the folder of the build"
        case .user: "who builds"
        case .umask: "the umask"
        case .timezone: "the time zone"
        case .locale: "the locale"
        case .home: "the home folder"
        case .environment: "the environment"
        case .processors: "the number of processors"
        case .fileSystem: "the file system of the tree"
        case .directoryOrder: "the order in which folders list"
        case .kernel: "the kernel's release"
        case .cpuinfo: "the processor (/proc/cpuinfo)"
        case .store: "the store"
        case .downloads: "the order of downloads"
        case .unpacker: "what unpacks packages"
        case .time: "the time"
        }
    }

    /// What the other build has.
    public var otherwise: String {
        switch self {
        case .folder: "a folder of another name and length"
        case .user: "a user namespace of subordinate ids, as an ordinary user's build"
        case .umask: "umask 077"
        case .timezone: "TZ=Pacific/Kiritimati"
        case .locale: "LC_ALL=tr_TR.UTF-8"
        case .home: "another HOME"
        case .environment: "variables more"
        case .processors: "one processor, and one job where there were several, else four"
        case .fileSystem: "memory in place of the disk, or the other way round"
        case .directoryOrder: "folders that list in a random order (disorderfs)"
        case .kernel:
            "a kernel that calls itself 2.6 (UNAME26; not while the base is unpacked, which glibc's packages refuse)"
        case .cpuinfo: "an older processor's"
        case .store: "an empty one, filled from this one"
        case .downloads: "a random one"
        case .unpacker: "dpkg alone, in place of rtverify where it knows what dpkg would do"
        case .time: "a date \(Variation.days) days later (libfaketime: for programs of glibc, not files' times)"
        }
    }

    /// What to do about an image that depends on it.
    public var remedy: String {
        switch self {
        case .folder: "write no path of the build's into a file; it is not the image's"
        case .user: "give files the owner and mode that they need, and ask for no right of the host's root"
        case .umask: "set modes in the step (chmod, install -m)"
        case .timezone: "print times in UTC (TZ=UTC, date -u)"
        case .locale: "sort and format under LC_ALL=C"
        case .home: "write no HOME into a file"
        case .environment: "set the variables that the step needs in the step"
        case .processors: "have the tool use a fixed number of jobs or threads"
        case .fileSystem: "ask for nothing of the file system (free space, inode numbers, its type)"
        case .directoryOrder: "sort what a folder lists before it is used (LC_ALL=C sort)"
        case .kernel: "don't ask for the kernel's release (uname -r) while building"
        case .cpuinfo: "build for a fixed processor (-march=x86-64), not for the one that is there (-march=native)"
        case .store, .downloads, .unpacker: "this is rtverify's own to see to: please report it with the lock"
        case .time: "use SOURCE_DATE_EPOCH in place of the clock (date -u -d @$SOURCE_DATE_EPOCH)"
        }
    }

    /// Over a year: later months, and another year, whenever it is built.
    static let days = 400

    /// A name that is nobody's.
    public struct Unknown: Error, CustomStringConvertible {
        /// Empty where no name was given.
        let name: String

        /// For people.
        public var description: String {
            if name.isEmpty { return "Nothing is named that is to be varied." }
            let names = Variation.allCases.map(\.rawValue)
            let nearest = Spelling.nearest(to: name, among: names).map { "; did you mean '\($0)'?" } ?? "."
            return
                "Nothing is called '\(name)' that can be varied\(nearest) There are: \(names.joined(separator: ", "))."
        }
    }

    /// Variations by name; `all` is each of them.
    /// - Throws: `Unknown`.
    public static func list(_ names: [String]) throws -> [Variation] {
        if names == ["all"] { return allCases }
        if names.isEmpty { throw Unknown(name: "") }
        return try names.map { name in
            guard let variation = Variation(rawValue: name) else { throw Unknown(name: name) }
            return variation
        }
    }
}

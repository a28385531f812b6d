import Archives
import Glibc
import enum Host.Folder
import enum Host.OpenFile

/// What matters of a root before packages are unpacked into it, as it is when this is made. For a process that is in the root.
final class RootState {
    private let users: [[UInt8]: UInt32]
    private let groups: [[UInt8]: UInt32]
    /// Paths that dpkg was told to put elsewhere, or to give other owners (dpkg-divert(1), dpkg-statoverride(1)).
    private let special: Set<[UInt8]>
    private let packages: Set<String>
    /// Of each path in dpkg's lists a hash: a few that are in none, for their hash's sake, are left to dpkg too.
    private let owned: Set<UInt64>
    /// Whether its dpkg is told to do otherwise than by itself (dpkg.cfg(5)), as to leave out paths.
    let hasOwnRules: Bool
    /// Folders of the root that are links into /usr.
    private let merged: Set<ArraySlice<UInt8>>
    private var folders: [[UInt8]: Bool] = [:]
    /// What packages wait for: a path, below which any entry counts.
    let interests: Set<[UInt8]>
    private let pathListeners: [[UInt8]: Set<String>]

    private static let database = "/var/lib/dpkg"

    /// Reads the root's own files.
    init() {
        (users, groups) = (Self.numbers("/etc/passwd"), Self.numbers("/etc/group"))
        // Three lines each: path, where to, whose. USER GROUP MODE PATH.
        let diverted = Self.lines("\(Self.database)/diversions")
        let overridden = Self.lines("\(Self.database)/statoverride").compactMap {
            $0.split(separator: 0x20, maxSplits: 3).last.map(Array.init)
        }
        special = Set(diverted + overridden)
        packages = Set(
            Self.lines("\(Self.database)/status").compactMap { line in
                let key = Array("Package: ".utf8)
                return line.starts(with: key) ? String(decoding: line.dropFirst(key.count), as: UTF8.self) : nil
            })
        owned = Self.ownedPaths()
        let rules =
            ["/etc/dpkg/dpkg.cfg", "/root/.dpkg.cfg"]
            + Self.names(in: "/etc/dpkg/dpkg.cfg.d").map { "/etc/dpkg/dpkg.cfg.d/\($0)" }
        hasOwnRules = rules.flatMap(Self.lines).contains { line in
            let word = String(decoding: line.prefix { ![0x20, 0x09, 0x3d].contains($0) }, as: UTF8.self)
            return !word.isEmpty && !word.hasPrefix("#") && word != "no-debsig" && word != "log"
        }
        // PATH PACKAGE, or PATH PACKAGE/noawait.
        var listeners: [[UInt8]: Set<String>] = [:]
        for line in Self.lines("\(Self.database)/triggers/File") {
            let words = line.split(separator: 0x20)
            if words.count > 1 { listeners[Array(words[0]), default: []].insert(Self.package(words[1])) }
        }
        (pathListeners, interests) = (listeners, Set(listeners.keys))
        merged = Set(
            ShippedFile.mergedFolders.filter { Self.link("/\($0)") == Array("usr/\($0)".utf8) }.map {
                Array($0.utf8)[...]
            })
    }

    private static func package(_ word: some Sequence<UInt8>) -> String {
        String(decoding: word.prefix { $0 != 0x2f }, as: UTF8.self)
    }

    /// The packages that have an interest in a trigger, set up or not: a path, or a name, which has a file of its own.
    func listeners(of trigger: [UInt8]) -> Set<String> {
        if trigger.first == 0x2f { return pathListeners[trigger] ?? [] }
        let name = String(decoding: trigger, as: UTF8.self)
        return name.contains("/") ? [] : Set(Self.lines("\(Self.database)/triggers/\(name)").map(Self.package))
    }

    static func bytes(_ path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        return (try? OpenFile.readToEnd(descriptor, limit: 1 << 28)) ?? []
    }

    private static func lines(_ path: String) -> [[UInt8]] { bytes(path).split(separator: 10).map(Array.init) }

    private static func link(_ path: String) -> [UInt8] {
        var target = [CChar](repeating: 0, count: 64)
        let count = path.withCString { readlink($0, &target, 64) }
        return target.prefix(max(0, count)).map(UInt8.init(bitPattern:))
    }

    /// NAME:PASSWORD:NUMBER:...
    private static func numbers(_ path: String) -> [[UInt8]: UInt32] {
        let pairs = lines(path).compactMap { line -> ([UInt8], UInt32)? in
            let fields = line.split(separator: 0x3a, omittingEmptySubsequences: false)
            guard fields.count > 2, let number = UInt32(String(decoding: fields[2], as: UTF8.self)) else { return nil }
            return (Array(fields[0]), number)
        }
        return Dictionary(pairs) { first, _ in first }
    }

    /// As dpkg has it: by name where the root knows it, else by number. nil for numbers that a build doesn't have.
    func owner(of entry: ArchiveEntry) -> (user: UInt32, group: UInt32)? {
        func number(_ name: [UInt8], _ known: [[UInt8]: UInt32], _ otherwise: Int) -> UInt32? {
            if let known = known[name] { return known }
            return (0...65_535).contains(otherwise) ? UInt32(otherwise) : nil
        }
        guard let user = number(entry.userName, users, entry.uid),
            let group = number(entry.groupName, groups, entry.gid)
        else { return nil }
        return (user, group)
    }

    func knows(package: String) -> Bool { packages.contains(package) }
    /// Whether a package has a path down, on the disk or not.
    func isOwned(_ path: [UInt8]) -> Bool { owned.contains(Self.hash(path)) }

    private static func ownedPaths() -> Set<UInt64> {
        var paths: Set<UInt64> = []
        for name in names(in: "\(database)/info") where name.hasSuffix(".list") {
            for line in bytes("\(database)/info/\(name)").split(separator: 10) { paths.insert(hash(line)) }
        }
        return paths
    }

    /// FNV-1a (RFC 9923).
    private static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    private static func names(in folder: String) -> [String] {
        (try? Folder.byteNames(in: Array(folder.utf8)))?.map { String(decoding: $0, as: UTF8.self) } ?? []
    }

    func isSpecial(_ path: [UInt8]) -> Bool { special.contains(path) }

    /// Where an entry is, from the root on, with /usr merged.
    func place(of parts: [ArraySlice<UInt8>]) -> [UInt8] {
        let isMerged = parts.first.map(merged.contains) == true
        return parts.reduce(into: isMerged ? Array("/usr".utf8) : []) { $0 += [0x2f] + $1 }
    }

    /// Empty for the root.
    func parent(of place: [UInt8]) -> [UInt8] { place.lastIndex(of: 0x2f).map { Array(place[..<$0]) } ?? [] }

    /// What kind of file is there (inode(7)); nil for nothing.
    func kind(of place: [UInt8]) -> mode_t? {
        var status = stat()
        return place.withCString { lstat($0, &status) } == 0 ? status.st_mode & S_IFMT : nil
    }

    /// Whether it is a file or a link.
    func isReplaceable(_ place: [UInt8]) -> Bool { [S_IFREG, S_IFLNK].contains(kind(of: place)) }

    /// Whether it is a folder, and no link on the way to it.
    func isFolder(_ place: [UInt8]) -> Bool {
        if place.isEmpty { return true }
        if let known = folders[place] { return known }
        let answer = isFolder(parent(of: place)) && kind(of: place) == S_IFDIR
        folders[place] = answer
        return answer
    }
}

extension [UInt8] {
    /// As a path of C's.
    func withCString<Value>(_ body: (UnsafePointer<CChar>) throws -> Value) rethrows -> Value {
        try body(map(CChar.init(bitPattern:)) + [0])
    }
}

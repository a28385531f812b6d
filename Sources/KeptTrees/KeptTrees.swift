import Archives
import ContentHash
import Glibc
import Host
import RuntimeSpec

/// Trees of earlier builds, each as it was after a phase, for the next build that would come to the same.
///
///     KEY/record     what was kept, with the SHA-256 of all the rest; its time is that of the last use
///     KEY/files-N    chunks of it
///     new-…          one that is just coming; what a killed program left of it goes after an hour
///
/// They are this user's own and vouch for nothing: no golden image, gate or verification is built with them.
public struct KeptTrees: Sendable {
    /// Why kept trees are not used.
    public struct Refused: Error, CustomStringConvertible {
        /// For people.
        public let description: String
    }

    /// Bytes that all of them may take; those that were used longest ago go.
    private static let largest = 8 << 30
    /// Seconds after which what a copy has left is nobody's.
    private static let patience = 3600

    /// Where they lie.
    public let directory: String
    /// SHA-256 of this program: another may build otherwise, as may another libarchive.
    private let program: Digest

    /// `$XDG_CACHE_HOME/rtverify-trees`, or `~/.cache/rtverify-trees` (XDG Base Directory Specification).
    public static func defaultDirectory(environment: (String) -> String?) -> String {
        if let cache = environment("XDG_CACHE_HOME"), cache.hasPrefix("/") { return "\(cache)/rtverify-trees" }
        return "\(environment("HOME") ?? "/root")/.cache/rtverify-trees"
    }

    /// Opens the folder, or makes it.
    /// - Throws: `Refused` where another user could write in it, `SystemError`, `FileReadError`.
    public init(directory: String) throws {
        let wanted = Paths.absolute(directory)
        // Nothing is made where it would be refused: root with another user's HOME would leave that user a folder of root's.
        var nearest = wanted
        while access(nearest, F_OK) != 0, nearest != "/" { nearest = Paths.parent(of: nearest) }
        if let reason = Self.danger(of: nearest, isLast: nearest == wanted) { throw Refused(description: reason) }
        if nearest != wanted {
            try Folder.create(Paths.parent(of: wanted), mode: 0o700)
            guard mkdir(wanted, 0o700) == 0 || errno == EEXIST else {
                throw SystemError("cannot create \(wanted)", errno)
            }
            if let reason = Self.danger(of: wanted, isLast: true) { throw Refused(description: reason) }
        }
        guard let real = realPath(wanted), chmod(real, 0o700) == 0 else {
            throw SystemError("cannot use \(wanted)", errno)
        }
        self.directory = real
        let descriptor = open(OwnProgram.link, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("cannot read this program", errno) }
        defer { close(descriptor) }
        program = try sha256(ofDescriptor: descriptor, name: "this program")
    }

    /// Who else could put a tree there; nil where nobody could.
    /// - Parameter isLast: Whether it is the folder itself, and not one above it.
    private static func danger(of directory: String, isLast: Bool) -> String? {
        guard let real = realPath(directory) else { return "\(directory) is not there" }
        var path = real
        while true {
            var status = stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return "\(path) is no folder" }
            let isOthers = status.st_mode & 0o022 != 0
            let isOwn = isLast && path == real
            // In a sticky folder nobody renames what is another's (chmod(1)).
            if isOwn ? isOthers : isOthers && status.st_mode & mode_t(S_ISVTX) == 0 {
                return "other users can write in \(path) (chmod go-w)"
            }
            guard status.st_uid == getuid() || (!isOwn && status.st_uid == 0) else {
                return "\(path) is another user's"
            }
            if path == "/" { return nil }
            path = Paths.parent(of: path)
        }
    }

    // MARK: Keys

    /// The name of what a lock's tree is after a phase: SHA-256 of the part of the lock that it depends on, and of the program.
    public func key(of lock: Lockfile, after phase: TreePhase) -> Digest {
        Digest.of(
            Array(
                "\(program) \(getuid() == 0) \(ArchiveReader.libraryVersion)\n\(lock.treePart(after: phase))"
                    .utf8))
    }

    /// A kept tree's folder.
    public func folder(of key: Digest) -> String { "\(directory)/\(key)" }

    /// What was kept; nil where nothing was.
    public func find(_ key: Digest) -> (tree: KeptTree, sha256: Digest)? {
        let folder = folder(of: key)
        guard let found = KeptTree.read(from: folder) else { return nil }
        "\(folder)/\(KeptTree.name)".withPath { _ = utimes($0, nil) }
        return found
    }

    // MARK: Keeping

    /// Takes a folder with a record and its chunks, in place of what had the key, and lets the oldest go.
    /// - Throws: `SystemError`.
    public func adopt(_ source: String, as key: Digest) throws {
        collect(Rule(largestSize: Self.largest), isDry: false)
        let new = "\(directory)/new-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        if rename(source, new) != 0 {
            guard errno == EXDEV else { throw SystemError("cannot write \(new)", errno) }
            do { try copy(source, to: new) } catch {
                Folder.remove(new)
                throw error
            }
        }
        chmod(new, 0o700)
        // What a build reads just now has its files open, or does without.
        Folder.remove(folder(of: key))
        guard rename(new, folder(of: key)) == 0 else {
            let reason = errno
            Folder.remove(new)
            throw SystemError("cannot write \(folder(of: key))", reason)
        }
        collect(Rule(largestSize: Self.largest), isDry: false)
    }

    /// From another file system.
    private func copy(_ source: String, to new: String) throws {
        let names = Folder.names(in: source)
        guard Folder.freeSpace(at: directory) > 2 * names.reduce(0, { $0 + Self.size("\(source)/\($1)") }) else {
            throw SystemError("cannot write \(new)", ENOSPC)
        }
        try Folder.create(new, mode: 0o700)
        for name in names { try AtomicFile.copy("\(source)/\(name)", to: "\(new)/\(name)") }
    }

    /// Which go.
    public struct Rule: Sendable {
        /// Those that were used since stay: seconds since 1970-01-01 UTC.
        public var usedSince: Int?
        /// Bytes of all.
        public var largestSize: Int?
        /// Those that stay, whatever the rest says.
        public var kept: Set<Digest>

        /// Where neither time nor size is said, all go that aren't kept.
        public init(usedSince: Int? = nil, largestSize: Int? = nil, kept: Set<Digest> = []) {
            (self.usedSince, self.largestSize, self.kept) = (usedSince, largestSize, kept)
        }
    }

    /// Removes trees, those that were used longest ago first.
    /// - Parameter isDry: Whether nothing is removed.
    /// - Returns: How many went and their bytes, and the bytes of those that stayed.
    @discardableResult
    public func collect(_ rule: Rule, isDry: Bool) -> (removed: Int, bytes: Int, left: Int) {
        var trees: [(name: String, used: Int, size: Int)] = []
        for name in Folder.names(in: directory) {
            var status = stat()
            let folder = "\(directory)/\(name)"
            let record = Digest(hex: name) == nil ? folder : "\(folder)/\(KeptTree.name)"
            let used = lstat(record, &status) == 0 ? status.st_mtim.tv_sec : 0
            if Digest(hex: name) != nil {
                trees.append((name, used, Folder.names(in: folder).reduce(0) { $0 + Self.size("\(folder)/\($1)") }))
            } else if name.hasPrefix("new-"), used < time(nil) - Self.patience, !isDry {
                Folder.remove(folder)
            }
        }
        trees.sort { ($0.used, $0.name) < ($1.used, $1.name) }
        var left = trees.reduce(0) { $0 + $1.size }
        var (removed, bytes) = (0, 0)
        for tree in trees where !rule.kept.contains(where: { $0.hex == tree.name }) {
            let isOld = rule.usedSince.map { tree.used < $0 } ?? false
            let isTooMuch = rule.largestSize.map { left > $0 } ?? false
            guard rule.usedSince == nil && rule.largestSize == nil || isOld || isTooMuch else { continue }
            if !isDry { Folder.remove("\(directory)/\(tree.name)") }
            (removed, bytes, left) = (removed + 1, bytes + tree.size, left - tree.size)
        }
        return (removed, bytes, left)
    }

    private static func size(_ path: String) -> Int {
        var status = stat()
        return lstat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}

import ContentHash
import Glibc
import Host
import RuntimeSpec

/// Reads a folder beside a manifest as the list of what goes into an image.
///
/// Links are read, never followed: what lies outside the folder is not in it.
public struct TreeReader {
    private let source: TreeSource
    private let keep: (String) throws -> Lockfile.Input

    /// - Parameter keep: Gets the path of each file, and says what its bytes are.
    private init(_ source: TreeSource, keep: @escaping (String) throws -> Lockfile.Input) {
        (self.source, self.keep) = (source, keep)
    }

    /// The list of a folder, with its files and itself kept in a store.
    /// - Parameter directory: The manifest's.
    /// - Throws: `StoreError.unfit`, `SystemError`.
    public static func keep(_ source: TreeSource, in directory: String, store: Store) throws -> TreeList {
        let list = try TreeReader(source) { try store.keep(file: $0) }.list("\(directory)/\(source.source)")
        _ = try store.keep(Array(list.text.utf8))
        return list
    }

    /// The list of a folder, hashing its files.
    /// - Parameter directory: The manifest's.
    /// - Throws: `StoreError.unfit`, `SystemError`.
    public static func list(_ source: TreeSource, in directory: String) throws -> TreeList {
        try TreeReader(source) { path in
            let descriptor = try HashedFile.open(path, name: path)
            defer { close(descriptor) }
            let digest = try sha256(ofDescriptor: descriptor, name: path)
            return Lockfile.Input(path: path, size: Int(lseek(descriptor, 0, SEEK_CUR)), sha256: digest)
        }.list("\(directory)/\(source.source)")
    }

    private func list(_ folder: String) throws -> TreeList {
        var entries: [TreeList.Entry] = []
        try add(folder, "", to: &entries)
        return TreeList(entries)
    }

    private func add(_ folder: String, _ prefix: String, to entries: inout [TreeList.Entry]) throws {
        let names: [[UInt8]]
        do { names = try Folder.byteNames(in: folder.pathBytes) } catch {
            throw SystemError("cannot read the folder \(folder)", error.rawValue)
        }
        for bytes in names {
            guard let name = String(validating: bytes, as: UTF8.self), Spelling.isImagePath("/" + name) else {
                throw StoreError.unfit(
                    path: "\(folder)/\(TerminalText.report(bytes))",
                    reason: "its name isn't UTF-8 or has control characters")
            }
            let (path, place) = ("\(folder)/\(name)", prefix + name)
            if isExcluded(place, name: name) { continue }
            var status = stat()
            guard lstat(path, &status) == 0 else { throw SystemError("cannot read \(path)", errno) }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                entries.append(.init(path: place, mode: source.folderMode ?? 0o755, content: .folder))
                try add(path, place + "/", to: &entries)
            case S_IFREG:
                let input = try keep(path)
                entries.append(
                    .init(
                        path: place, mode: source.mode ?? (status.st_mode & S_IXUSR == 0 ? 0o644 : 0o755),
                        content: .file(size: input.size, sha256: input.sha256)))
            case S_IFLNK:
                guard let text = Self.linkText(path), Spelling.isLinkText(text) else {
                    throw StoreError.unfit(
                        path: path, reason: "what the link says isn't UTF-8 or has control characters")
                }
                entries.append(.init(path: place, mode: 0o777, content: .link(to: text)))
            default: throw StoreError.unfit(path: path, reason: "it is neither a file nor a folder nor a link")
            }
        }
    }

    private func isExcluded(_ path: String, name: String) -> Bool {
        source.exclude.contains { pattern in
            pattern.contains("/")
                ? fnmatch(pattern, path, FNM_PATHNAME) == 0 : fnmatch(pattern, name, FNM_PATHNAME) == 0
        }
    }

    /// What a link says; nil where that isn't UTF-8 or can't be read.
    private static func linkText(_ path: String) -> String? {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &text, text.count)
        return count < 0 ? nil : String(validating: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

extension Store {
    /// Keeps a file of the host, whatever its bytes are.
    func keep(file path: String) throws -> Lockfile.Input {
        let descriptor = try HashedFile.open(path, name: path)
        defer { close(descriptor) }
        let file = try newObject()
        let digest = try sha256(ofDescriptor: descriptor, name: path) { try file.write($0) }
        let size = Int(lseek(descriptor, 0, SEEK_CUR))
        try keep(file, sha256: digest)
        return Lockfile.Input(path: path, size: size, sha256: digest)
    }

    /// The list of a tree that a lock names; nil where the store lacks it.
    public func list(of tree: Lockfile.Tree) throws -> TreeList? {
        guard let bytes = try bytes(of: tree.list) else { return nil }
        return try TreeList(text: String(decoding: bytes, as: UTF8.self), name: "the list of \(tree.source.source)")
    }

    /// The lists of a lock's trees, each with its tree.
    /// - Throws: `StoreError.treeMissing` where the store lacks one.
    public func lists(of trees: [Lockfile.Tree]) throws -> [(tree: Lockfile.Tree, list: TreeList)] {
        try trees.map { tree in
            guard let list = try list(of: tree) else { throw StoreError.treeMissing(tree.list, tried: []) }
            return (tree, list)
        }
    }

    /// Every file that a build of a lock reads: those that it names, and those of its trees.
    /// - Throws: `StoreError.treeMissing` where the store lacks a tree's list.
    public func inputs(of lock: Lockfile) throws -> [Lockfile.Input] {
        lock.inputs + (try lists(of: lock.contents.trees).flatMap(\.list.inputs))
    }
}

import Archives
import ContentHash
import Glibc
import Host
import ImagePacking
import Sandbox
import Synchronization

/// A tree, or what has changed in it, as it is to be written down: found at once, and written while others go on.
public struct TreeSurvey: Sendable {
    private struct Item: Sendable {
        let entry: PackedEntry
        let path: [UInt8]

        var isFolder: Bool { entry.firstName == nil && entry.entry.kind == .directory }
    }

    /// Bytes of a chunk's files, from which on another begins.
    private static let chunkSize = 16 << 20

    /// All that is there, in the walk's order.
    private let all: [Item]
    private var folders: [Item] = []
    private var links: [Item] = []
    private var files: [[Item]] = []
    private var removed: [[UInt8]] = []

    /// Looks through a tree.
    /// - Parameters:
    ///   - root: The tree, in which nothing runs now and nothing is mounted.
    ///   - before: How it was found when the layer below was; nil where there is none.
    /// - Throws: `PackingError` for what an image can't carry, `SystemError`.
    public init(root: String, over before: TreeSurvey? = nil) throws {
        var found: [Item] = []
        found.reserveCapacity(1 << 16)
        var walk = TreeWalk(root: root, sourceDateEpoch: .max, largestFile: .max, takesAccessLists: true) {
            entry, path in
            if !Self.isLeftOut(entry.entry.path) { found.append(Item(entry: entry, path: path)) }
        }
        try walk.run()
        all = found
        compare(with: before?.all ?? [])
    }

    /// Sorts what isn't as it was. Both are in the walk's order, so that each is passed once.
    private mutating func compare(with before: [Item]) {
        var (old, size) = (before[...], Self.chunkSize)
        // Folders whose own times are to be set again, as something in them comes or goes.
        var touched: Set<[UInt8]> = []
        func touch(_ path: [UInt8]) { touched.insert(Array(path.prefix(upTo: path.lastIndex(of: 0x2f) ?? 0))) }
        for item in all {
            while let first = old.first, Self.precedes(first.path, item.path) {
                removed.append(first.entry.entry.path)
                touch(first.entry.entry.path)
                old = old.dropFirst()
            }
            if let first = old.first, first.path == item.path {
                old = old.dropFirst()
                if first.entry.mark == item.entry.mark { continue }
                // What isn't a folder both times is made anew: its kind may be another.
                if !(first.isFolder && item.isFolder) { removed.append(first.entry.entry.path) }
            }
            touch(item.entry.entry.path)
            if item.isFolder { touched.insert(item.entry.entry.path) } else { add(item, &size) }
        }
        for item in old {
            removed.append(item.entry.entry.path)
            touch(item.entry.entry.path)
        }
        folders = all.filter { $0.isFolder && touched.contains($0.entry.entry.path) }
    }

    private mutating func add(_ item: Item, _ size: inout Int) {
        if item.entry.firstName != nil { return links.append(item) }
        if size >= Self.chunkSize {
            files.append([])
            size = 0
        }
        files[files.count - 1].append(item)
        if case .file(let bytes) = item.entry.entry.kind { size += bytes }
    }

    /// The walk's order: what is in a folder comes before the folder's next neighbour.
    private static func precedes(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.lexicographicallyPrecedes(other) { ($0 == 0x2f ? 0 : $0) < ($1 == 0x2f ? 0 : $1) }
    }

    /// What is in /dev every root gets anew, and what is restored is shown in the other.
    private static let leftOut = ["dev/", String(KeptLayer.place.dropFirst())].map { Array($0.utf8) }

    private static func isLeftOut(_ path: [UInt8]) -> Bool { leftOut.contains { path.starts(with: $0) } }

    /// What is written, and what comes next.
    private final class Chunks: Sendable {
        private let next = Mutex(0)
        private let written = Mutex<[Int: KeptLayer.Chunk]>([:])

        /// The number of a chunk that nobody has taken yet.
        func take() -> Int {
            next.withLock { next in
                next += 1
                return next - 1
            }
        }

        func put(_ chunk: KeptLayer.Chunk, at index: Int) { written.withLock { $0[index] = chunk } }

        /// By number.
        var all: [KeptLayer.Chunk] { written.withLock { $0.sorted { $0.key < $1.key }.map(\.value) } }
    }

    /// Writes it into a folder, on all processors, as far as no other thread wants them (setpriority(2)).
    /// - Throws: `SystemError`, also for a file that is no longer the one that was found; `ArchiveError`.
    public func write(to folder: String) async throws -> KeptLayer {
        let names = ["folders", "links"] + files.indices.map { "files-\($0)" }
        let (parts, chunks) = ([folders, links] + files, Chunks())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<min(processorCount, parts.count) {
                group.addTask {
                    try await onThread {
                        // Zero is the thread that calls.
                        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
                        while case let index = chunks.take(), index < parts.count {
                            let path = "\(folder)/\(names[index])"
                            chunks.put(try Self.write(parts[index], to: path, name: names[index]), at: index)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let written = chunks.all
        return KeptLayer(removed: removed, folders: written[0], files: Array(written.dropFirst(2)), links: written[1])
    }

    private static func write(_ items: [Item], to path: String, name: String) throws -> KeptLayer.Chunk {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError("cannot create \(path)", errno) }
        defer { close(descriptor) }
        let hashing = HashingOutput(descriptor: descriptor, path: path)
        let compressed = try CompressedWriter { try hashing.write($0) }
        let tar = TarStream(isChecking: true) { try compressed.append($0) }
        for item in items { try tar.write(item.entry, from: item.path) }
        try tar.finish()
        try compressed.finish()
        return KeptLayer.Chunk(name: name, sha256: hashing.finalize())
    }
}

/// Writes and hashes.
private final class HashingOutput {
    private let descriptor: CInt
    private let path: String
    private var hasher: SHA256Hasher? = SHA256Hasher()

    init(descriptor: CInt, path: String) { (self.descriptor, self.path) = (descriptor, path) }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        hasher?.update(bytes)
        do { try OpenFile.write(bytes, to: descriptor) } catch {
            throw SystemError("cannot write \(path)", error.rawValue)
        }
    }

    /// Once.
    func finalize() -> Digest {
        guard let hasher = hasher.take() else { return .of([UInt8]()) }
        return hasher.finalize()
    }
}

import ContentHash
import Glibc
import Host
import RuntimeSpec
import Synchronization

/// What a store holds, and what of it may go.
extension Store {
    /// An object, by what its folder says of it.
    public struct Object: Sendable {
        /// Its name; that its bytes hash to it is for `check` to say.
        public let sha256: Digest
        /// Bytes.
        public let size: Int
        /// When it was used last, or came: seconds since 1970-01-01 UTC.
        public let lastUse: Int
    }

    /// All objects, by name.
    public func objects() -> [Object] {
        let names = Folder.names(in: "\(directory)/objects").flatMap { Folder.names(in: "\(directory)/objects/\($0)") }
        return names.compactMap { name in
            var status = stat()
            guard let sha256 = Digest(hex: name), lstat(path(of: sha256), &status) == 0 else { return nil }
            return Object(
                sha256: sha256, size: Int(status.st_size), lastUse: max(status.st_atim.tv_sec, status.st_mtim.tv_sec))
        }
    }

    /// Hashes every object again, on all cores.
    /// - Parameter isOver: Asked at each object whether nobody wants it any more.
    /// - Returns: Those that have changed, by name, and what is wrong with each.
    /// - Throws: `SystemError`, `FileReadError`, `CancellationError`.
    public func check(_ objects: [Object], isOver: @escaping @Sendable () -> Bool) throws -> [(Digest, String)] {
        let wrong = Mutex<[(Digest, String)]>([])
        try concurrently(objects.count) { index in
            if isOver() { throw CancellationError() }
            let object = objects[index]
            let input = Lockfile.Input(path: object.sha256.hex, size: object.size, sha256: object.sha256)
            if case .changed(let reason) = try state(of: input, isUse: false) {
                wrong.withLock { $0.append((object.sha256, reason)) }
            }
        }
        return wrong.withLock { $0 }.sorted { $0.0.hex < $1.0.hex }
    }

    /// Removes those of some objects that have changed, and haven't been fetched anew meanwhile.
    /// - Throws: `SystemError`.
    public func removeChanged(_ objects: [Object]) throws {
        let gate = try StoreUse.gate(of: self, LOCK_EX)
        defer { close(gate) }
        for object in objects {
            let input = Lockfile.Input(path: object.sha256.hex, size: object.size, sha256: object.sha256)
            guard case .changed = try state(of: input, isUse: false) else { continue }
            guard remove(object.sha256) else { throw SystemError("cannot remove \(path(of: object.sha256))", errno) }
        }
    }

    /// Which objects go.
    public struct CollectionRule: Sendable {
        /// Those that stay, whatever the rest says: what locks name.
        public var kept: Set<Digest>
        /// Those that were used since stay: seconds since 1970-01-01 UTC.
        public var usedSince: Int?
        /// Bytes of all objects: those that were used longest ago go until there are no more.
        public var largestSize: Int?

        /// Where neither time nor size is said, all go that aren't kept.
        public init(kept: Set<Digest> = [], usedSince: Int? = nil, largestSize: Int? = nil) {
            (self.kept, self.usedSince, self.largestSize) = (kept, usedSince, largestSize)
        }
    }

    /// What a collection did, or would do.
    public struct Collected: Sendable {
        /// Those that went.
        public var removed: [Object] = []
        /// Those that stayed.
        public var left: [Object] = []
        /// How many stayed because a running program uses them.
        public var inUse = 0
    }

    /// Removes objects that a rule lets go, and never one that a running program uses.
    /// - Parameter isDry: Whether nothing is removed.
    /// - Throws: `StoreError.inUse` where a running program may use anything; `SystemError`.
    public func collect(_ rule: CollectionRule, isDry: Bool) throws -> Collected {
        let gate = try StoreUse.gate(of: self, LOCK_EX)
        defer { close(gate) }
        let used = try StoreUse.objects(of: self)
        var (result, size) = (Collected(), 0)
        let objects = objects().sorted { ($0.lastUse, $0.sha256.hex) < ($1.lastUse, $1.sha256.hex) }
        size = objects.reduce(0) { $0 + $1.size }
        for object in objects {
            let isOld = rule.usedSince.map { object.lastUse < $0 } ?? false
            let isTooMuch = rule.largestSize.map { size > $0 } ?? false
            let mayGo = rule.usedSince == nil && rule.largestSize == nil || isOld || isTooMuch
            if !mayGo || rule.kept.contains(object.sha256) || used.contains(object.sha256) {
                if mayGo, used.contains(object.sha256) { result.inUse += 1 }
                result.left.append(object)
                continue
            }
            guard isDry || remove(object.sha256) else {
                throw SystemError("cannot remove \(path(of: object.sha256))", errno)
            }
            result.removed.append(object)
            size -= object.size
        }
        if !isDry { removeLeftovers() }
        return result
    }

    /// What a killed program left where a file system has no unnamed files (`AtomicFile`).
    private func removeLeftovers() {
        let folders = Folder.names(in: "\(directory)/objects").map { "\(directory)/objects/\($0)" }
        for folder in ["\(directory)/objects"] + folders {
            for name in Folder.names(in: folder) where name.hasPrefix(".rtverify-") {
                var status = stat()
                let path = "\(folder)/\(name)"
                if lstat(path, &status) == 0, status.st_mtim.tv_sec < time(nil) - 86_400 { unlink(path) }
            }
        }
        // Those that are empty now.
        for folder in folders { rmdir(folder) }
    }

    /// All that a lock names (`Lockfile.allInputs`).
    /// - Throws: `StoreError.treeMissing` where the store lacks the list of a folder.
    public func allInputs(of lock: Lockfile) throws -> [Lockfile.Input] {
        lock.allInputs(with: try lists(of: lock.contents.trees).flatMap(\.list.inputs))
    }
}

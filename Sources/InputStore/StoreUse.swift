import ContentHash
import Glibc
import Host

/// Says that a program uses objects of a store, so that none of them is collected meanwhile.
///
///     uses/PID-NUMBER   locked (flock(2)) by the program, so that it ends with it; the objects and "end", or "all"
///     uses/lock         held shared while a use begins, alone while objects are collected
///
/// A use that begins waits for a collection that is under way, and then finds what it left.
public final class StoreUse: Sendable {
    private let path: String
    private let descriptor: CInt

    private static let everything = "all"
    /// The last line of a list, so that half of one is none.
    private static let end = "end"

    /// Says that any object may be used.
    /// - Throws: `SystemError`.
    public init(of store: Store) throws {
        let folder = Self.folder(of: store)
        try Folder.create(folder)
        let gate = try Self.gate(of: store, LOCK_SH)
        defer { close(gate) }
        // Those of killed programs go, where nobody else begins just now: a mark that isn't locked yet looks like one of theirs.
        if flock(gate, LOCK_EX | LOCK_NB) == 0 {
            Self.removeEnded(of: store)
        } else {
            // What couldn't be had has cost what was had (flock(2)).
            try Self.lock(gate, LOCK_SH, Self.gatePath(of: store))
        }
        path = "\(folder)/\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw SystemError("cannot create \(path)", errno)
        }
        try write(Self.everything)
    }

    /// The same, where this user can write in the store.
    public static func begin(in store: Store) throws -> StoreUse? {
        do { return try StoreUse(of: store) } catch let error as SystemError
            where [EACCES, EROFS, EPERM].contains(error.code)
        {
            return nil
        }
    }

    deinit {
        unlink(path)
        close(descriptor)
    }

    /// Says that no others are used any more than these.
    /// - Throws: `SystemError`.
    public func narrow(to objects: [Digest]) throws {
        // Whoever reads it in between finds no word, and takes that for all.
        guard ftruncate(descriptor, 0) == 0 else { throw SystemError("cannot write \(path)", errno) }
        try write((objects.map(\.hex) + [Self.end]).joined(separator: "\n"))
    }

    private func write(_ text: String) throws {
        do { try OpenFile.write(Array("\(text)\n".utf8), to: descriptor, at: 0) } catch {
            throw SystemError("cannot write \(path)", error.rawValue)
        }
    }

    private static func folder(of store: Store) -> String { "\(store.directory)/uses" }

    /// The file that lets one collect while nobody begins.
    static func gate(of store: Store, _ how: CInt) throws -> CInt {
        try Folder.create(folder(of: store))
        let path = gatePath(of: store)
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemError("cannot open \(path)", errno) }
        do { try lock(descriptor, how, path) } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func gatePath(of store: Store) -> String { "\(folder(of: store))/lock" }

    private static func lock(_ descriptor: CInt, _ how: CInt, _ path: String) throws {
        while flock(descriptor, how) != 0 {
            guard errno == EINTR else { throw SystemError("cannot lock \(path)", errno) }
        }
    }

    /// Forgets the programs that ended without a word. The caller holds the gate alone.
    private static func removeEnded(of store: Store) {
        for name in Folder.names(in: folder(of: store)) where name != "lock" {
            let path = "\(folder(of: store))/\(name)"
            let descriptor = RegularFile.open(path)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_SH | LOCK_NB) == 0 { unlink(path) }
            close(descriptor)
        }
    }

    /// What is used now. The caller holds the gate alone.
    /// - Throws: `StoreError.inUse` where somebody may use anything.
    static func objects(of store: Store) throws -> Set<Digest> {
        removeEnded(of: store)
        var used: Set<Digest> = []
        for name in Folder.names(in: folder(of: store)) where name != "lock" {
            let path = "\(folder(of: store))/\(name)"
            // One that ends just now is no use any more.
            guard let text = try? SmallFile.text(path) else { continue }
            let lines = text.split(separator: "\n")
            let digests = lines.dropLast().compactMap { Digest(hex: $0) }
            guard lines.last.map({ $0 == end }) == true, digests.count == lines.count - 1 else {
                throw StoreError.inUse(store: store.directory, process: name.prefix { $0 != "-" }.description)
            }
            used.formUnion(digests)
        }
        return used
    }
}

import ContentHash
import Glibc
import Host
import RuntimeSpec

/// Takes the inputs of a lock out of its bundle into a store: every block is compared with its CID and every object with its SHA-256, and
/// nothing is taken that the lock doesn't name.
public struct BundleImport: Sendable {
    private let bundle: Bundle
    /// The lock's text.
    public let lockText: String
    /// What that says.
    public let lock: Lockfile

    /// Opens a CAR.
    /// - Throws: `BundleError`, `SpecError`, `FileReadError`.
    public init(path: String) throws { try self.init(try Bundle(path: path)) }

    /// The CAR that a stream held, or that was downloaded.
    /// - Parameter name: What errors call it.
    /// - Throws: `BundleError`, `SpecError`, `FileReadError`.
    public init(_ file: AtomicFile, name: String) throws {
        try self.init(try Bundle(try InputFile(copying: file.descriptor, name: name)))
    }

    private init(_ bundle: Bundle) throws {
        self.bundle = bundle
        lockText = try bundle.lockText()
        lock = try Lockfile(text: lockText, file: "\(bundle.path):\(Bundle.lockName)")
    }

    /// The CID of the folder.
    public var root: CID { bundle.root }

    /// Takes what is in it.
    /// - Parameter isOver: Asked at each mebibyte whether nobody wants it any more.
    /// - Returns: The objects that the store has of it.
    /// - Throws: `BundleError`, `StoreError`, `SystemError`, `FileReadError`, `CancellationError`.
    public func take(into store: Store, isOver: () -> Bool) throws -> [Lockfile.Input] {
        let (inputs, places) = try checked(isOver) { size in
            let free = Folder.freeSpace(at: store.directory)
            guard size <= free else { throw BundleError.tooLarge(bundle.path, size: size, free: free) }
        }
        try extract(inputs.map { ($0, places[Store.place(of: $0.sha256)]) }, into: store, isOver)
        return inputs
    }

    /// Looks at all of it and takes nothing: whether it is whole, and every block and object right.
    /// - Parameter isOver: Asked at each mebibyte whether nobody wants it any more.
    /// - Throws: As `take(into:isOver:)`.
    public func verify(isOver: () -> Bool) throws {
        let (inputs, places) = try checked(isOver) { _ in }
        try extract(inputs.map { ($0, places[Store.place(of: $0.sha256)]) }, into: nil, isOver)
    }

    /// - Parameter check: Is told the objects' bytes before any is read.
    private func checked(
        _ isOver: () -> Bool, _ check: (Int) throws -> Void
    ) throws -> (inputs: [Lockfile.Input], places: [String: CID]) {
        let reader = bundle.reader
        var (used, places) = (Set<Digest>(), [String: CID]())
        do {
            for file in try reader.files(used: { used.insert($0.digest) }, isOver: isOver) {
                places[file.path] = file.cid
            }
        } catch let error as CARError { throw BundleError(error, in: bundle.path) }
        let inputs = lock.allInputs(with: try treeInputs(places))
        try check(inputs.reduce(0) { $0 + $1.size })
        try self.check(places, hold: inputs, used: &used, isOver)
        return (inputs, places)
    }

    /// The files of the lock's folders, by the lists that are objects too.
    private func treeInputs(_ places: [String: CID]) throws -> [Lockfile.Input] {
        try lock.contents.trees.flatMap { tree in
            let (place, name) = (Store.place(of: tree.list.sha256), "the list of \(tree.list.path)/")
            guard let cid = places[place] else { throw BundleError.missing(bundle.path, place: place, name: name) }
            let bytes: [UInt8]
            do { bytes = try bundle.bytes(of: cid) } catch let error as CARError {
                throw BundleError(error, in: bundle.path, place: place, name: name)
            }
            guard Digest.of(bytes) == tree.list.sha256 else {
                throw BundleError.wrong(bundle.path, place: place, name: name, reason: "it has other bytes")
            }
            return try TreeList(text: String(decoding: bytes, as: UTF8.self), name: name).inputs
        }
    }

    /// Nothing is missing, nothing too much, and nothing there twice.
    private func check(
        _ places: [String: CID], hold inputs: [Lockfile.Input], used: inout Set<Digest>, _ isOver: () -> Bool
    ) throws {
        let reader = bundle.reader
        var names: [String: String] = [Bundle.lockName: "the lock"]
        for input in inputs { names[Store.place(of: input.sha256)] = input.path }
        var holders: [Digest: String] = [:]
        for input in inputs {
            if isOver() { throw CancellationError() }
            let place = Store.place(of: input.sha256)
            guard let cid = places[place] else {
                throw BundleError.missing(bundle.path, place: place, name: input.path)
            }
            do {
                for leaf in try reader.leaves(of: cid, size: input.size, used: { used.insert($0.digest) }) {
                    holders[leaf.digest] = place
                }
            } catch let error as CARError {
                throw BundleError(error, in: bundle.path, place: place, name: input.path)
            }
        }
        try checkKeys(places, besides: names, used: &used)
        if let lock = places[Bundle.lockName] {
            _ = try? reader.leaves(of: lock, size: lockText.utf8.count, used: { used.insert($0.digest) })
        }
        if let twice = reader.repeated {
            let place = holders[twice.digest] ?? "a block of a folder, key or lock"
            throw BundleError.wrong(
                bundle.path, place: place, name: names[place], reason: "its block \(twice) is there twice")
        }
        if let stranger = reader.block(besides: used) {
            throw BundleError.stranger(bundle.path, place: "a block of SHA-256 \(stranger)")
        }
    }

    /// Keys are those that the lock lets sign, and their blocks are their CIDs'; what isn't named by anything is a stranger's.
    private func checkKeys(_ places: [String: CID], besides names: [String: String], used: inout Set<Digest>) throws {
        let keys = Set(lock.archives.flatMap(\.keys).map { "\(Bundle.keyFolder)/\($0).pgp" })
        for (place, cid) in places.sorted(by: { $0.key < $1.key }) where names[place] == nil {
            guard keys.contains(place) else { throw BundleError.stranger(bundle.path, place: place) }
            do { _ = try bundle.reader.block(cid) } catch let error as CARError {
                throw BundleError(error, in: bundle.path, place: place)
            }
            used.insert(cid.digest)
        }
    }

    /// - Parameter store: nil for none: they are read, and compared, all the same.
    private func extract(
        _ inputs: [(input: Lockfile.Input, cid: CID?)], into store: Store?, _ isOver: () -> Bool
    ) throws {
        let wanted = inputs.compactMap { input, cid in
            cid.map { FolderCARReader.Wanted($0, size: input.size, sha256: input.sha256) }
        }
        var file: AtomicFile?
        try bundle.reader.extract(
            wanted,
            write: { number, bytes in
                guard let store else { return }
                if file == nil { file = try store.newObject(sha256: inputs[number].input.sha256) }
                try file?.write(bytes)
            },
            finish: { number in
                if let store, let whole = file { try store.keep(whole, sha256: inputs[number].input.sha256) }
                file = nil
            },
            wrong: { [bundle] number, error in
                let input = inputs[number].input
                let place = Store.place(of: input.sha256)
                return error.map { BundleError($0, in: bundle.path, place: place, name: input.path) }
                    ?? .wrong(bundle.path, place: place, name: input.path, reason: "its SHA-256 is another")
            }, isOver: isOver)
    }
}

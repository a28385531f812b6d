import ContentHash
import Glibc
import Host
import RuntimeSpec

/// Writes the bundle of a lock from a store.
public struct BundleExport: Sendable {
    private let store: Store
    private let lock: [UInt8]
    private let inputs: [Lockfile.Input]
    private let keys: [(fingerprint: String, bytes: [UInt8])]

    /// What was written.
    public struct Summary: Sendable {
        /// The CID of the folder.
        public let root: CID
        /// Inputs, each once.
        public let inputs: Int
        /// Bytes of the CAR, or of the inputs in the folder.
        public let size: Int
    }

    /// - Parameters:
    ///   - text: The lock's.
    ///   - keys: OpenPGP keys of Debian's archives, each under its primary key's fingerprint.
    /// - Throws: `BundleError.incomplete` where the store lacks inputs, `StoreError.treeMissing`.
    public init(
        _ text: String, of runtime: Lockfile, from store: Store, keys: [(fingerprint: String, bytes: [UInt8])]
    ) throws {
        (self.store, lock, self.keys) = (store, Array(text.utf8), keys)
        if let script = runtime.contents.initScript, script.bytes == nil { throw StoreError.unknownInit }
        inputs = try store.allInputs(of: runtime)
        let missing = inputs.filter { access(store.path(of: $0.sha256), R_OK) != 0 }
        guard missing.isEmpty else {
            throw BundleError.incomplete(missing.map(\.path), store: store.directory)
        }
    }

    private var files: [FolderCARWriter.File] {
        [.init(Bundle.lockName, bytes: lock)]
            + keys.map { .init("\(Bundle.keyFolder)/\($0.fingerprint).pgp", bytes: $0.bytes) }
            + inputs.map {
                .init(
                    Store.place(of: $0.sha256), size: $0.size, sha256: $0.sha256,
                    source: .file(store.path(of: $0.sha256)))
            }
    }

    /// Writes the CAR, hashing what it reads.
    /// - Parameter isOver: Asked at each mebibyte whether nobody wants it any more.
    /// - Throws: `StoreError.changedObject`, `FileReadError`, `FileWriteError`, `CancellationError`.
    public func writeCAR(to descriptor: CInt, name: String, isOver: () -> Bool) throws -> Summary {
        do {
            let written = try FolderCARWriter(files).write(to: descriptor, name: name, isOver: isOver)
            return Summary(root: written.root, inputs: inputs.count, size: written.size)
        } catch let error as FolderCARWriter.Changed {
            let input = inputs.first { Store.place(of: $0.sha256) == error.file.path }
            throw StoreError.changedObject(
                path: input.map { store.path(of: $0.sha256) } ?? error.file.path, name: input?.path ?? error.file.path)
        }
    }

    /// Lays the folder out on disk, where there is nothing yet.
    /// - Throws: `StoreError.changedObject`, `SystemError`, `FileWriteError`, `CancellationError`.
    public func writeFolder(to path: String, isOver: () -> Bool) throws -> Summary {
        var status = stat()
        guard lstat(path, &status) != 0 else { throw SystemError("cannot create the folder \(path)", EEXIST) }
        // Whole or not at all: what is there under its name is a bundle.
        let rough = "\(Paths.absolute(path)).part-\(getpid())"
        do {
            for file in files {
                if isOver() { throw CancellationError() }
                let target = "\(rough)/\(file.path)"
                try Folder.create(Paths.parent(of: target))
                switch file.source {
                case .bytes(let bytes): try AtomicFile.write(bytes, to: target)
                case .file(let source):
                    guard try HashedFile.copy(source, to: target, name: file.path) == file.sha256 else {
                        throw StoreError.changedObject(path: source, name: file.path)
                    }
                }
            }
            // What the folder is called as a CAR, whose bytes nobody needs.
            let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
            defer { close(nowhere) }
            let root = try writeCAR(to: nowhere, name: path, isOver: isOver).root
            guard rename(rough, path) == 0 else { throw SystemError("cannot create the folder \(path)", errno) }
            return Summary(root: root, inputs: inputs.count, size: files.reduce(0) { $0 + $1.size })
        } catch {
            Folder.remove(rough)
            throw error
        }
    }
}

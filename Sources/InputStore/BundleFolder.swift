import Glibc
import Host
import RuntimeSpec

/// A bundle that lies on disk as a folder.
public struct BundleFolder: Sendable {
    private let path: String
    /// The lock's text.
    public let lockText: String
    /// What that says.
    public let lock: Lockfile

    /// - Throws: `BundleError.malformed` where it has no lock, `SpecError`, `SystemError`.
    public init(path: String) throws {
        self.path = path
        let file = "\(path)/\(Bundle.lockName)"
        guard access(file, F_OK) == 0 else {
            throw BundleError.malformed(path, reason: "it has no \(Bundle.lockName)")
        }
        lockText = try SmallFile.text(file)
        lock = try Lockfile(text: lockText, file: file)
    }

    /// Takes what is in it.
    /// - Parameter isOver: Asked at each object whether nobody wants it any more.
    /// - Returns: The objects that the store has of it.
    /// - Throws: `BundleError`, `StoreError`, `SystemError`, `CancellationError`.
    public func take(into store: Store, isOver: () -> Bool) throws -> [Lockfile.Input] {
        for tree in lock.contents.trees { try take(tree.list, into: store) }
        let inputs = try store.allInputs(of: lock)
        let places = Set(inputs.map { Store.place(of: $0.sha256) })
        let folder = "\(path)/\(Bundle.objectFolder)"
        for part in Folder.names(in: folder) {
            for name in Folder.names(in: "\(folder)/\(part)") {
                let place = "\(Bundle.objectFolder)/\(part)/\(name)"
                guard places.contains(place) else { throw BundleError.stranger(path, place: place) }
            }
        }
        for input in inputs {
            if isOver() { throw CancellationError() }
            try take(input, into: store)
        }
        return inputs
    }

    private func take(_ input: Lockfile.Input, into store: Store) throws {
        let place = Store.place(of: input.sha256)
        guard let found = try store.adopt("\(path)/\(place)", as: input) else {
            throw BundleError.missing(path, place: place, name: input.path)
        }
        guard found == input.sha256 else {
            throw BundleError.wrong(path, place: place, name: input.path, reason: "its SHA-256 is \(found)")
        }
    }
}

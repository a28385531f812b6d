import Host
import RuntimeSpec

/// Where a manifest may lie whose lock this is, wherever the lock lies relative to it: a repository's runtimes/NAME, or the same
/// folder.
public struct ManifestFolders: Sendable {
    /// In the order in which they are tried.
    public let paths: [String]

    /// - Parameters:
    ///   - lock: The lock's path.
    ///   - name: The runtime's.
    public init(lock: String, name: String) {
        let folder = Paths.parent(of: lock)
        paths = ["\(folder)/../runtimes/\(name)", folder, "runtimes/\(name)"]
    }
}

extension Store {
    /// A file of the user's own, in the store from now on where it lies beside the manifest with the locked bytes.
    /// - Throws: `StoreError.fileMissing` where it is neither there nor in the store.
    public func adopt(_ input: Lockfile.Input, from folders: ManifestFolders) throws {
        guard try takes(input, from: folders) else {
            throw StoreError.fileMissing(input, tried: folders.paths.map { "\($0)/\(input.path)" })
        }
    }

    /// The same.
    /// - Returns: Whether the store has it now.
    public func takes(_ input: Lockfile.Input, from folders: ManifestFolders) throws -> Bool {
        if case .present = try state(of: input) { return true }
        return try folders.paths.contains { try adopt("\($0)/\(input.path)", as: input) == input.sha256 }
    }
}

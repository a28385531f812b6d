import RuntimeSpec

/// Why the store can't give an input.
public enum StoreError: Error, CustomStringConvertible {
    /// An object whose bytes are not those of its name.
    case changedObject(path: String, name: String)
    /// A lock's input whose bytes are right and whose size is another.
    case untrueSize(Lockfile.Input, found: Int)
    /// A file of the user's own isn't where it was.
    case fileMissing(Lockfile.Input, tried: [String])
    /// A folder of the user's own isn't where it was, or not what it was.
    case treeMissing(Lockfile.Input, tried: [String])
    /// Something in a folder of the user's own that no image can have.
    case unfit(path: String, reason: String)
    /// A running program may use any object.
    case inUse(store: String, process: String)
    /// No rtverify up to this one had the init that the lock wants.
    case unknownInit

    /// For people, with what to do.
    public var description: String {
        switch self {
        case .changedObject(let path, let name):
            "\(path) (\(name)) changed on disk while it was used: its bytes no longer have that SHA-256; "
                + "run the build again, which fetches it anew"
        case .untrueSize(let input, let found):
            "the lock says that \(input.path) has \(input.size) bytes; the bytes of its sha256 are \(found): "
                + "the lock was changed, lock the manifest anew"
        case .fileMissing(let input, let tried):
            "the lock's file '\(input.path)' (sha256 \(input.sha256)) is "
                + (tried.isEmpty
                    ? "not in the store"
                    : "neither in the store nor with those bytes at \(tried.joined(separator: " or "))")
        case .treeMissing(let list, let tried):
            "the lock's folder '\(list.path)/' (its list's sha256 \(list.sha256)) is not in the store"
                + (tried.isEmpty ? "" : ", and as it was locked not at \(tried.joined(separator: " or "))")
        case .unfit(let path, let reason): "\(path): \(reason); leave it out ('exclude'), or give it another form"
        case .inUse(let store, let process):
            "the store \(store) is in use by process \(process), which may want any object: collect when it is done"
        case .unknownInit: "this rtverify doesn't have the lock's init; use the rtverify release that wrote the lock"
        }
    }
}

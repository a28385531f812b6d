/// Why a tree can't be packed.
public enum PackingError: Error, CustomStringConvertible {
    /// An entry that squashfs can't carry.
    case cannotCarry(path: String, what: String, owner: String)

    /// For people.
    public var description: String {
        switch self {
        case .cannotCarry(let path, let what, let owner):
            "\(path) (\(owner)) \(what), which a squashfs image can't carry; remove it in a [[step]] or prune it"
        }
    }
}

import Host

/// Why a tree can't be packed.
public enum PackingError: Error, CustomStringConvertible {
    /// A file of more bytes than one is meant to have.
    case tooLarge(path: String, size: Int, owner: String)
    /// An entry that squashfs can't carry.
    case cannotCarry(path: String, what: String, owner: String)

    /// For people.
    public var description: String {
        switch self {
        case .tooLarge(let path, let size, let owner):
            "\(path) (\(owner)) has \(readableByteCount(size)), holes included: more than [image] largest-file, which is 64GiB "
                + "unless the manifest says otherwise; empty it in a [[step]] (truncate -s 0), or raise the limit"
        case .cannotCarry(let path, let what, let owner):
            "\(path) (\(owner)) \(what), which a squashfs image can't carry; remove it in a [[step]] (rm -r), or prune what it "
                + "is in"
        }
    }
}

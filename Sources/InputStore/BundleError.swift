import ContentHash
import Host

/// Why a bundle of a lock and its inputs isn't one, or can't be made.
public enum BundleError: Error, CustomStringConvertible {
    /// It is no bundle at all.
    case malformed(String, reason: String)
    /// An object, the lock or a key that isn't what it must be, by its place in the bundle and its name in the lock.
    case wrong(String, place: String, name: String?, reason: String)
    /// An input of the lock that it doesn't have.
    case missing(String, place: String, name: String)
    /// Something that its lock doesn't name.
    case stranger(String, place: String)
    /// A CAR, or something in it, of a kind that isn't read here.
    case unsupported(String, reason: String)
    /// More than the disk has room for.
    case tooLarge(String, size: Int, free: Int)
    /// Inputs that the store doesn't have, each by its name in the lock.
    case incomplete([String], store: String)

    /// Whether it was decided that it isn't what it says, rather than left open.
    public var isDecided: Bool {
        switch self {
        case .incomplete, .unsupported, .tooLarge: false
        case .malformed, .wrong, .missing, .stranger: true
        }
    }

    /// What a CAR's error means for a bundle, or for an object in it.
    init(_ error: CARError, in bundle: String, place: String? = nil, name: String? = nil) {
        if !error.isDecided {
            self = .unsupported(bundle, reason: "\(place.map { "\($0): " } ?? "")\(error)")
        } else if let place {
            self = .wrong(bundle, place: place, name: name, reason: "\(error)")
        } else {
            self = .malformed(bundle, reason: "\(error)")
        }
    }

    /// For people.
    public var description: String {
        switch self {
        case .malformed(let bundle, let reason): return "\(bundle) is no bundle: \(reason)"
        case .wrong(let bundle, let place, let name, let reason):
            return "\(bundle): \(place)\(name.map { " (\($0))" } ?? "") is wrong: \(reason)"
        case .missing(let bundle, let place, let name):
            return "\(bundle) lacks \(place) (\(name)), which its lock names"
        case .stranger(let bundle, let place): return "\(bundle) has \(place), which its lock doesn't name"
        case .unsupported(let bundle, let reason): return "\(bundle) is of a kind that isn't read here: \(reason)"
        case .tooLarge(let bundle, let size, let free):
            return
                "\(bundle): its inputs have \(readableByteCount(size)), and the store's disk has room for \(readableByteCount(free))"
        case .incomplete(let names, let store):
            return "the store \(store) lacks \(names.count) inputs of the lock:\n"
                + names.prefix(10).map { "  \($0)\n" }.joined()
                + (names.count > 10 ? "  and \(names.count - 10) more\n" : "")
                + "Export without --offline, or where the lock was made or built."
        }
    }
}

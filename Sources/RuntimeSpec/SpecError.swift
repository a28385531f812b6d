/// What is wrong with a manifest or a lockfile, and where.
public enum SpecError: Error, Equatable, CustomStringConvertible {
    /// The text is not TOML: `line` counts from 1.
    case notTOML(file: String, line: Int, reason: String)
    /// A key that no reader of this format knows.
    case unknownKey(file: String, key: String, nearest: String?)
    /// A key that must be there and isn't.
    case missingKey(file: String, key: String)
    /// The same in a lock, which nobody writes by hand.
    case lockKeyMissing(file: String, key: String)
    /// A value of the wrong type or outside its range.
    case badValue(file: String, key: String, found: String, expected: String)
    /// The lock's format or recipe is not one this program knows; `needs` is the oldest release that builds it, where it says.
    case unsupported(file: String, what: String, found: Int, newest: Int, needs: String?)
    /// Parts that contradict each other.
    case inconsistent(file: String, reason: String)
    /// The file can't be read at all.
    case unreadable(file: String, reason: String)

    /// For people.
    public var description: String {
        switch self {
        case .notTOML(let file, let line, let reason):
            "\(file):\(line): not valid TOML: \(reason)"
        case .unknownKey(let file, let key, let nearest):
            "\(file): unknown key '\(key)'" + (nearest.map { "; did you mean '\($0)'?" } ?? "")
        case .missingKey(let file, let key):
            "\(file): '\(key)' is missing"
        case .lockKeyMissing(let file, let key): "\(file): '\(key)' is missing (was the file cut short?)"
        case .badValue(let file, let key, let found, let expected):
            "\(file): '\(key)' is \(found); expected \(expected)"
        case .unsupported(let file, let what, let found, let newest, let needs):
            "\(file): \(what) \(found) is not known to this rtverify (\(Release.current)), which knows 1 to \(newest); "
                + (needs.map { "the lock needs rtverify \($0) or newer" }
                    ?? "use the rtverify release that wrote the lock, or a newer one")
        case .inconsistent(let file, let reason):
            "\(file): inconsistent in itself: \(reason)"
        case .unreadable(let file, let reason):
            "cannot read \(file): \(reason)"
        }
    }
}

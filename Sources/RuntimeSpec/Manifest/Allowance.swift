/// A finding of `rtverify audit` that is meant, and why.
public struct Allowance: Equatable, Codable, Sendable {
    /// An absolute path, or a pattern of fnmatch(3) in which `*` matches slashes too.
    public var path: String
    /// The finding's name; `*` for any.
    public var finding: String
    /// For the next reader.
    public var reason: String

    /// - Parameter finding: The finding's name; `*` for any.
    public init(path: String, finding: String, reason: String) {
        (self.path, self.finding, self.reason) = (path, finding, reason)
    }

    /// How a manifest and a lock spell it: `[[allow]]`.
    static let form = EntryForm<Allowance>(
        .string("path", \.path, "an absolute path or pattern", Spelling.isAbsolute),
        EntryField<Allowance, String>(
            keys: ["finding"],
            read: { $0.has("finding") ? try $0.string("finding", "a finding's name", Spelling.isFilled) : "*" },
            write: { $1.value("finding", $0.finding) }),
        .string("reason", \.reason, "a reason in words", Spelling.isFilled),
        make: Allowance.init(path:finding:reason:))
}

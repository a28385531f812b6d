/// A finding of `rtverify audit` that is meant, and why.
public struct Allowance: Equatable, Codable, Sendable {
    /// An absolute path, or a pattern of fnmatch(3) in which `*` matches slashes too.
    public var path: String
    /// The finding's name; `*` for any.
    public var finding: String
    /// For the next reader.
    public var reason: String

    public init(path: String, finding: String, reason: String) {
        (self.path, self.finding, self.reason) = (path, finding, reason)
    }

    /// Reads the `[[allow]]` entries of a manifest or a lock.
    static func all(in root: TOMLFields) throws -> [Allowance] {
        try root.tables("allow", known: ["path", "finding", "reason"]).map { entry in
            Allowance(
                path: try entry.string("path", "an absolute path or pattern") { $0.hasPrefix("/") },
                finding: entry.has("finding")
                    ? try entry.string("finding", "a finding's name") { !$0.isEmpty } : "*",
                reason: try entry.string("reason", "a reason in words") { !$0.isEmpty })
        }
    }

    static func write(_ allowances: [Allowance], to text: inout TOMLText) {
        for allowance in allowances {
            text.element("allow")
            text.value("path", allowance.path)
            text.value("finding", allowance.finding)
            text.value("reason", allowance.reason)
        }
    }
}

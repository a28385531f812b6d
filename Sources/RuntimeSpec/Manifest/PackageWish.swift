/// A package as a manifest asks for it: `NAME`, `NAME:amd64`, `NAME=VERSION`, `NAME/SUITE` (apt-get(8)).
package struct PackageWish: Equatable, Sendable {
    /// The package's.
    package let name: String
    /// The version that it must have; nil for the one that apt takes.
    package let version: String?
    /// The suite that it must come from; nil for wherever apt takes it from.
    package let suite: String?

    /// nil for what is spelt otherwise. Of architectures only that of the machines may be named.
    package init?(_ text: String) {
        var rest = text[...]
        var (version, suite): (String?, String?)
        if let split = rest.firstIndex(of: "=") {
            version = String(rest[rest.index(after: split)...])
            rest = rest[..<split]
        } else if let split = rest.firstIndex(of: "/") {
            suite = String(rest[rest.index(after: split)...])
            rest = rest[..<split]
        }
        if let split = rest.firstIndex(of: ":") {
            guard rest[split...] == ":amd64" else { return nil }
            rest = rest[..<split]
        }
        guard Spelling.isPackageName(String(rest)), version.map(Spelling.isVersion) ?? true,
            suite.map(Spelling.isSuite) ?? true
        else { return nil }
        (name, self.version, self.suite) = (String(rest), version, suite)
    }

    /// Its one spelling, which apt-get takes as well.
    package var text: String { name + (version.map { "=\($0)" } ?? "") + (suite.map { "/\($0)" } ?? "") }

    /// Whether it says more than a name.
    package var isSpecific: Bool { version != nil || suite != nil }

    /// Whether a text is one.
    static func isWish(_ text: String) -> Bool { PackageWish(text) != nil }

    /// Each in its one spelling.
    static func normalized(_ texts: [String]) -> [String] { texts.map { PackageWish($0)?.text ?? $0 } }
}

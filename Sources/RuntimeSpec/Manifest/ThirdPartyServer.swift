/// Where an archive or a repository of other people is served, and what it is called: what `[[archive]]` and `[[repository]]`
/// have alike.
struct ThirdPartyServer {
    /// http(s), without login and without a slash at its end.
    let url: String
    /// The manifest's, else what is given, else the URL's host.
    let name: String

    /// - Parameter name: What it is called where the manifest doesn't say it; nil for the URL's host.
    init(_ fields: TOMLFields, called name: String? = nil) throws {
        let written = try fields.string("url", "an http(s) URL", Spelling.isURL)
        guard Spelling.isServer(written) else {
            throw SpecError.inconsistent(
                file: fields.file,
                reason:
                    "'\(fields.name(of: "url"))' has a user, a password, a question mark or a '#'; a login belongs into apt's "
                    + "configuration (/etc/apt/auth.conf, apt_auth.conf(5)), and into no lock")
        }
        url = String(written.reversed().drop { $0 == "/" }.reversed())
        let host = written.firstRange(of: "://").map { written[$0.upperBound...].prefix { $0 != "/" } } ?? ""
        self.name =
            try fields.has("name")
            ? fields.string("name", "letters, digits and ._-", Spelling.isArchiveName)
            : name ?? host.lowercased().replacing(":", with: "-")
        guard Spelling.isArchiveName(self.name) else { throw fields.missing("name") }
    }

    /// - Parameters:
    ///   - kind: What they are, for errors: `archives`.
    ///   - own: Names that others have already.
    static func checkNames(_ names: [String], _ kind: String, beside own: [String], file: String) throws {
        guard let twice = Manifest.firstDuplicate(names + own) else { return }
        throw SpecError.inconsistent(
            file: file, reason: "two \(kind) are called '\(twice)'; give one another 'name'")
    }
}

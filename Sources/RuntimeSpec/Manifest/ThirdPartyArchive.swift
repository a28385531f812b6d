/// A package archive of other people (NodeSource, Docker, a PPA) beside Debian's: a manifest's `[[archive]]`.
public struct ThirdPartyArchive: Equatable, Sendable {
    /// Who may sign it.
    public enum Key: Equatable, Sendable {
        /// The OpenPGP keys of a file beside the manifest, armored or not, whatever it is called.
        case file(String)
        /// A primary key's fingerprint, 40 upper-case hexadecimal digits; the key is in a keyring.
        case fingerprint(String)

        /// As a manifest has it.
        var text: String {
            switch self {
            case .file(let text), .fingerprint(let text): text
            }
        }
    }

    /// What a lock, an image and `NAME/ARCHIVE` call it: the URL's host, where the manifest doesn't say it.
    public let name: String
    /// What stands above `dists/`, or above a flat repository's folder: http(s), without login and without a slash at its end.
    public let url: String
    /// As it stands below `dists/`; with a slash at its end a flat repository's folder below the URL (sources.list(5)).
    public let suite: String
    /// `main` and so on; none of a flat repository.
    public let components: [String]
    /// Who may sign it.
    public let key: Key
    /// apt's pin of all that it has (apt_preferences(5)); nil for apt's own rules.
    public let prefer: Int?
    /// What may come from it, sorted; nil for all of it.
    public let packages: [String]?

    /// Whether a suite is a flat repository's folder.
    package static func isFlat(_ suite: String) -> Bool { suite.hasSuffix("/") }

    static let keys = ["name", "url", "suite", "components", "key", "prefer", "packages"]

    init(_ fields: TOMLFields) throws {
        func inconsistent(_ reason: String) -> SpecError { .inconsistent(file: fields.file, reason: reason) }
        let server = try ThirdPartyServer(fields)
        (url, name) = (server.url, server.name)
        suite = try fields.string(
            "suite", "a suite's name, '/', or a flat repository's folder with a slash at its end", Spelling.isAnySuite)
        components = try fields.strings("components", "a component's name", Spelling.isSuite)
        guard components.isEmpty == Self.isFlat(suite) else {
            throw inconsistent(
                components.isEmpty
                    ? "\(name) has no 'components', which a suite has; a flat repository's suite ends with a slash"
                    : "\(name) is a flat repository, whose suite ends with a slash: it has no 'components'")
        }
        let key = try fields.string(
            "key", "a file's path below the manifest's folder, or a fingerprint of 40 upper-case hexadecimal digits",
            Spelling.isArchivePath)
        self.key = Spelling.isFingerprint(key) ? .fingerprint(key) : .file(key)
        prefer = try fields.optionalInteger("prefer", in: Self.priorities)
        packages = try fields.optionalStrings("packages").map { names in
            guard !names.isEmpty, names.allSatisfy(Spelling.isPackageName) else {
                throw SpecError.badValue(
                    file: fields.file, key: fields.name(of: "packages"), found: "\(names)",
                    expected: "names of Debian packages")
            }
            return Set(names).sorted()
        }
    }

    /// Below 1 apt would take nothing, above 1000 it would go back in versions.
    static let priorities = 1...1000

    /// Those of a manifest, by name.
    /// - Parameter suites: Debian's own.
    static func all(in root: TOMLFields, beside suites: [String]) throws -> [ThirdPartyArchive] {
        let archives = try root.tables("archive", known: keys).map { try ThirdPartyArchive($0) }
        try ThirdPartyServer.checkNames(archives.map(\.name), "archives", beside: suites, file: root.file)
        return archives.sorted { $0.name < $1.name }
    }

    func write(to text: inout TOMLText) {
        text.element("archive")
        text.value("name", name)
        text.value("url", url)
        text.value("suite", suite)
        text.value("components", components)
        text.value("key", key.text)
        if let prefer { text.value("prefer", prefer) }
        if let packages { text.value("packages", packages) }
    }
}

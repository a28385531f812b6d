/// An Alpine repository that is none of the release's branch (another branch's, or other people's): a manifest's `[[repository]]`.
public struct ThirdPartyRepository: Equatable, Sendable {
    /// What a lock calls it: its tag, or the URL's host, where the manifest doesn't say it.
    public let name: String
    /// What stands above `x86_64/APKINDEX.tar.gz`: http(s), without login and without a slash at its end.
    public let url: String
    /// The public key's file beside the manifest, called as its signatures name it; nil for the base's own keys.
    public let key: String?
    /// Only what is asked for as `NAME@TAG` comes from it (apk-repositories(5)); nil for whatever apk chooses.
    public let tag: String?

    static let keys = ["name", "url", "key", "tag"]

    init(_ fields: TOMLFields) throws {
        tag = fields.has("tag") ? try fields.string("tag", "letters, digits and ._-", Spelling.isArchiveName) : nil
        let server = try ThirdPartyServer(fields, called: tag)
        (url, name) = (server.url, server.name)
        key =
            fields.has("key")
            ? try fields.string("key", "the name of a key's file beside the manifest", Spelling.isName) : nil
    }

    /// Those of a manifest, by name.
    /// - Parameter names: The branch's own.
    static func all(in root: TOMLFields, beside names: [String]) throws -> [ThirdPartyRepository] {
        let found = try root.tables("repository", known: keys).map { try ThirdPartyRepository($0) }
        try ThirdPartyServer.checkNames(found.map(\.name), "repositories", beside: names, file: root.file)
        return found.sorted { $0.name < $1.name }
    }

    func write(to text: inout TOMLText) {
        text.element("repository")
        text.value("name", name)
        text.value("url", url)
        if let key { text.value("key", key) }
        if let tag { text.value("tag", tag) }
    }
}

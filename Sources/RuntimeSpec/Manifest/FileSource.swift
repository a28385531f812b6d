import ContentHash

/// Where a manifest takes a file from: beside itself, or the web, where its bytes must be known.
public enum FileSource: Equatable, Sendable {
    /// A path relative to the manifest's folder.
    case beside(String)
    /// An http(s) URL and the SHA-256 of what it serves.
    case web(url: String, sha256: Digest)

    /// How a lock writes it.
    public var path: String {
        switch self {
        case .beside(let path): path
        case .web(let url, _): url
        }
    }

    /// Reads `KEY = "path"` or `KEY = { url = "...", sha256 = "..." }`.
    init(_ fields: TOMLFields, _ key: String) throws {
        if fields.isTable(key) {
            let web = try fields.table(key, known: ["url", "sha256"])
            self = .web(
                url: try web.string("url", "an http(s) URL", Spelling.isURL),
                sha256: try web.digest("sha256"))
        } else {
            self = .beside(
                try fields.string(
                    key, "a relative path below the manifest's folder, or { url, sha256 }", Spelling.isArchivePath))
        }
    }

    func write(_ key: String, to text: inout TOMLText) {
        text.value(key, path)
        if case .web(_, let sha256) = self { text.value("\(key)-sha256", sha256) }
    }
}

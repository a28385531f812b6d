import ContentHash

/// An Alpine base: a release's minirootfs, and packages of its repositories.
public struct AlpineBase: Equatable, Sendable {
    /// `3.20`, or one point release of it: `3.20.3`.
    public var release: String
    /// SHA-256 of the minirootfs, where the manifest pins it.
    public var minirootfs: Digest?
    /// Repositories of the release's branch, `main`.
    public var repositories: [String]
    /// Public keys beside the manifest that may sign an index; the minirootfs's own when empty.
    public var keys: [String]
    /// Repositories that are none of the branch.
    public var others: [ThirdPartyRepository] = []

    /// The folder of a release's branch on a mirror: `v3.20`, `edge`.
    public var branch: String { Self.branch(of: release) }

    static func branch(of release: String) -> String {
        let parts = release.split(separator: ".")
        return parts.count < 2 ? release : "v\(parts[0]).\(parts[1])"
    }

    /// A release with its main repository.
    /// - Throws: `SpecError` when it isn't spelled as one.
    public init(release: String) throws {
        guard Spelling.isAlpineRelease(release) else {
            throw SpecError.badValue(
                file: "the image", key: "/etc/alpine-release", found: "'\(release)'",
                expected: "a release like '3.20.3'")
        }
        (self.release, minirootfs, repositories, keys) = (release, nil, ["main"], [])
    }

    static let keys = ["release", "sha256", "repositories", "keys"]

    init(_ fields: TOMLFields, in root: TOMLFields) throws {
        release = try fields.string("release", "a release like '3.20' or '3.20.3'", Spelling.isAlpineRelease)
        minirootfs =
            fields.has("sha256") ? try fields.digest("sha256") : nil
        let named = try fields.strings("repositories", "a repository's name", Spelling.isName)
        repositories = named.isEmpty ? ["main"] : named
        keys = try fields.strings(
            "keys", "the name of a key's file beside the manifest", Spelling.isName)
        others = try ThirdPartyRepository.all(in: root, beside: repositories)
    }

    func write(to text: inout TOMLText) {
        text.table("base")
        text.value("release", release)
        if let minirootfs { text.value("sha256", minirootfs) }
        text.value("repositories", repositories)
        text.value("keys", keys)
        for other in others { other.write(to: &text) }
    }
}

import RuntimeSpec

/// An input that nobody served, with what each source said.
public struct MissingInput: Sendable {
    /// What its bytes must be.
    public let input: Lockfile.Input
    let origin: RemoteInput.Origin
    /// What each source said, each once.
    public let reasons: [String]
    /// Whether somebody answered and didn't have it; else nobody could be asked.
    public let isGone: Bool

    init(_ wanted: RemoteInput, _ failures: [SourceFailure]) {
        (input, origin) = (wanted.input, wanted.origin)
        var seen: Set<String> = []
        let lines = failures.map(\.description).filter { seen.insert($0).inserted }
        reasons = lines.isEmpty ? [Fetcher.unknown] : lines
        isGone = failures.contains(where: \.isOfFile)
    }

    /// Whose it is, which decides who may still have it.
    private enum Owner: Hashable {
        case debian
        case alpine
        case archive(String)
        case web
        case own

        /// Who has such a thing when its server doesn't, and what to do.
        var advice: String {
            switch self {
            case .debian:
                "Debian's mirrors drop a version when there is a newer one; the snapshot archive has all of them (it is asked "
                    + "after them, or another with --snapshot URL)"
            case .alpine:
                "Alpine's mirrors keep the newest version of a package alone, and no archive has the others: a bundle, or a mirror that "
                    + "somebody kept (--mirror)"
            case .archive(let name):
                "\(name) is the only server that had it: ask whoever keeps a copy (--mirror), or its owner"
            case .web: "the URL is the only place that the lock knows: a bundle, or another URL in the manifest"
            case .own:
                "no index has it any more that this host's pip knows: a bundle, or an index that keeps it (pip's configuration)"
            }
        }

        var name: String {
            switch self {
            case .debian: "Debian's"
            case .alpine: "Alpine's"
            case .archive(let name): "\(name)'s"
            case .web: "the web's"
            case .own: "wheels"
            }
        }
    }

    private var owner: Owner {
        switch origin {
        case .debian(let archive): archive.thirdParty.map { .archive("\(archive.ownName) (\($0.url))") } ?? .debian
        case .alpine: .alpine
        case .web:
            input.path.hasSuffix(".apk") || input.path.hasSuffix("APKINDEX.tar.gz") ? .archive("its repository") : .web
        case .objects: .own
        }
    }

    /// What to do where the whole of it can't be fetched.
    static let remedy =
        "Whoever has built or made this lock has them: `rtverify store export --lock LOCK -o BUNDLE.car` there, and "
        + "`--mirror BUNDLE.car` here. Or lock the manifest anew, which gives another image: `rtverify lock update MANIFEST`."

    /// For people: how many are gone and which, that the lock is as it was, and what to do for each kind.
    static func report(_ inputs: [MissingInput], total: Int) -> String {
        let gone = inputs.count(where: \.isGone)
        var lines = ["\(inputs.count) of \(total) inputs could not be fetched:"]
        for input in inputs.prefix(5) { lines += ["  \(input.input.path)"] + input.reasons.map { "    \($0)" } }
        if inputs.count > 5 { lines.append("  and \(inputs.count - 5) more") }
        lines.append(
            (gone == 0
                ? "Nobody who may have them could be asked: is the network in reach (--mirror, proxies)?"
                : gone == inputs.count
                    ? "No source that could be asked has \(gone == 1 ? "it" : "them") any more."
                    : "\(gone) of them no source that could be asked has any more; for the others nobody could be asked.")
                + " The lock is intact: it says by SHA-256 what they are.")
        var seen: Set<Owner> = []
        for owner in inputs.map(\.owner) where seen.insert(owner).inserted {
            lines.append("  \(owner.name) (\(inputs.count { $0.owner == owner })): \(owner.advice).")
        }
        return (lines + [remedy]).joined(separator: "\n")
    }
}

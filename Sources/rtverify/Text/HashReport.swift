import ContentHash

/// What `rtverify hash` prints.
enum HashReport {
    /// A file's names, as JSON has them.
    struct HashAnswer: Encodable {
        var path: String
        var size: Int
        var sha256: String
        var cids: [String: String]

        init(path: String, identity: FileIdentity) {
            (self.path, size, sha256) = (path, identity.size, identity.sha256.hex)
            cids = Dictionary(uniqueKeysWithValues: identity.cids.map { ($0.profile.name, $0.cid.description) })
        }
    }

    static func print(_ identity: FileIdentity, path: String) {
        printLine("\(path)\n  size    \(identity.size)\n  sha256  \(identity.sha256)")
        for (profile, cid) in identity.cids.map({ ($0.profile, $0.cid) }) {
            printLine("  cid     \(cid)" + (identity.cids.count > 1 ? "  \(profile.name)" : ""))
        }
    }

    /// A line of `--check`.
    struct Verdict: Encodable {
        enum Outcome: String, Encodable { case ok, different, undecided, unreadable }

        var path: String
        var name: String
        var verdict: Outcome
        /// The profile that gives a CID.
        var profile: String?
        /// The profiles that don't, where none does.
        var tried: [String]?

        init(path: String, name: String, verdict: Outcome) {
            (self.path, self.name, self.verdict) = (path, name, verdict)
        }

        init(_ entry: HashList.Entry, _ answer: ContentName.Match) {
            self.init(path: entry.path, name: entry.name.description, verdict: .ok)
            switch answer {
            case .same(let profile): self.profile = profile?.name
            case .different: verdict = .different
            case .undecided(let tried): (verdict, self.tried) = (.undecided, tried.map(\.name))
            }
        }

        var line: String {
            switch verdict {
            case .ok: "\(path): OK" + (profile.map { " (\($0))" } ?? "")
            case .different: "\(path): FAILED"
            case .undecided: "\(path): UNDECIDED, none of \((tried ?? []).joined(separator: ", ")) gives this CID"
            case .unreadable: "\(path): FAILED to read"
            }
        }
    }
}

import ContentHash
import Host

/// What `rtverify hash` prints: each file as it is hashed, or all of them as JSON.
struct HashReport {
    private let json: Bool
    private var answers: [HashAnswer] = []
    /// Whether one can't be read.
    private(set) var hasFailures = false

    init(json: Bool) { self.json = json }

    mutating func add(_ path: String, _ result: Result<FileIdentity, any Error>) {
        switch result {
        case .success(let identity):
            answers.append(HashAnswer(path: path, identity: identity))
            if !json { Self.print(identity, path: path) }
        case .failure(let error):
            // The others are hashed all the same, as sha256sum does.
            printError("rtverify: \(error)")
            hasFailures = true
        }
    }

    func end() { if json { printLine(JSONText.of(answers)) } }

    /// A file's names, as JSON has them.
    private struct HashAnswer: Encodable {
        var path: String
        var size: Int
        var sha256: String
        var cids: [String: String]

        init(path: String, identity: FileIdentity) {
            (self.path, size, sha256) = (path, identity.size, identity.sha256.hex)
            cids = Dictionary(uniqueKeysWithValues: identity.cids.map { ($0.profile.name, $0.cid.description) })
        }
    }

    private static func print(_ identity: FileIdentity, path: String) {
        printLine("\(path)\n  size    \(identity.size)\n  sha256  \(identity.sha256)")
        for (profile, cid) in identity.cids.map({ ($0.profile, $0.cid) }) {
            printLine("  cid     \(cid)" + (identity.cids.count > 1 ? "  \(profile.name)" : ""))
        }
    }

}

/// What `rtverify hash --check` prints.
struct HashCheckReport {
    private let json: Bool
    private let quiet: Bool
    private var verdicts: [Verdict] = []

    init(json: Bool, quiet: Bool) { (self.json, self.quiet) = (json, quiet) }

    /// A line of a list that is none.
    mutating func add(malformed list: String, line: Int, reason: String) {
        printError("rtverify: \(list):\(line): \(reason)")
        verdicts.append(Verdict(path: "\(list):\(line)", name: "", verdict: .unreadable))
    }

    mutating func add(_ entry: HashList.Entry, _ result: Result<ContentName.Match, any Error>) {
        let verdict: Verdict
        switch result {
        case .success(let match): verdict = Verdict(entry, match)
        case .failure(let error):
            printError("rtverify: \(error)")
            verdict = Verdict(path: entry.path, name: entry.name.description, verdict: .unreadable)
        }
        verdicts.append(verdict)
        if !json, !(quiet && verdict.verdict == .ok) { printLine(verdict.line) }
    }

    func end() { if json { printLine(JSONText.of(verdicts)) } }

    /// 1 a file differs, 2 one can't be read or decided; nil for all of them right.
    var exitStatus: Int32? {
        if verdicts.contains(where: { $0.verdict == .different }) { return 1 }
        return verdicts.contains { $0.verdict != .ok } ? 2 : nil
    }

    /// A line of `--check`.
    private struct Verdict: Encodable {
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

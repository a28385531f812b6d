import AlephNetwork
import ContentHash
import Host
import ImageBuild

/// What `rtverify verify` answers.
struct VerificationReport: Encodable {
    private struct Image: Encodable {
        var path: String
        var size: Int
        var sha256: String
    }

    private var verdict: Verdict
    private var proof: String
    private var senderPinned: Bool
    @OrNull private var itemHash: String?
    @OrNull private var contentHash: String?
    @OrNull private var profile: String?
    @OrNull private var image: Image?
    @OrNull private var signature: ContentClaim.Signature?
    /// Whether the lock's image is the same; nil where it wasn't built.
    @OrNull private var reproduced: Bool?
    private var links: [VerificationLink]
    /// The lock that the message names; nil where it wasn't asked for.
    private var rebuild: Rebuild?
    /// For people: what the given image and the rebuilt one differ in.
    private var explanation: [String] = []

    private struct Rebuild: Encodable {
        var lockSHA256: String
        @OrNull var lockVerified: Bool?
        var notes: [String]
    }

    private enum CodingKeys: CodingKey {
        case verdict, proof, senderPinned, itemHash, contentHash, profile, image, signature, reproduced, links, rebuild
    }

    init(
        _ claim: ContentClaim, _ verdict: ImageVerdict, _ identity: FileIdentity?, path: String, itemHash: String?
    ) {
        (self.verdict, links) = (verdict.verdict, verdict.links)
        proof = claim.isContentHash ? "content-hash" : "chain"
        senderPinned = claim.isSenderPinned
        (self.itemHash, contentHash) = (itemHash, claim.file?.description)
        profile = verdict.profile?.name
        image = identity.map { Image(path: path, size: $0.size, sha256: $0.sha256.hex) }
        signature = claim.signature
    }

    /// What the lock gave when it was built again.
    mutating func add(_ rebuilt: RebuildComparison) {
        reproduced = rebuilt.isSame
        switch rebuilt.difference {
        case .success(let report): explanation = ComparisonText(style: .plain, full: false).lines(report)
        case .failure(let error): explanation = ["the two can't be compared: \(error)"]
        case nil: break
        }
    }

    /// What the lock that the message names gave.
    mutating func add(_ rebuilt: NetworkRebuild.Result) {
        add(rebuilt.comparison)
        rebuild = Rebuild(
            lockSHA256: rebuilt.lockSHA256.hex, lockVerified: rebuilt.isLockVerified, notes: rebuilt.lines)
    }

    /// Why nothing was rebuilt.
    /// - Parameter isDecided: Whether the message is proven to contradict what it names.
    mutating func addNoRebuild(_ reason: String, isDecided: Bool) {
        links.append(VerificationLink("rebuild", isDecided ? .no : .open, reason))
    }

    /// 0 what is asked is so, 1 it is proven not to be, 2 it could not be decided.
    var exitStatus: Int32 {
        switch verdict {
        case .mismatch: 1
        case .undecided: 2
        case .match:
            if reproduced == false || rebuild?.lockVerified == false || has(.no) {
                1
            } else {
                lockIsUndecided || has(.open) ? 2 : 0
            }
        }
    }

    private func has(_ mark: VerificationLink.Mark) -> Bool { links.contains { $0.mark == mark } }
    private var lockIsUndecided: Bool { if let rebuild { rebuild.lockVerified == nil } else { false } }

    /// One screen: the chain link by link, the verdict last.
    func print() {
        func painted(_ text: String, _ code: String) -> String { TerminalStyle.output.painted(text, code) }
        let width = links.map(\.name.count).max() ?? 0
        for link in links {
            let (mark, code) =
                switch link.mark {
                case .ok: ("✓", "32")
                case .no: ("✗", "31")
                case .open: ("?", "33")
                case .note: ("·", "2")
                }
            let name = link.name + String(repeating: " ", count: width - link.name.count)
            printLine("\(painted(mark, code)) \(name)  \(link.text)")
        }
        if let reproduced {
            printLine(
                reproduced
                    ? "\(painted("✓", "32")) rebuilt from the lock: the same bytes"
                    : "\(painted("✗", "31")) rebuilt from the lock: other bytes")
            for line in explanation { printLine("    \(line)") }
        }
        if let rebuild {
            let (mark, code) =
                switch rebuild.lockVerified {
                case true?: ("✓", "32")
                case false?: ("✗", "31")
                case nil: ("?", "33")
                }
            printLine("\(painted(mark, code)) its lock \(rebuild.lockSHA256), which its maker wrote:")
            for line in rebuild.notes { printLine("    \(line)") }
        }
        switch verdict {
        case .match: printLine(painted("match", "1;32") + ": the image is what \(subject) names")
        case .mismatch: printLine(painted("mismatch", "1;31") + ": the image is not what \(subject) names")
        case .undecided: printLine(painted("undecided", "1;33") + ": see the links marked ? above")
        }
    }

    private var subject: String { proof == "chain" ? "the item hash" : "the content hash" }
}

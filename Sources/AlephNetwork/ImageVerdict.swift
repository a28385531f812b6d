import ContentHash

/// Whether an image is what a published hash names.
public enum Verdict: String, Codable, Sendable {
    case match, mismatch, undecided
}

/// A claim and an image, compared.
public struct ImageVerdict: Sendable {
    /// What came of it.
    public let verdict: Verdict
    /// The profile that gives the content's CID.
    public let profile: UnixFSProfile?
    /// Each link of the chain as it was found, the image's last.
    public let links: [VerificationLink]

    /// What the DAG's own blocks say of an image that no known profile decides.
    public enum LayoutAnswer: Sendable {
        case same, different
        case undecided(String)
    }

    /// - Parameters:
    ///   - identity: The image's, hashed under the profiles of the claim's file; nil where it can't be read.
    ///   - served: Whether the image is what a node or gateway served rather than one that the user has.
    ///   - layout: The comparison by the layout that the DAG's nodes state, where there was one.
    public init(_ claim: ContentClaim, identity: FileIdentity?, served: Bool = false, layout: LayoutAnswer? = nil) {
        var links = claim.links
        var (same, profile): (Bool?, UnixFSProfile?) = (nil, nil)
        if let file = claim.file, let identity {
            switch file.name.answer(for: identity) {
            case .same(let found):
                (same, profile) = (true, found)
                links.append(
                    VerificationLink(
                        "image", .ok,
                        "\(identity.size) bytes that hash to it" + (found.map { " under \($0.name)" } ?? "")))
            case .different:
                same = false
                links.append(VerificationLink("image", .no, "its SHA-256 is \(identity.sha256)"))
            case .undecided(let tried):
                let reason = Self.explain(layout, tried: tried.map(\.name), &same)
                links.append(VerificationLink("image", same == nil ? .open : same == true ? .ok : .no, reason))
            }
        } else if let identity {
            links.append(VerificationLink("image", .note, "sha256 \(identity.sha256)"))
            if let text = Self.ownHash(claim, identity) {
                links.append(VerificationLink("advice", .note, text))
            }
        }
        if same == false, claim.restsOnAmends {
            links.append(
                VerificationLink(
                    "image", .open,
                    "it is not the newest that the nodes showed; that they showed every amend can't be proven"))
            same = nil
        }
        if same == false, served {
            links.append(
                VerificationLink(
                    "image", .open, "the network served other bytes than the message names: try another node"))
            same = nil
        }
        self.links = links
        self.profile = profile
        // Different bytes are a mismatch as soon as the hashes are proven; a match needs the whole chain.
        verdict = same == false ? .mismatch : same == true && claim.isProven ? .match : .undecided
    }

    private static func explain(_ layout: LayoutAnswer?, tried: [String], _ same: inout Bool?) -> String {
        switch layout {
        case .same:
            same = true
            return "its bytes are the DAG's leaves, by the layout that the DAG's own nodes state"
        case .different:
            same = false
            return "its bytes are not the DAG's leaves, by the layout that the DAG's own nodes state"
        case .undecided(let reason):
            return "none of \(tried.joined(separator: ", ")) gives the CID, and its blocks don't decide: \(reason)"
        case nil:
            return
                "none of \(tried.joined(separator: ", ")) gives the CID; another layout may: give its blocks (--car, or "
                + "--gateway)"
        }
    }

    /// A file's own SHA-256 looks like an item hash and is none.
    private static func ownHash(_ claim: ContentClaim, _ identity: FileIdentity) -> String? {
        guard claim.isUnknownMessage,
            claim.links.contains(where: { $0.name == "item hash" && $0.text == identity.sha256.hex })
        else { return nil }
        return
            "the hash is this file's own SHA-256, not that of a message: give the item hash of the STORE message that "
            + "publishes it, or pass it with --content-hash"
    }
}

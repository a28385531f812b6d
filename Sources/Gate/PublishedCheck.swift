import AlephNetwork
import ContentHash
import Glibc
import Host
import PackageResolution

/// What the network has of a runtime, and what its archives have by now.
extension RuntimeChecks {
    func published(_ subject: Subject) async -> Result {
        var words = ["verify", imageName]
        let claim: ContentClaim
        if let hash = runtime.contentHash {
            claim = .contentHash(hash)
            words += ["--content-hash", hash]
        } else if let hash = runtime.itemHash {
            guard tools.isOnline else { return Result(.published, .undecided, "the network was not asked (--offline)") }
            var demands = MessageChain.Demands()
            demands.pins = PublisherPins(senders: runtime.senders, owners: runtime.owners)
            demands.latest = runtime.latest
            claim = await MessageChain(nodes: tools.nodes, demands: demands, saved: nil).follow(hash)
            words += ["--item-hash", hash] + runtime.senders.flatMap { ["--sender", $0] }
            words +=
                runtime.owners.flatMap { ["--owner", $0] } + (runtime.latest ? ["--latest"] : []) + tools.words.nodes
        } else {
            return Result(.published, .undecided, "the gate's file has neither item-hash nor content-hash for it")
        }
        let profiles = claim.file?.name.profiles ?? []
        let identity = try? await onThread { try FileIdentity(path: subject.path, profiles: profiles) }
        let verdict = ImageVerdict(claim, identity: identity)
        let word: GateReport.Verdict =
            switch verdict.verdict {
            case .match: .yes
            case .mismatch: .no
            case .undecided: .undecided
            }
        let open = verdict.links.filter { $0.mark == .no || $0.mark == .open }.map { "\($0.name): \($0.text)" }
        var result = Result(.published, word, word == .yes ? "the item names these bytes" : open.first ?? "undecided")
        if word != .yes {
            result.expected = claim.file?.description
            result.found = "sha256 \(subject.identity.sha256)"
            result.details = Array(open.dropFirst())
            result.command = commandOnImage(words)
        }
        return result
    }

    func newerVersions() async -> (found: NewerVersions?, reason: String?) {
        guard case .success(let lock) = lockRead, !lock.lock.packages.isEmpty else { return (nil, nil) }
        guard tools.isOnline else { return (nil, "whether there are newer versions was not asked (--offline)") }
        do {
            return (
                try await NewerVersions.look(
                    at: lock.lock, store: tools.inputs.store, fetcher: tools.inputs.fetcher, keyrings: tools.keyrings),
                nil
            )
        } catch { return (nil, "whether there are newer versions is unknown: \(Self.first(error))") }
    }
}

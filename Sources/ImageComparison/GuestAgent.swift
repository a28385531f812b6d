import ContentHash
import FileTree
import RuntimeSpec

/// What in an image answers Aleph's supervisor, which runs programs by talking to an agent inside.
enum GuestAgent: Equatable {
    /// rtverify's, as it was released.
    case own(sha256: Digest)
    /// One that rtverify's init starts, and that no release had.
    case unknown(sha256: Digest)
    /// /sbin/init starts /root/init1.py, as the official runtimes' does.
    case official
    /// rtverify's init, which starts something else.
    case otherProgram
    case none

    /// The official agent's place, which its init names.
    private static let officialAgent = "/root/init1.py"

    /// - Throws: What reading the tree throws.
    static func find(in tree: any Tree) throws -> GuestAgent {
        let links = LinkResolver(tree.entries)
        let reader = try tree.makeReader()
        func file(_ path: String, limit: Int) throws -> [UInt8]? {
            guard let found = links.target(of: Array(path.utf8)),
                let entry = tree.entries.first(where: { $0.path == found }), entry.isFile, entry.size <= limit
            else { return nil }
            return try reader.bytes(entry, limit: limit)
        }
        guard let start = try file(InitScript.path, limit: 1 << 16) else { return .none }
        let text = String(decoding: start, as: UTF8.self)
        if let script = InitScript(text: text) {
            guard script.program == .agent, let agent = try file(AgentSources.program, limit: 1 << 24) else {
                return .otherProgram
            }
            let sha256 = Digest.of(agent)
            return AgentSources.programs.contains(sha256.hex) ? .own(sha256: sha256) : .unknown(sha256: sha256)
        }
        return start.starts(with: "#!".utf8) && text.contains(officialAgent) ? .official : .none
    }

    /// For people, after "Aleph's supervisor: ".
    var note: String {
        switch self {
        case .own(let sha256): "answered by rtverify's agent (sha256 \(sha256))"
        case .unknown(let sha256):
            "an agent at \(AgentSources.program) that no release of rtverify had (sha256 \(sha256))"
        case .official:
            "looks like the official init (/sbin/init starts \(Self.officialAgent)); `rtverify run` tries it"
        case .otherProgram: "not answered: rtverify's init starts no agent ([init] agent = true)"
        case .none: "nothing here is known to answer it; `rtverify run` tries it"
        }
    }
}

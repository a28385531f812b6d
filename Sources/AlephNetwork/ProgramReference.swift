/// Something that a PROGRAM message takes from a STORE message: its runtime, its code, its data, a volume.
public struct ProgramReference: Sendable {
    /// The STORE message.
    public let ref: ItemHash
    /// Whether the newest amend counts instead.
    public let usesLatest: Bool

    /// What the network takes where a message doesn't say it (aleph-message: FunctionRuntime, ImmutableVolume; CodeContent,
    /// DataContent; ParentVolume).
    private static let isLatestByDefault = [
        "runtime": true, "volume": true, "parent": true, "code": false, "data": false,
    ]

    /// Reads a member of a content.
    /// - Throws: `MessageError.malformed`.
    init(_ content: StrictJSON, _ name: String) throws(MessageError) {
        guard let json = content[name]?.nonNull else { throw .malformed("its content names no \(name)") }
        try self.init(of: json, name)
    }

    /// - Parameter name: `runtime`, `volume`, `parent`, `code` or `data`.
    init(of json: StrictJSON, _ name: String) throws(MessageError) {
        guard let text = json["ref"]?.text, let ref = ItemHash(text) else {
            throw .malformed("its content names no \(name)")
        }
        self.ref = ref
        switch json["use_latest"] {
        case nil: usesLatest = Self.isLatestByDefault[name] ?? true
        // Only data may say null.
        case .null? where name == "data": usesLatest = false
        case .bool(let flag)?: usesLatest = flag
        default: throw .malformed("its \(name)'s use_latest is neither true nor false")
        }
    }
}

/// Why something isn't published.
public enum PublishError: Error, CustomStringConvertible {
    /// A node decided that it isn't taken.
    case refused(String)
    /// Nothing was decided: a node is silent, or takes its time.
    case undecided(String)
    /// What is to be sent isn't what was prepared, or isn't signed by whom it should be.
    case notPrepared(String)
    /// The folder of a publication can't be used.
    case folder(String)

    /// The network has decided against a message.
    public static func notPublished(_ draft: StoreDraft, _ state: MessageState) -> PublishError {
        let next =
            switch state {
            case .rejected: "when the reason is gone, send it again, or prepare it anew"
            default: "prepare it anew: another time gives another item hash"
            }
        return .refused("\(draft.itemHash) isn't published: \(state.sentence); \(next)")
    }

    /// Whether it was decided: no.
    public var isDecided: Bool {
        switch self {
        case .refused, .notPrepared: true
        case .undecided, .folder: false
        }
    }

    /// For people.
    public var description: String {
        switch self {
        case .refused(let text), .undecided(let text), .notPrepared(let text), .folder(let text): text
        }
    }
}

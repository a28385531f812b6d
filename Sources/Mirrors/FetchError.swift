import ContentHash
import Host
import InputStore
import RuntimeSpec

/// Whether inputs could not be had, for whatever reason: not served, not readable, nowhere to put them.
public func isInputFailure(_ error: any Error) -> Bool {
    error is FetchError || error is StoreError || error is SystemError || error is FileReadError
}

/// Why inputs could not be brought into the store.
public enum FetchError: Error, CustomStringConvertible {
    /// Inputs that nobody served, each by its path with what each source said.
    case unavailable([(path: String, reasons: [String])], total: Int)
    /// `--offline`, and the store lacks these.
    case missingOffline([Lockfile.Input], store: String)
    /// pip fetched other bytes than the lock's.
    case otherWheel(String)

    /// For people.
    public var description: String {
        switch self {
        case .unavailable(let inputs, let total):
            let shown = inputs.prefix(5).map { item in
                "  \(item.path)\n" + item.reasons.map { "    \($0)\n" }.joined()
            }
            let more = inputs.count > 5 ? "  and \(inputs.count - 5) more\n" : ""
            return "\(inputs.count) of \(total) inputs could not be fetched:\n" + shown.joined() + more
                + "The locked versions may have left the mirrors, or the network can't be reached. Give one that keeps them (--mirror URL), or move "
                + "the lock forward (rtverify lock update MANIFEST)."
        case .missingOffline(let inputs, let store):
            return "--offline, and the store \(store) lacks \(inputs.count) inputs:\n"
                + inputs.prefix(10).map { "  \($0.sha256)  \($0.path)\n" }.joined()
                + (inputs.count > 10 ? "  and \(inputs.count - 10) more\n" : "")
                + "Build once without --offline, or copy the store of a machine that has them."
        case .otherWheel(let name): return "pip fetched another file than \(name)"
        }
    }
}

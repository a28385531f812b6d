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
    /// Inputs of a lock that nobody served, of so many that were asked for.
    case unavailable([MissingInput], total: Int)
    /// A file of which no hash is known, by its path, with what each source said.
    case notServed(String, reasons: [String])
    /// Wheels of a lock that the lock's own pip could not fetch, and what it said.
    case wheels([Lockfile.Input], reason: String)
    /// `--offline`, and the store lacks these.
    case missingOffline([Lockfile.Input], store: String)
    /// pip fetched other bytes than the lock's.
    case otherWheel(String)

    /// For people.
    public var description: String {
        switch self {
        case .unavailable(let inputs, let total): return MissingInput.report(inputs, total: total)
        case .notServed(let path, let reasons):
            return "\(path) could not be fetched:\n" + reasons.map { "  \($0)\n" }.joined()
                + "Give a mirror that has it (--mirror URL), or try when the network can be reached."
        case .wheels(let wheels, let reason):
            return
                "\(reason)\n\(wheels.count) wheels could not be fetched (\(wheels.prefix(5).map(\.path).joined(separator: ", "))"
                + "\(wheels.count > 5 ? " and others" : "")). The lock is intact: it says by SHA-256 what they are. An index drops "
                + "files that are withdrawn, and pip is asked with this host's configuration.\n" + MissingInput.remedy
        case .missingOffline(let inputs, let store):
            return "--offline, and the store \(store) lacks \(inputs.count) inputs:\n"
                + inputs.prefix(10).map { "  \($0.sha256)  \($0.path)\n" }.joined()
                + (inputs.count > 10 ? "  and \(inputs.count - 10) more\n" : "")
                + "Build once without --offline, or give a bundle that has them (--mirror BUNDLE.car; `rtverify store export` "
                + "makes one where they are)."
        case .otherWheel(let name): return "pip fetched another file than \(name)"
        }
    }
}

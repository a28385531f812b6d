import Glibc

/// A call to the system that failed: what was being done, and errno.
public struct SystemError: Error, CustomStringConvertible {
    /// What could not be done, with its object: `cannot read FILE`.
    public let what: String
    /// The call's errno.
    public let code: CInt

    /// - Parameter code: The call's errno.
    public init(_ what: String, _ code: CInt) { (self.what, self.code) = (what, code) }

    /// The system's own words for it (strerror(3)).
    public var reason: String { String(cString: strerror(code)) }

    /// For people, with what to do where that is known.
    public var description: String {
        let hint =
            code == ENOSPC || code == EDQUOT ? "; free some space there, or choose another place (--store, -o)" : ""
        return "\(what): \(reason)\(hint)"
    }
}

import Glibc

/// A call to the system that failed: what was being done, and errno.
public struct SystemError: Error, CustomStringConvertible {
    public let what: String
    public let code: CInt

    public init(_ what: String, _ code: CInt) { (self.what, self.code) = (what, code) }

    /// The system's own words for it (strerror(3)).
    public var reason: String { String(cString: strerror(code)) }

    public var description: String {
        let hint =
            code == ENOSPC || code == EDQUOT ? "; free some space there, or choose another place (--store, -o)" : ""
        return "\(what): \(reason)\(hint)"
    }
}

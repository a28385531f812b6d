import Glibc

/// A call to the system that failed: what was being done, and errno.
public struct SystemError: Error, CustomStringConvertible {
    public let what: String
    public let code: CInt

    public init(_ what: String, _ code: CInt) { (self.what, self.code) = (what, code) }

    public var description: String {
        let hint = code == ENOSPC || code == EDQUOT ? "; free some space there, or choose another place" : ""
        return "\(what): \(String(cString: strerror(code)))\(hint)"
    }
}

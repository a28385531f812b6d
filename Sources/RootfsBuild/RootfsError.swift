import Glibc

/// Why a tree can't be assembled or packed.
public enum RootfsError: Error, CustomStringConvertible {
    /// A .deb that isn't one, or holds what it must not.
    case badPackage(package: String, reason: String)
    /// A program in the sandbox that failed, with the end of what it printed.
    case program(String, status: String, output: [String])
    /// A program in the sandbox that was given up.
    case timeout(String, seconds: Int)
    /// The toolchain's pip doesn't run under the target's Python.
    case oldPip(pip: String, python: String)
    /// A requirement that no wheel fits the interpreter for.
    case noWheel(requirement: String, output: [String])
    /// Requirements that no versions fulfil together.
    case conflict(output: [String])
    /// An entry that squashfs can't carry.
    case cannotCarry(path: String, what: String, owner: String)
    /// The clock of this host stands before the newest time in the image.
    case clock(sourceDateEpoch: Int)

    /// Whether pip has decided that there is no choice.
    public var isNoChoice: Bool {
        switch self {
        case .noWheel, .conflict: true
        default: false
        }
    }

    public var description: String {
        switch self {
        case .badPackage(let package, let reason):
            return "\(package): \(reason); the package is not installed"
        case .program(let what, let status, let output):
            return "\(what) failed (\(status)):\n" + output.map { "  \($0)\n" }.joined()
        case .timeout(let what, let seconds):
            return "\(what) had not ended after \(seconds) s (--step-timeout), and was ended"
        case .oldPip(let pip, let python):
            return
                "the toolchain's pip \(pip) doesn't run under the target's Python \(python): set a newer release in the "
                + "manifest's [toolchain]"
        case .noWheel(let requirement, let output):
            return
                "there is no wheel of \(requirement) for the target's Python; sources aren't built, so that the same "
                + "bytes come each time: ask for another version, or publish a wheel. pip said:\n"
                + output.suffix(4).map { "  \($0)\n" }.joined()
        case .conflict(let output):
            return "no versions of these Python packages go together; pip said:\n"
                + output.suffix(12).map { "  \($0)\n" }.joined()
        case .cannotCarry(let path, let what, let owner):
            return "\(path) (\(owner)) \(what), which a squashfs image can't carry; remove it in a [[step]] or prune it"
        case .clock(let epoch):
            return "this host's clock stands before the lock's source-date-epoch (\(epoch)), so that files made now "
                + "would look older than the packages; set the clock"
        }
    }
}

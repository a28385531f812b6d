/// Why something didn't run in a sandbox, or what ran there failed.
public enum SandboxError: Error, CustomStringConvertible {
    /// The sandbox ended without a result; the text says why.
    case ended(String)
    /// The kernel took something from it that the result may depend on.
    case exhausted(String)
    /// pip finds no wheels that fulfil what is asked.
    case noChoice(String)
    /// The host doesn't let namespaces be made: what unshare said.
    case namespaces([String])
    /// A .deb that isn't one, or holds what it must not.
    case badPackage(package: String, reason: String)
    /// An owner that the root's own files don't name.
    case unknownOwner(kind: String, name: String, path: String)
    /// A program that failed, with the end of what it printed.
    case program(String, status: String, output: [String])
    /// A program that was given up.
    case timeout(String, seconds: Int)

    /// For people; of a program, with the end of what it said.
    public var description: String {
        switch self {
        case .ended(let reason), .noChoice(let reason): reason
        case .exhausted(let event):
            "\(event); what was built then can't be trusted and is gone. Give it more (a control group's limits count too), "
                + "or wait until other programs need less, and build again"
        case .namespaces(let lines):
            Self.namespaces(lines)
        case .badPackage(let package, let reason):
            "\(package): \(reason); the package is not installed"
        case .unknownOwner(let kind, let name, let path):
            "\(path): the image has no \(kind) '\(name)' when files are installed; give the number, install the package that "
                + "makes it, or use chown in the [[step]] that does"
        case .program(let what, let status, let output):
            "\(what) failed (\(status)):\n" + output.map { "  \($0)\n" }.joined()
        case .timeout(let what, let seconds):
            "\(what) had not ended after \(seconds) s (--step-timeout), and was ended"
        }
    }

    private static func namespaces(_ lines: [String]) -> String {
        let advice = NamespaceAdvice(lines)
        return "the sandbox can't be started: \(advice.reason)\n" + lines.map { "  \($0)\n" }.joined()
            + "\(advice.remedy); `rtverify doctor` looks at the rest"
    }
}

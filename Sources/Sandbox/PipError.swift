/// Why pip doesn't choose wheels.
public enum PipError: Error, CustomStringConvertible {
    /// The toolchain's pip doesn't run under the target's Python.
    case oldPip(pip: String, python: String)
    /// A requirement that no wheel fits the interpreter for.
    case noWheel(requirement: String, output: [String])
    /// A base that brings no Python, or none with the modules that pip needs.
    case noPython
    /// Requirements that no versions fulfil together.
    case conflict(output: [String])

    /// Whether pip has decided that there is no choice.
    var isNoChoice: Bool {
        switch self {
        case .noWheel, .conflict: true
        case .oldPip, .noPython: false
        }
    }

    /// For people, with what to do.
    public var description: String {
        switch self {
        case .oldPip(let pip, let python):
            "the toolchain's pip \(pip) doesn't run under the target's Python \(python): set a newer release in the "
                + "manifest's [toolchain]"
        case .noPython:
            "the base has no python3 that pip runs under: wheels need one (on Alpine: python3 in 'packages.install')"
        case .noWheel(let requirement, let output):
            "there is no wheel of \(requirement) for the target's Python; sources aren't built, so that the same "
                + "bytes come each time: ask for another version, or publish a wheel. pip said:\n"
                + output.suffix(4).map { "  \($0)\n" }.joined()
        case .conflict(let output):
            "no versions of these Python packages go together; pip said:\n"
                + output.suffix(12).map { "  \($0)\n" }.joined()
        }
    }
}

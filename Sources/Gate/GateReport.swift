import PackageResolution
import RuntimeSpec

/// What a gate found.
public struct GateReport: Codable, Sendable {
    /// What came of a check, or of all of them.
    public enum Verdict: String, Codable, Sendable {
        case yes, no, undecided
        /// Not asked, or left out with a reason.
        case leftOut = "left-out"
    }

    /// One check of one runtime.
    public struct Result: Codable, Sendable {
        /// What was checked.
        public var check: GateSpec.Check
        /// What came of it.
        public var verdict: Verdict
        /// Why it is no, undecided or left out; what was looked at where it is yes.
        public var reason: String
        /// What it should be, where the check compares.
        public var expected: String?
        /// What it is, where the check compares.
        public var found: String?
        /// More lines: findings, causes and paths.
        public var details: [String]
        /// What shows it here.
        public var command: String?
        /// What it took, in seconds.
        public var seconds: Double

        /// - Parameter reason: In words.
        public init(_ check: GateSpec.Check, _ verdict: Verdict, _ reason: String) {
            (self.check, self.verdict, self.reason) = (check, verdict, reason)
            (details, seconds) = ([], 0)
        }
    }

    /// An image that was built or given.
    public struct Image: Codable, Sendable {
        /// Where it is, if it was to be kept or given.
        public var path: String?
        /// Its bytes.
        public var size: Int
        /// 64 lower-case hexadecimal digits.
        public var sha256: String
        /// Under the profile that Aleph publishes.
        public var cid: String
    }

    /// One runtime and its checks.
    public struct Runtime: Codable, Sendable {
        /// That of the manifest's folder.
        public var name: String
        /// The manifest's path.
        public var manifest: String
        /// The lock's path.
        public var lock: String
        /// In the order of `GateSpec.Check`.
        public var checks: [Result]
        /// What the lock gives, or what was given.
        public var image: Image?
        /// Locked packages that have a newer version; nil where the network was not there to ask.
        public var newer: NewerVersions?
        /// For people: what the note on newer versions is missing for.
        public var note: String?
        /// What could not be read, built or written.
        public var failures: [String]

        /// Made of its parts.
        package init(
            name: String, manifest: String, lock: String, checks: [Result], image: Image?, newer: NewerVersions?,
            note: String?, failures: [String]
        ) {
            (self.name, self.manifest, self.lock, self.checks) = (name, manifest, lock, checks)
            (self.image, self.newer, self.note, self.failures) = (image, newer, note, failures)
        }

        /// Failures that no check tells of.
        public var untold: [String] {
            checks.contains { $0.verdict == .no || $0.verdict == .undecided } ? [] : failures
        }
    }

    /// In the order of the gate's file.
    public var runtimes: [Runtime]
    /// Whether an undecided check only warns, where that is safe.
    public var undecidedWarns: Bool
    /// Reports that could not be written.
    public var failures: [String] = []

    /// - Parameter undecidedWarns: Whether an undecided check only warns, where that is safe.
    public init(runtimes: [Runtime], undecidedWarns: Bool) {
        (self.runtimes, self.undecidedWarns) = (runtimes, undecidedWarns)
    }

    private var results: [Result] { runtimes.flatMap(\.checks) }

    /// Undecided checks that are passed over: never one that says what the bytes are.
    public var warnings: [Result] {
        undecidedWarns ? results.filter { $0.verdict == .undecided && [.audit, .contract].contains($0.check) } : []
    }

    /// All that was to be read, built or written and was not: with it, nothing is yes.
    public var allFailures: [String] { failures + runtimes.flatMap(\.failures) }

    /// May it be released? Nothing that was checked is no answer.
    public var verdict: Verdict {
        let asked = results.filter { $0.verdict != .leftOut }
        if asked.contains(where: { $0.verdict == .no }) { return .no }
        let open = asked.count { $0.verdict == .undecided } - warnings.count
        let isOpen = asked.isEmpty || open > 0 || !asked.contains { $0.verdict == .yes } || !allFailures.isEmpty
        return isOpen ? .undecided : .yes
    }

    /// 0 may be released, 1 may not, 2 undecided.
    public var exitStatus: Int32 {
        switch verdict {
        case .yes: 0
        case .no: 1
        case .undecided, .leftOut: 2
        }
    }
}

/// What must not be in an image: what `rtverify audit` answers.
public struct AuditReport: Codable, Sendable {
    public struct Finding: Codable, Sendable {
        public var path: String
        /// The rule's name, as `[[allow]]` takes it.
        public var finding: String
        /// What was found, where the path alone doesn't say.
        public var detail: String
        public var reason: String
        public var remedy: String
        /// Why it is allowed all the same.
        public var allowed: String?

        public init(path: String, finding: String, detail: String, reason: String, remedy: String) {
            (self.path, self.finding, self.detail) = (path, finding, detail)
            (self.reason, self.remedy) = (reason, remedy)
        }
    }

    public var path: String
    public var entries: Int
    /// What isn't allowed.
    public var findings: [Finding]
    public var allowed: [Finding]
    /// What is neither right nor wrong and should be known: how root may log in.
    public var notes: [String]

    public init(path: String, entries: Int, findings: [Finding], allowed: [Finding], notes: [String] = []) {
        (self.path, self.entries, self.findings, self.allowed) = (path, entries, findings, allowed)
        self.notes = notes
    }
}

/// What must not be in an image: what `rtverify audit` answers.
public struct AuditReport: Codable, Sendable {
    /// One thing that a rule found.
    public struct Finding: Codable, Sendable {
        /// An absolute path in the image.
        public var path: String
        /// The rule's name, as `[[allow]]` takes it.
        public var finding: String
        /// What was found, where the path alone doesn't say.
        public var detail: String
        /// Why it must not be there.
        public var reason: String
        /// What to do about it.
        public var remedy: String
        /// Why it is allowed all the same.
        public var allowed: String?

        /// Not allowed, until somebody says so.
        public init(path: String, finding: String, detail: String, reason: String, remedy: String) {
            (self.path, self.finding, self.detail) = (path, finding, detail)
            (self.reason, self.remedy) = (reason, remedy)
        }
    }

    /// The image's, as it was given.
    public var path: String
    /// How many entries were looked at.
    public var entries: Int
    /// What isn't allowed.
    public var findings: [Finding]
    /// What an `[[allow]]` of the lock names.
    public var allowed: [Finding]
    /// What is neither right nor wrong and should be known: how root may log in.
    public var notes: [String]

    /// - Parameter entries: How many were looked at.
    public init(path: String, entries: Int, findings: [Finding], allowed: [Finding], notes: [String] = []) {
        (self.path, self.entries, self.findings, self.allowed) = (path, entries, findings, allowed)
        self.notes = notes
    }
}

/// What an image holds: what `rtverify inspect` answers.
public struct InspectionReport: Codable, Sendable {
    /// A name and the bytes that it stands for.
    public struct Share: Codable, Sendable {
        public var name: String
        /// As they are stored, compressed.
        public var stored: Int
        /// As programs read them.
        public var size: Int
        public var entries: Int

        public init(name: String, stored: Int, size: Int, entries: Int) {
            (self.name, self.stored, self.size, self.entries) = (name, stored, size, entries)
        }
    }

    /// An entry whose time is later than it should be.
    public struct LateEntry: Codable, Sendable {
        public var path: String
        public var time: String

        public init(path: String, time: String) { (self.path, self.time) = (path, time) }
    }

    public var path: String
    public var format: String
    public var size: Int?
    /// Of a squashfs: what the superblock says, in words.
    public var superblock: [String: String] = [:]
    /// How many of each kind.
    public var entries: [String: Int] = [:]
    /// The largest twenty.
    public var packages: [Share] = []
    public var folders: [Share] = []
    /// Against which the entries' times are held: `--source-date-epoch`, or the superblock's time.
    public var source_date_epoch: Int?
    public var late_entries: [LateEntry] = []
    public var late_entry_count = 0

    /// What a reader should know of it, in words.
    public var notes: [String] = []

    public init(path: String, format: String, size: Int?) { (self.path, self.format, self.size) = (path, format, size) }
}

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

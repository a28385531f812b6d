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
    public var sourceDateEpoch: Int?
    public var lateEntries: [LateEntry] = []
    public var lateEntryCount = 0

    /// What a reader should know of it, in words.
    public var notes: [String] = []

    public init(path: String, format: String, size: Int?) { (self.path, self.format, self.size) = (path, format, size) }
}

/// What an image holds: what `rtverify inspect` answers.
public struct InspectionReport: Codable, Sendable {
    /// A name and the bytes that it stands for.
    public struct Share: Codable, Sendable {
        /// Of a package, or a folder.
        public var name: String
        /// As they are stored, compressed.
        public var stored: Int
        /// As programs read them.
        public var size: Int
        /// How many there are.
        public var entries: Int

        /// Sizes in bytes.
        public init(name: String, stored: Int, size: Int, entries: Int) {
            (self.name, self.stored, self.size, self.entries) = (name, stored, size, entries)
        }
    }

    /// An entry whose time is later than it should be.
    public struct LateEntry: Codable, Sendable {
        /// An absolute path in the image.
        public var path: String
        /// As `2026-11-24T02:12:15Z`.
        public var time: String

        /// - Parameter time: As `2026-11-24T02:12:15Z`.
        public init(path: String, time: String) { (self.path, self.time) = (path, time) }
    }

    /// As it was given.
    public var path: String
    /// squashfs, folder or tar.
    public var format: String
    /// Bytes of the file; nil for a folder.
    public var size: Int?
    /// Of a squashfs: what the superblock says, in words.
    public var superblock: [String: String] = [:]
    /// How many of each kind.
    public var entries: [String: Int] = [:]
    /// The largest twenty.
    public var packages: [Share] = []
    /// The largest twenty.
    public var folders: [Share] = []
    /// Against which the entries' times are held: `--source-date-epoch`, or the superblock's time.
    public var sourceDateEpoch: Int?
    /// The first of them.
    public var lateEntries: [LateEntry] = []
    /// How many there are in all.
    public var lateEntryCount = 0

    /// What a reader should know of it, in words.
    public var notes: [String] = []

    /// Of what nothing is known yet.
    public init(path: String, format: String, size: Int?) { (self.path, self.format, self.size) = (path, format, size) }
}

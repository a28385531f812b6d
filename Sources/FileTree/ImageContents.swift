/// What an image says of its own making: package databases, times, packing.
public struct ImageContents: Codable, Sendable {
    /// A package of dpkg's or apk's database.
    public struct Package: Codable, Hashable, Sendable {
        /// As the database spells it, made safe to show.
        public var name: String
        /// As the database spells it, made safe to show.
        public var version: String
        /// `amd64`, `all`, `x86_64`; empty where the database has none.
        public var architecture: String

        /// Texts that are safe to show.
        public init(name: String, version: String, architecture: String) {
            (self.name, self.version, self.architecture) = (name, version, architecture)
        }
    }

    /// A Python package that no Debian package owns (a dist-info folder).
    public struct Distribution: Codable, Hashable, Sendable {
        /// As its METADATA spells it.
        public var name: String
        /// As its METADATA spells it (PEP 440).
        public var version: String
        /// The folder that holds it, an absolute path.
        public var folder: String
        /// Whether it was asked for, and did not come as a dependency (PEP 376's REQUESTED).
        public var isRequested: Bool

        /// - Parameter folder: An absolute path.
        public init(name: String, version: String, folder: String, isRequested: Bool) {
            (self.name, self.version, self.folder, self.isRequested) = (name, version, folder, isRequested)
        }
    }

    /// `debian`, `alpine`, or empty.
    public var system = ""
    /// Debian's code name, or Alpine's version.
    public var release = ""
    /// The texts of apt's sources by file name (sources.list(5)).
    public var sources: [String: String] = [:]
    /// Of dpkg's or apk's database, in its order.
    public var packages: [Package] = []
    /// What apk was asked for.
    public var world: [String] = []
    /// In byte order of their folders.
    public var distributions: [Distribution] = []
    /// Optimization levels of byte code beside the distributions' modules, by folder.
    public var levels: [String: [Int]] = [:]
    /// The superblock's time, or the newest entry's: seconds since 1970-01-01 UTC.
    public var time = 0
    /// The packing of a squashfs image.
    public var compression: String?
    /// The compressor's level, where the superblock says it.
    public var level: Int?
    /// Bytes a block.
    public var blockSize: Int?
    /// The text of a script at /sbin/init.
    public var initScript: String?
    /// Files that neither a package nor a maintainer script accounts for, at most 1000.
    public var unexplained: [String] = []
    /// How many there are of them in all.
    public var unexplainedCount = 0

    /// Nothing yet.
    public init() {}
}

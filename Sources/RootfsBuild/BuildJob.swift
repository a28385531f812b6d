import ContentHash
import Host
import Sandbox

/// What the sandbox of a build is to do.
public struct BuildJob: SandboxJob {
    /// The lockfile's text.
    public var lock: String
    /// The store's folder.
    public var store: String
    /// An empty folder for the trees, under the builder's lock.
    public var workFolder: String
    /// How many packages are decompressed at once, and the packer's threads.
    public var jobs: Int
    /// Seconds that a step may take; nil for as long as it takes.
    public var stepTimeout: Int?
    /// Whether it is the host's root who builds, for whom file systems keep a reserve.
    public var isPrivileged: Bool
    /// Where the tree has to lie; nil for where there is room.
    public var tree: Conditions.Place?
    /// Where trees of earlier builds are, and where this one's are to be kept; nil for neither.
    public var trees: Trees?
    /// What this build has otherwise than others.
    public var conditions = Conditions()

    /// Trees after a phase, each a folder of its own.
    public struct Trees: Codable, Sendable {
        /// As it was when the base's packages were installed; nil where none is kept.
        public var packages: String?
        /// As it was when Python's packages were, over the other; nil where none is kept.
        public var wheels: String?
        /// What is made and isn't kept yet comes below this folder, as `packages` and `wheels`; nil where there is no room.
        public var new: String?

        /// - Parameter new: Where what isn't kept yet is put.
        public init(packages: String?, wheels: String?, new: String?) {
            (self.packages, self.wheels, self.new) = (packages, wheels, new)
        }
    }

    /// What one build has otherwise than another, inside the sandbox; no byte may depend on it.
    public struct Conditions: Codable, Sendable {
        /// Where the tree is.
        public enum Place: String, Codable, CaseIterable, Sendable { case memory, disk }

        /// Where the tree lies, if it can; nil for where it lies else.
        public var tree: Place?
        /// Whether /proc/cpuinfo is another machine's.
        public var hasOtherProcessor = false
        /// Whether all packages are unpacked by dpkg, also those of which it is known what it would do.
        public var unpacksByDpkg = false
        /// Whether the kernel calls itself 2.6.
        public var hasOtherKernel = false
        /// nil for the host's.
        public var clock: Clock?
        /// Paths of the image, of which it is told what wrote them last.
        public var watched: [String] = []

        /// A build like any other.
        public init() {}
    }

    /// Another date, by the library of a locked archive's package (libfaketime).
    public struct Clock: Codable, Sendable {
        /// What programs are told.
        public enum Date: Codable, Sendable {
            /// The host's, and days that are added.
            case later(days: Int)
            /// One that stands still.
            case fixed
        }

        /// The .deb, as a store object.
        public var sha256: Digest
        /// The package's.
        public var version: String
        /// What programs are told.
        public var date: Date

        /// - Parameter sha256: Of the .deb, as a store object.
        public init(sha256: Digest, version: String, date: Date) {
            (self.sha256, self.version, self.date) = (sha256, version, date)
        }
    }

    /// - Parameter lock: The lockfile's text.
    public init(
        lock: String, store: String, workFolder: String, jobs: Int, stepTimeout: Int?, isPrivileged: Bool
    ) {
        (self.lock, self.store, self.workFolder, self.jobs) = (lock, store, workFolder, jobs)
        (self.stepTimeout, self.isPrivileged) = (stepTimeout, isPrivileged)
    }
}

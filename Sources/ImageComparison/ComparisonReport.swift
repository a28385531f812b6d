/// What two trees differ in, and why: what `rtverify compare` answers.
public struct ComparisonReport: Codable, Sendable {
    /// One of the two.
    public struct Side: Codable, Sendable {
        /// As it was given.
        public var path: String
        /// squashfs, folder or tar.
        public var format: String
        /// Bytes of the file; nil for a folder.
        public var size: Int?
        /// How many it has.
        public var entries: Int

        /// - Parameter size: Bytes of the file; nil for a folder.
        public init(path: String, format: String, size: Int?, entries: Int) {
            (self.path, self.format, self.size, self.entries) = (path, format, size, entries)
        }
    }

    /// Which field of an entry differs, or which side lacks it.
    public enum Kind: String, Codable, Sendable, CaseIterable {
        /// B has no such entry.
        case onlyInA = "only-in-a"
        /// A has no such entry.
        case onlyInB = "only-in-b"
        /// A field of an entry that both have.
        case type, mode, owner, time, target, device, attributes, content
        /// Names lead to one file on one side, and to several on the other.
        case hardLinks = "hard-links"
        /// Of the image, not of an entry: how the tree is packed.
        case packing
    }

    /// One field of one entry.
    public struct Difference: Codable, Sendable {
        /// With a slash before it; what is no UTF-8 as `\xNN`. For `packing`, the part of the image.
        public var path: String
        /// What differs.
        public var kind: Kind
        /// What each side has; nil for what isn't there.
        public var a: String?
        /// What B has; nil for what isn't there.
        public var b: String?
        /// Name of the package that owns the path, or what else made it.
        public var package: String?
        /// The known cause's name.
        public var cause: String?
        /// Whether it may matter for security.
        public var security: Bool
        /// A text diff, a hex window, or what else explains it.
        public var detail: [String]
        /// Which pair of files laid down for another program it is; only between the child and its parent.
        public var extracted: Int?

        /// Without what explains it.
        public init(path: String, kind: Kind, a: String?, b: String?) {
            (self.path, self.kind, self.a, self.b) = (path, kind, a, b)
            security = false
            detail = []
        }

        /// As JSON has it.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(path, forKey: .path)
            try container.encode(kind, forKey: .kind)
            // Keys are always there: whoever reads the JSON need not guess what a missing one means.
            try container.encode(a, forKey: .a)
            try container.encode(b, forKey: .b)
            try container.encode(package, forKey: .package)
            try container.encode(cause, forKey: .cause)
            try container.encode(security, forKey: .security)
            try container.encode(detail, forKey: .detail)
            try container.encodeIfPresent(extracted, forKey: .extracted)
        }
    }

    /// Differences of one cause: what one change would take away.
    public struct Group: Codable, Sendable {
        /// How many of them a package's files have.
        public struct Share: Codable, Sendable {
            /// A difference's `package`: a package, a wheel, a step, a file of the manifest, a script.
            public var name: String
            /// How many of the differences have it.
            public var count: Int

            /// - Parameter count: Differences that have it.
            public init(name: String, count: Int) { (self.name, self.count) = (name, count) }
        }

        /// The known cause's name; nil for none.
        public var cause: String?
        /// Whose files they all are, where it is one package's.
        public var package: String?
        /// How many differences there are of it.
        public var count: Int
        /// Why such differences come about.
        public var reason: String
        /// What takes them away.
        public var remedy: String
        /// Whose files they are, the most first; those of nobody's are in `count` alone.
        public var packages: [Share]
        /// The first few.
        public var paths: [String]

        /// - Parameter paths: The first few.
        public init(
            cause: String?, count: Int, reason: String, remedy: String, packages: [Share], paths: [String]
        ) {
            (self.cause, self.count, self.packages) = (cause, count, packages)
            package = packages.count == 1 && packages[0].count == count ? packages[0].name : nil
            (self.reason, self.remedy, self.paths) = (reason, remedy, paths)
        }
    }

    /// Bytes that a package's files take in each side.
    public struct PackageSize: Codable, Sendable {
        /// Its name; `no package` for what is nobody's.
        public var package: String
        /// Bytes in A, as a squashfs stores them; as they are, of a folder or a tar.
        public var a: Int
        /// Bytes in B, as a squashfs stores them; as they are, of a folder or a tar.
        public var b: Int
        /// How many of the differences are in its files.
        public var differences: Int

        /// Sizes in bytes.
        public init(package: String, a: Int, b: Int, differences: Int) {
            (self.package, self.a, self.b, self.differences) = (package, a, b, differences)
        }
    }

    /// Same bytes; or, where one side is no image, the same tree.
    public var identical: Bool
    /// The first.
    public var a: Side
    /// The second.
    public var b: Side
    /// What matters for security first, then by path.
    public var differences: [Difference]
    /// Differences that were counted and not listed.
    public var omitted: Int
    /// By cause, the most differences first.
    public var summary: [Group]
    /// Where it was asked for.
    public var packages: [PackageSize]
    /// What was changed on purpose.
    public var release = ReleaseNotes.none
    /// The time that each image gives what a build makes, as `2026-11-24T02:12:15Z`; none where nothing differs.
    public var times: [String] = []

    /// - Parameter omitted: Differences that were counted and are not listed.
    public init(
        identical: Bool, a: Side, b: Side, differences: [Difference] = [], omitted: Int = 0, summary: [Group] = [],
        packages: [PackageSize] = []
    ) {
        (self.identical, self.a, self.b, self.differences) = (identical, a, b, differences)
        (self.omitted, self.summary, self.packages) = (omitted, summary, packages)
    }

    /// Entries whose time is their own image's on both sides: no difference that anybody made.
    public var ownTimeCount: Int { summary.first { $0.cause == Cause.imageTime.name }?.count ?? 0 }

    /// The trees are the same, only their packing differs.
    public var isPackingOnly: Bool { !identical && differences.allSatisfy { $0.kind == .packing } }
}

/// How a file becomes a DAG, which decides its CID (IPIP-499, https://github.com/ipfs/specs/pull/499).
public struct UnixFSProfile: Hashable, Sendable {
    /// The profile's name, as the option and JSON spell it.
    public let name: String
    /// Bytes a leaf.
    public let chunkSize: Int
    /// Links an inner node.
    public let width: Int
    /// Leaves are the bytes themselves (codec raw) rather than wrapped in dag-pb.
    public let rawLeaves: Bool
    /// 0 or 1.
    public let cidVersion: Int

    /// What `ipfs add` gave up to 2025, and what Aleph publishes: CIDv0, 256 KiB, dag-pb leaves, 174 links.
    public static let v0_2015 = UnixFSProfile(
        name: "unixfs-v0-2015", chunkSize: 262_144, width: 174, rawLeaves: false, cidVersion: 0)
    /// The profile of IPIP-499: CIDv1, 1 MiB, raw leaves, 1024 links.
    public static let v1_2025 = UnixFSProfile(
        name: "unixfs-v1-2025", chunkSize: 1_048_576, width: 1024, rawLeaves: true, cidVersion: 1)
    /// What `ipfs add --cid-version=1` gives: 256 KiB, raw leaves, 174 links.
    public static let kuboRawLeaves = UnixFSProfile(
        name: "kubo-cidv1-raw-leaves", chunkSize: 262_144, width: 174, rawLeaves: true, cidVersion: 1)

    /// What `ipfs add --raw-leaves --cid-version=0` gives: the same, with version 0 for nodes that have links.
    public static let kuboRawLeavesV0 = UnixFSProfile(
        name: "kubo-cidv0-raw-leaves", chunkSize: 262_144, width: 174, rawLeaves: true, cidVersion: 0)

    /// Every profile with a name that `all` means.
    public static let named = [v0_2015, v1_2025, kuboRawLeaves]

    /// Every profile that is tried for a CID.
    public static let known = named + [kuboRawLeavesV0]

    /// Leaves of up to 1 MiB: a block that holds one stays below the 2 MiB that IPFS nodes exchange.
    public static let chunkSizes = 1...1_048_576
    /// Links of 2 to 8192: a node of the widest stays below 1 MiB.
    public static let widths = 2...8192

    private init(name: String, chunkSize: Int, width: Int, rawLeaves: Bool, cidVersion: Int) {
        (self.name, self.chunkSize, self.width) = (name, chunkSize, width)
        (self.rawLeaves, self.cidVersion) = (rawLeaves, cidVersion)
    }

    /// A profile by its parameters; one of the named where they are the same.
    /// - Returns: nil when a parameter is outside its range. With raw leaves, CIDs of version 0 are those of nodes with links:
    ///   a leaf's, and so that of a file of one chunk, is of version 1.
    public init?(chunkSize: Int, width: Int, rawLeaves: Bool, cidVersion: Int) {
        guard Self.chunkSizes.contains(chunkSize), Self.widths.contains(width), (0...1).contains(cidVersion)
        else { return nil }
        let leaves = rawLeaves ? "raw-leaves" : "dag-pb-leaves"
        let profile = UnixFSProfile(
            name: "chunk-\(chunkSize)-width-\(width)-\(leaves)-cidv\(cidVersion)", chunkSize: chunkSize, width: width,
            rawLeaves: rawLeaves, cidVersion: cidVersion)
        self = Self.known.first { $0.isSameLayout(as: profile) } ?? profile
    }

    private func isSameLayout(as other: UnixFSProfile) -> Bool {
        (chunkSize, width, rawLeaves, cidVersion)
            == (other.chunkSize, other.width, other.rawLeaves, other.cidVersion)
    }
}

/// How a file becomes a DAG, which decides its CID (IPIP-499, https://github.com/ipfs/specs/pull/499).
public struct UnixFSProfile: Equatable, Sendable {
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

    /// Every profile with a name.
    public static let named = [v0_2015, v1_2025, kuboRawLeaves]
}

import ContentHash
import FoundationEssentials
import Host

/// What a build of a lock must hash to: `golden/NAME.json`.
public struct GoldenFile: Codable, Equatable, Sendable {
    /// 64 lower-case hexadecimal digits, of the lockfile's bytes.
    public var lockSHA256: String
    /// The image's bytes.
    public var size: Int
    /// 64 lower-case hexadecimal digits.
    public var sha256: String
    /// Under the profile that Aleph publishes (CIDv0, 256 KiB chunks).
    public var cid: String
    /// The root of a bundle with the lock's inputs (`store export`), where it was written down; a build doesn't compare it.
    public var inputsCID: String?

    /// As the file spells it.
    private enum CodingKeys: String, CodingKey {
        case size, sha256, cid
        case lockSHA256 = "lock_sha256"
        case inputsCID = "inputs_cid"
    }

    /// Of a build.
    public init(lockSHA256: String, identity: FileIdentity) {
        (self.lockSHA256, size) = (lockSHA256, identity.size)
        (sha256, cid) = (identity.sha256.hex, identity.cid(.v0_2015)?.description ?? "")
    }

    /// Reads a golden file.
    /// - Throws: `SystemError`, `BuildError.notGolden`.
    public init(path: String) throws {
        let bytes = try SmallFile.bytes(path, limit: 1 << 20)
        do { self = try JSONText.decode(Self.self, from: bytes) } catch { throw BuildError.notGolden(path) }
    }

    /// Of the files in a folder, the one of an image with these bytes.
    /// - Returns: Its path; nil where there is none, or no such folder.
    public static func find(_ identity: FileIdentity, in folder: String) -> (path: String, file: GoldenFile)? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names.sorted() where name.hasSuffix(".json") {
            // Other files lie there too, with answers for tests.
            guard let file = try? GoldenFile(path: "\(folder)/\(name)") else { continue }
            if file.sha256 == identity.sha256.hex, file.size == identity.size { return ("\(folder)/\(name)", file) }
        }
        return nil
    }

    /// Whether both say the same of a lock's image.
    public func isSameImage(as other: GoldenFile) -> Bool {
        (lockSHA256, size, sha256, cid) == (other.lockSHA256, other.size, other.sha256, other.cid)
    }

    /// Compares a build with the file at `path`.
    /// - Throws: `BuildError.otherLock` or `.mismatch`.
    public func compare(with found: GoldenFile, path: String) throws {
        guard lockSHA256 == found.lockSHA256 else {
            throw BuildError.otherLock(golden: path, expected: lockSHA256, found: found.lockSHA256)
        }
        guard isSameImage(as: found) else {
            throw BuildError.mismatch(golden: path, expected: self, found: found)
        }
    }
}

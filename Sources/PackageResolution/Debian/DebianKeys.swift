/// The OpenPGP keys of Debian's archives, 11 to 13, as the package debian-archive-keyring 2023.3+deb12u2 has them, without others'
/// signatures: a lock is verified with them where the host has no such package, or no longer has the key. They decide nothing, as a
/// lock says by fingerprint who may sign.
///
/// They never change, because bundles hold them, whose roots follow from the lock alone. A key that comes later may verify, but is in
/// the bundles of locks of a later format only.
public enum DebianKeys {
    /// A key by its primary key's fingerprint, and its packets (RFC 9580 10.1).
    public typealias Key = (fingerprint: String, bytes: [UInt8])

    /// All of them.
    static let all: [Key] = String(decoding: PackageResources.debian_archives_asc, as: UTF8.self)
        .split(separator: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n").compactMap { text in
            let block = Array("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\(text)".utf8)
            guard let keys = try? ArchiveKeys(block, name: "debian-archives.asc") else { return nil }
            return keys.fingerprints.first.map { ($0, keys.packets) }
        }

    /// Those of them that may sign one of a lock's archives, by fingerprint.
    /// - Parameter fingerprints: 40 upper-case hexadecimal digits each.
    /// - Returns: The keys, and the fingerprints that none of them has.
    public static func keys(_ fingerprints: Set<String>) -> (known: [Key], unknown: [String]) {
        (
            all.filter { fingerprints.contains($0.fingerprint) }.sorted { $0.fingerprint < $1.fingerprint },
            fingerprints.subtracting(all.map(\.fingerprint)).sorted()
        )
    }
}

import Archives
import ContentHash
import Host
import InputStore
import Mirrors
import RuntimeSpec

/// vhost-device-vsock: the other end of a machine's vsock, with a socket of the file system for each port.
///
/// A table of ours and no newest version: Debian has it in testing alone, where a version goes when the next one comes, and
/// whose Release may be past its date. Its bytes are known by their hash, whoever serves them.
public enum VsockDevice {
    /// One version, and a time at which the snapshot archive has it.
    private struct Version {
        let path: String
        let size: Int
        let sha256: String
        let snapshot: String
    }

    private static let versions = [
        Version(
            path: "pool/main/r/rust-vhost-device-vsock/vhost-device-vsock_0.3.0-2_amd64.deb", size: 945_484,
            sha256: "fd36382419cc174f00d9b1691486b581e13e8c1168dc339b86b2a65180a29ce7", snapshot: "20261101T000000Z")
    ]

    /// The program's bytes, from the store, any mirror or the snapshot archive.
    /// - Throws: `MachineError.device`, and what fetching throws.
    static func program(store: Store, fetcher: Fetcher) async throws -> [UInt8] {
        var failure: (any Error)?
        for version in versions {
            guard let sha256 = Digest(hex: version.sha256) else { continue }
            let input = Lockfile.Input(path: version.path, size: version.size, sha256: sha256)
            let archive = Lockfile.Archive(
                name: "testing", suite: "testing", components: ["main"], snapshot: version.snapshot, inRelease: input,
                keys: [], indexes: [])
            do {
                try await fetcher.fetch([RemoteInput(input, of: archive)])
            } catch {
                failure = error
                continue
            }
            guard let package = try store.bytes(of: input),
                let file = try DebFile.data(of: package, where: { $0.hasSuffix("bin/vhost-device-vsock") })?.first
            else { throw MachineError.device("\(version.path) holds no such program") }
            return file.bytes
        }
        throw failure ?? MachineError.device("no version of it is known")
    }
}

import CLinux
import Glibc
import Host
import Subprocess
import SystemPackage

/// A folder that lists its entries in a random order (disorderfs(1)).
struct ShuffledFolder {
    let path: String

    /// The one of a work folder, mounted or not.
    init(in folder: String) { path = "\(folder)/shuffled" }

    static var program: String? {
        ["/usr/bin/disorderfs", "/usr/local/bin/disorderfs"].first { access($0, X_OK) == 0 }
    }

    /// Mounts one in a work folder.
    static func mount(in folder: String) async throws -> ShuffledFolder {
        let shuffled = ShuffledFolder(in: folder)
        let (real, shown) = ("\(folder)/real", shuffled.path)
        for path in [real, shown] where mkdir(path, 0o700) != 0 { throw SystemError("cannot create \(path)", errno) }
        guard let program else { throw BuildError.sandbox("disorderfs isn't installed") }
        let result = try await run(
            .path(FilePath(program)),
            arguments: Arguments(
                ["--multi-user=yes", "--shuffle-dirents=yes", "-q", "-o", "dev,suid", real, shown].map(\.pathArgument)),
            environment: .custom(["PATH": Sandbox.searchPath]), output: .discarded, error: .string(limit: 1 << 16))
        guard result.terminationStatus.isSuccess else {
            throw BuildError.sandbox("disorderfs can't be mounted: \(result.standardError)")
        }
        return shuffled
    }

    /// Takes it away; what is in it stays in the work folder.
    func unmount() { umount2(path, CInt(rtv_mnt_detach)) }
}

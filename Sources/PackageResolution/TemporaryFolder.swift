import Glibc
import Host
import InputStore

/// A private folder that its user removes.
public struct TemporaryFolder: Sendable {
    public let path: String

    public init() throws {
        let base = temporaryDirectory
        var template = "\(base)/rtverify-XXXXXX".pathCString
        guard mkdtemp(&template) != nil else { throw StoreError.system("cannot create a folder in \(base)", errno) }
        path = String(path: template)
    }

    /// Removes the folder and all in it.
    public func remove() { Self.remove(path) }

    private static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in HostSources.names(in: path) { remove("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}

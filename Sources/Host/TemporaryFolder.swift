import Glibc

/// A private folder that its user removes.
public struct TemporaryFolder: Sendable {
    /// Below $TMPDIR, or /tmp.
    public let path: String

    /// - Throws: `SystemError`.
    public init() throws {
        let base = temporaryDirectory
        var template = "\(base)/rtverify-XXXXXX".pathCString
        guard mkdtemp(&template) != nil else { throw SystemError("cannot create a folder in \(base)", errno) }
        path = String(path: template)
    }

    /// Removes the folder and all in it.
    public func remove() { Folder.remove(path) }
}

import Archives

/// A file as its package ships it: a plain file of root's, below /usr, that nothing is expected to touch later. It may
/// be packed while other packages are installed, if it is still the same in the end.
public struct ShippedFile: Sendable {
    /// Relative to the root, with /usr merged.
    public let path: [UInt8]
    /// Bytes.
    public let size: Int
    /// Permission bits.
    public let mode: Int
    /// Seconds since 1970-01-01 UTC.
    public let time: Int

    /// Folders of the root that are links into /usr.
    static let mergedFolders = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"]

    /// What a maintainer script calls to change a shipped file. A package that mentions one is packed at the end.
    static let changingCommands = ["chmod", "chown", "chgrp", "setcap", "setfattr", "statoverride", "dpkg-divert"]

    /// - Parameter path: As the package spells it.
    init?(path: [UInt8], size: Int, mode: Int, time: Int) {
        var parts = path.split(separator: 0x2f).filter { $0 != [0x2e] }
        guard let first = parts.first else { return nil }
        if Self.mergedFolders.contains(where: { Array($0.utf8)[...] == first }) {
            parts.insert(Array("usr".utf8)[...], at: 0)
        } else if first != Array("usr".utf8)[...] {
            return nil
        }
        (self.path, self.size, self.mode, self.time) = (Array(parts.joined(separator: [0x2f])), size, mode, time)
    }

    /// One that was found before.
    /// - Parameters:
    ///   - path: Relative to the root, with /usr merged.
    ///   - mode: Permission bits.
    ///   - time: Seconds since 1970-01-01 UTC.
    public init(known path: [UInt8], size: Int, mode: Int, time: Int) {
        (self.path, self.size, self.mode, self.time) = (path, size, mode, time)
    }

    /// The archive's entry, if it is a file that may be packed as it is shipped.
    init?(_ entry: ArchiveEntry) {
        guard entry.kind == .file, entry.hardLinkTarget == nil, entry.uid == 0, entry.gid == 0,
            entry.permissions & 0o7000 == 0, entry.size > 0, !entry.hasAttributes
        else { return nil }
        self.init(path: entry.path, size: entry.size, mode: entry.permissions, time: entry.seconds)
    }

    /// - Parameter folder: A path without a slash before it.
    public func isAtOrBelow(_ folder: [UInt8]) -> Bool {
        path.starts(with: folder) && (path.count == folder.count || path[folder.count] == 0x2f)
    }
}

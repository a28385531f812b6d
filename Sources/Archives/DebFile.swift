/// A .deb (deb(5)): an ar archive of a version, what the package says of itself, and its files.
public enum DebFile {
    /// The files of a package's data.
    /// - Throws: `ArchiveError`; nil where it has no data.
    public static func data(of bytes: [UInt8], where isWanted: (String) -> Bool) throws -> [SmallTar.File]? {
        try member("data.tar", of: bytes, limit: 1 << 30, where: isWanted)
    }

    /// What a package says of itself: its control file (deb-control(5)).
    /// - Throws: `ArchiveError`; nil where it has none.
    public static func control(of bytes: [UInt8]) throws -> [UInt8]? {
        try member("control.tar", of: bytes, limit: 1 << 24) { $0 == "./control" || $0 == "control" }?.first?.bytes
    }

    /// The files of the first member whose name begins so.
    private static func member(
        _ name: String, of bytes: [UInt8], limit: Int, where isWanted: (String) -> Bool
    ) throws -> [SmallTar.File]? {
        let reader = try ArchiveReader(.ar, isCompressed: false, from: .memory(bytes))
        while let member = try reader.next() {
            guard member.pathText.hasPrefix(name) else { continue }
            let tar = try Compressed.bytes(of: try reader.bytes(limit: limit))
            return try SmallTar.files(tar, where: isWanted)
        }
        return nil
    }
}

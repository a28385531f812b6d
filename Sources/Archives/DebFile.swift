/// A .deb (deb(5)): an ar archive of a version, what the package says of itself, and its files.
public enum DebFile {
    /// The files of a package's data.
    /// - Throws: `ArchiveError`; nil where it has no data.
    public static func data(of bytes: [UInt8], where isWanted: (String) -> Bool) throws -> [SmallTar.File]? {
        let reader = try ArchiveReader(.ar, isCompressed: false, from: .memory(bytes))
        while let member = try reader.next() {
            guard member.pathText.hasPrefix("data.tar") else { continue }
            let tar = try Compressed.bytes(of: try reader.bytes(limit: 1 << 30))
            return try SmallTar.files(tar, where: isWanted)
        }
        return nil
    }
}

/// Tar archives in memory.
public enum SmallTar {
    /// A plain file.
    public struct File: Sendable {
        /// As the archive spells it; what is no UTF-8 is replaced.
        public var path: String
        /// What it holds.
        public var bytes: [UInt8]
    }

    /// The entries of which `isWanted` says yes to the path, at most 256 MiB each; of what isn't a file, no bytes. The
    /// mark of the end may be missing, as in the parts of Alpine's packages.
    /// - Throws: `ArchiveError`.
    public static func files(
        _ tar: [UInt8], where isWanted: (String) -> Bool = { _ in true }
    ) throws -> [File] {
        let reader = try ArchiveReader(.tar, isCompressed: false, from: .memory(tar))
        var files: [File] = []
        while let entry = try reader.next() {
            let path = entry.pathText
            guard isWanted(path) else { continue }
            let size = entry.size
            guard (0...(1 << 28)).contains(size) else { throw ArchiveError("its entry is of \(size) bytes") }
            let bytes = try reader.bytes(limit: size)
            guard bytes.count == size else { throw ArchiveError("its entry ends early") }
            files.append(File(path: path, bytes: bytes))
        }
        return files
    }
}

import CZlib

/// Compressed streams in memory.
public enum Compressed {
    /// What a stream holds, whatever compressed it (xz, gzip, zstd, bzip2), or itself where nothing did.
    /// - Parameter limit: Bytes that a small input may grow to.
    /// - Throws: `ArchiveError`.
    public static func bytes(of input: [UInt8], limit: Int = 1 << 30) throws -> [UInt8] {
        let reader = try ArchiveReader(.stream, isCompressed: true, from: .memory(input))
        // An index without packages is compressed, too.
        guard try reader.next() != nil else {
            if input.isEmpty { throw ArchiveError("there are no bytes") }
            return []
        }
        return try reader.bytes(limit: limit)
    }

    /// The members of a gzip file (RFC 1952), compressed as they are.
    /// - Throws: `ArchiveError`.
    public static func gzipMembers(_ bytes: [UInt8]) throws -> [[UInt8]] {
        var members: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let length = bytes[start...].withUnsafeBufferPointer { rtv_gzip_length($0.baseAddress, $0.count) }
            guard length > 0 else { throw ArchiveError("its part \(members.count + 1) is no gzip stream") }
            members.append(Array(bytes[start..<(start + length)]))
            start += length
            guard members.count < 16 else { throw ArchiveError("it has too many parts") }
        }
        return members
    }
}

/// Tar archives in memory.
public enum SmallTar {
    public struct File: Sendable {
        /// As the archive spells it; what is no UTF-8 is replaced.
        public var path: String
        public var bytes: [UInt8]
    }

    /// The entries of which `isWanted` says yes to the path, at most 256 MiB each; of what isn't a file, no bytes. The end may
    /// be missing, as in the parts of Alpine's packages, where the next part's tar goes on.
    /// - Throws: `ArchiveError`.
    public static func files(
        _ tar: [UInt8], where isWanted: (String) -> Bool = { _ in true }
    ) throws -> [File] {
        let reader = try ArchiveReader(.tar, isCompressed: false, from: .memory(tar))
        var files: [File] = []
        while true {
            let entry: ArchiveEntry?
            do { entry = try reader.next() } catch {
                if files.isEmpty { throw error }
                return files
            }
            guard let entry else { return files }
            let path = entry.pathText
            guard isWanted(path) else { continue }
            let size = entry.size
            guard (0...(1 << 28)).contains(size) else { throw ArchiveError("its entry is of \(size) bytes") }
            let bytes = try reader.bytes(limit: size)
            guard bytes.count == size else { throw ArchiveError("its entry ends early") }
            files.append(File(path: path, bytes: bytes))
        }
    }
}

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

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

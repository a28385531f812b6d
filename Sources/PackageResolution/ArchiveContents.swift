import Archives

/// What archives hold, with errors that name the file.
enum ArchiveContents {
    /// What a compressed stream holds.
    /// - Parameter limit: Bytes that a small input may grow to.
    /// - Throws: `ResolutionError.malformed`.
    static func bytes(of input: [UInt8], name: String, limit: Int = 1 << 30) throws -> [UInt8] {
        try named("\(name) can't be decompressed") { try Compressed.bytes(of: input, limit: limit) }
    }

    /// The files of a tar.
    /// - Throws: `ResolutionError.malformed`.
    static func files(
        _ tar: [UInt8], name: String, where isWanted: (String) -> Bool = { _ in true }
    ) throws -> [SmallTar.File] {
        try named("\(name) can't be read") { try SmallTar.files(tar, where: isWanted) }
    }

    /// The members of a gzip file.
    /// - Throws: `ResolutionError.malformed`.
    static func gzipMembers(_ bytes: [UInt8], name: String) throws -> [[UInt8]] {
        try named("\(name) is damaged") { try Compressed.gzipMembers(bytes) }
    }

    private static func named<Value>(_ what: String, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as ArchiveError {
            throw ResolutionError.malformed("\(what): \(error)")
        }
    }
}

/// A .deb in memory.
package enum PackageFile {
    /// The files of its data of which `isWanted` says yes to the path.
    /// - Throws: `ResolutionError.malformed`.
    package static func data(
        of bytes: [UInt8], name: String, where isWanted: (String) -> Bool
    ) throws -> [(path: String, bytes: [UInt8])] {
        let files: [SmallTar.File]?
        do { files = try DebFile.data(of: bytes, where: isWanted) } catch let error as ArchiveError {
            throw ResolutionError.malformed("\(name) is not a Debian package: \(error)")
        }
        guard let files else { throw ResolutionError.malformed("\(name) is not a Debian package: it has no data") }
        return files.map { ($0.path, $0.bytes) }
    }
}

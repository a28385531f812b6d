import Glibc

/// What a file is called: its size, SHA-256 and CID.
public struct FileIdentity: Equatable, Sendable {
    /// Bytes.
    public let size: Int
    public let sha256: Digest
    public let cid: CID
    /// The profile that `cid` is of.
    public let profile: UnixFSProfile

    /// Reads an open file to its end, from where it stands.
    /// - Throws: `FileReadError` with `name`.
    public init(descriptor: CInt, name: String, profile: UnixFSProfile = .v0_2015) throws {
        var sha256 = SHA256Hasher()
        var tree = UnixFSHasher(profile: profile)
        var size = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw FileReadError(file: name, reason: String(cString: strerror(errno))) }
            if count == 0 { break }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            sha256.update(bytes)
            tree.update(bytes)
            size += count
        }
        self.size = size
        self.sha256 = sha256.finalize()
        self.cid = tree.finalize()
        self.profile = profile
    }

    /// Reads the file at `path`, or standard input where it is `-`.
    public init(path: String, profile: UnixFSProfile = .v0_2015) throws {
        if path == "-" {
            try self.init(descriptor: STDIN_FILENO, name: "standard input", profile: profile)
            return
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileReadError(file: path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        try self.init(descriptor: descriptor, name: path, profile: profile)
    }
}

/// A file that can't be read.
public struct FileReadError: Error, CustomStringConvertible {
    public let file: String
    public let reason: String

    public init(file: String, reason: String) {
        (self.file, self.reason) = (file, reason)
    }

    public var description: String { "cannot read \(file): \(reason)" }
}

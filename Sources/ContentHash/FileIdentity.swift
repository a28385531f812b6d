import Glibc
import Host

/// What a file is called: its size, SHA-256 and CIDs.
public struct FileIdentity: Equatable, Sendable {
    /// A CID and how it was made.
    public struct ProfiledCID: Equatable, Sendable {
        /// How the file was cut.
        public let profile: UnixFSProfile
        /// What it is called then.
        public let cid: CID
    }

    /// Bytes.
    public let size: Int
    /// Of its bytes.
    public let sha256: Digest
    /// In the order in which their profiles were asked for.
    public let cids: [ProfiledCID]

    /// The CID under a profile; nil when it wasn't asked for.
    public func cid(_ profile: UnixFSProfile) -> CID? { cids.first { $0.profile == profile }?.cid }

    init(size: Int, sha256: Digest, cids: [ProfiledCID]) { (self.size, self.sha256, self.cids) = (size, sha256, cids) }

    /// Reads an open file to its end, from where it stands; a pipe will do.
    /// - Throws: `FileReadError` with `name`.
    public init(descriptor: CInt, name: String, profiles: [UnixFSProfile] = [.v0_2015]) throws {
        let hasher = ContentHasher(profiles: profiles)
        // Only a hint; a pipe has no read-ahead.
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        while true {
            let room = hasher.room
            // A quarter of a mebibyte at a time stays in the processor's cache until it is hashed.
            let wanted = min(room.count, 1 << 18)
            let count: Int
            do {
                count = try OpenFile.read(descriptor, into: .init(rebasing: room[..<wanted]))
            } catch { throw FileReadError(file: name, reason: error.description) }
            if count > 0 { hasher.commit(count) }
            // A terminal's end is told once.
            if count < wanted { break }
        }
        self = hasher.finalize()
    }

    /// Reads the file at `path`, or standard input where it is `-`.
    /// - Throws: `FileReadError`.
    public init(path: String, profiles: [UnixFSProfile] = [.v0_2015]) throws {
        if path == "-" {
            try self.init(descriptor: STDIN_FILENO, name: "standard input", profiles: profiles)
            return
        }
        let file = try InputFile(path: path)
        var status = stat()
        // /dev/zero and its like have no end; a folder has no bytes.
        guard fstat(file.descriptor, &status) == 0, ![S_IFCHR, S_IFDIR].contains(status.st_mode & S_IFMT) else {
            throw FileReadError(file: path, reason: "it is no file, and no stream that ends")
        }
        try self.init(descriptor: file.descriptor, name: path, profiles: profiles)
    }
}

/// A file that is open for reading until it goes.
public final class InputFile: Sendable {
    /// As it was given.
    public let path: String
    /// Open for reading.
    public let descriptor: CInt

    /// - Throws: `FileReadError`.
    public init(path: String) throws {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileReadError(file: path, reason: String(cString: strerror(errno))) }
    }

    /// A file that somebody else has open, and may close.
    /// - Parameter name: What errors call it.
    /// - Throws: `FileReadError`.
    package init(copying descriptor: CInt, name: String) throws {
        path = name
        self.descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard self.descriptor >= 0 else { throw FileReadError(file: name, reason: String(cString: strerror(errno))) }
    }

    deinit { close(descriptor) }

    /// Bytes, of a regular file or a block device; nil for a pipe and other things that end when they end.
    public var size: Int? {
        let end = lseek(descriptor, 0, SEEK_END)
        return end < 0 || lseek(descriptor, 0, SEEK_SET) < 0 ? nil : Int(end)
    }

    /// Fills a buffer with the bytes at a position.
    /// - Throws: `FileReadError`, also when the file ends before.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws {
        let count: Int
        do { count = try OpenFile.read(descriptor, at: position, into: buffer) } catch {
            throw FileReadError(file: path, reason: error.description)
        }
        guard count == buffer.count else {
            throw FileReadError(file: path, reason: "it ends before byte \(position + count)")
        }
    }
}

/// A file that can't be read.
public struct FileReadError: Error, CustomStringConvertible {
    /// As it was given.
    public let file: String
    /// What went wrong, in words.
    public let reason: String

    /// - Parameter reason: In words.
    public init(file: String, reason: String) {
        (self.file, self.reason) = (file, reason)
    }

    /// For people.
    public var description: String { "cannot read \(file): \(reason)" }
}

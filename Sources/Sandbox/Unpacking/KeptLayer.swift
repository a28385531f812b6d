// Not all of Host: paths are a root's, as bytes.
import Archives
import CLinux
import ContentHash
import Glibc
import struct Host.SystemError

/// A tree as it was after a phase of a build, or what the next phase made of it: compressed archives in a folder, each known by its
/// hash.
public struct KeptLayer: Codable, Sendable {
    /// A tar archive (POSIX.1-2001 pax), compressed.
    public struct Chunk: Codable, Sendable {
        /// The file's name in the layer's folder.
        public var name: String
        /// Of the file, as it lies there.
        public var sha256: Digest

        /// - Parameter sha256: Of the file, as it lies there.
        public init(name: String, sha256: Digest) { (self.name, self.sha256) = (name, sha256) }
    }

    /// Paths that are in the layer below and no longer in this one, relative to the root; those in a folder after it.
    public var removed: [[UInt8]]
    /// The folders, those above first.
    public var folders: Chunk
    /// All else but hard links, in any order.
    public var files: [Chunk]
    /// Other names of files.
    public var links: Chunk

    /// Where a root that is restored has the layer's folder.
    public static let place = "\(Root.privateFolder)/kept"

    /// - Parameters:
    ///   - removed: Paths of the layer below, relative to the root; those in a folder after it.
    ///   - links: Other names of files.
    public init(removed: [[UInt8]], folders: Chunk, files: [Chunk], links: Chunk) {
        (self.removed, self.folders, self.files, self.links) = (removed, folders, files, links)
    }

    /// For a process that is in the root.
    func restore() throws {
        // libarchive asks for the process's mask by setting it to 0 for an instant, in each thread: another would take that for the
        // mask, and give a file fewer bits than it has. All modes are the archives'.
        umask(0)
        for path in removed.reversed() {
            guard Self.remove(path) else {
                throw SystemError("cannot remove \(String(decoding: path, as: UTF8.self)) in the root", errno)
            }
        }
        // New folders get their modes and times when all is in them, and attributes after that: a default access list would be inherited.
        let disk = try DiskWriter(hasAttributes: false)
        try Self.unpack(folders, to: disk)
        try concurrently(files.count) { index in
            let disk = try DiskWriter()
            try Self.unpack(files[index], to: disk)
            try disk.finish()
        }
        let last = try DiskWriter()
        try Self.unpack(links, to: last)
        try last.finish()
        try disk.finish()
        // Once more, also for those that were there before, which got their times at once.
        let again = try DiskWriter()
        try Self.unpack(folders, to: again)
        try again.finish()
    }

    private static func remove(_ path: [UInt8]) -> Bool {
        path.withCString { unlink($0) == 0 || (errno == EISDIR && rmdir($0) == 0) }
    }

    /// libarchive reads attributes of these names, and doesn't write them (3.6.2).
    private static func setAccessLists(_ entry: ArchiveEntry) throws {
        for attribute in entry.attributes where attribute.name.starts(with: Array("system.posix_acl".utf8)) {
            let value = attribute.value
            let status = entry.path.withCString { path in
                attribute.name.withCString { lsetxattr(path, $0, value, value.count, 0) }
            }
            guard status == 0 else {
                throw SystemError("cannot set the access control list of \(entry.pathText) in the root", errno)
            }
        }
    }

    private static func unpack(_ chunk: Chunk, to disk: DiskWriter) throws {
        let path = "\(place)/\(chunk.name)"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw SystemError("cannot read \(path)", errno) }
        defer { close(descriptor) }
        let stream = HashingReader(descriptor: descriptor, name: path)
        let failure: (any Error)?
        do {
            let reader = try ArchiveReader(
                .tar, isCompressed: true,
                from: .pieces { (try? stream.next()) ?? UnsafeRawBufferPointer(start: nil, count: 0) })
            while let entry = try reader.next() {
                try disk.write(entry, of: reader)
                if disk.hasAttributes { try setAccessLists(entry) }
            }
            failure = nil
        } catch {
            failure = error
        }
        // Whatever its bytes led to, that they aren't those that were written comes first.
        try stream.drain()
        guard stream.finalize() == chunk.sha256 else { throw SystemError("\(chunk.name) has changed", EIO) }
        if let failure { throw failure }
    }
}

// The same names as in ChrootTask: paths are a root's.
import Glibc
import enum Host.OpenFile
import struct Host.SystemError
import struct RuntimeSpec.Ownership

/// Owners of a root's files, by the names that its own /etc/passwd and /etc/group have (passwd(5), group(5)).
///
/// Not getpwnam(3), which would ask whatever the host's nsswitch.conf names.
enum RootOwners {
    /// Gives what is at a path to its owner. What isn't said is root's, and not the group's of a folder above that hands it down.
    /// - Parameter follows: Whether of a link it is what it leads to, and not the link.
    /// - Throws: `SandboxError.unknownOwner` for a name that the root doesn't know.
    static func give(_ path: String, to ownership: Ownership, follows: Bool = false) throws {
        let user = try ownership.owner.map { try number($0, "/etc/passwd", "user", path) } ?? 0
        let group = try ownership.group.map { try number($0, "/etc/group", "group", path) } ?? 0
        guard (follows ? chown(path, user, group) : lchown(path, user, group)) == 0 else {
            throw SystemError("cannot give \(path) to \(user):\(group) in the root", errno)
        }
    }

    private static func number(_ name: String, _ file: String, _ kind: String, _ path: String) throws -> UInt32 {
        if let number = UInt32(name) { return number }
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SandboxError.unknownOwner(kind: kind, name: name, path: path) }
        defer { close(descriptor) }
        var status = stat()
        fstat(descriptor, &status)
        let bytes = (try? OpenFile.bytes(descriptor, at: 0, count: Int(status.st_size))) ?? []
        // NAME:PASSWORD:NUMBER:...
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            if fields.count > 2, fields[0].elementsEqual(name.utf8),
                let number = UInt32(String(decoding: fields[2], as: UTF8.self))
            {
                return number
            }
        }
        throw SandboxError.unknownOwner(kind: kind, name: name, path: path)
    }
}

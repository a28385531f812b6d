import Archives
import Glibc
import enum Host.OpenFile
import struct Host.SystemError

/// A package as `RepackedDeb` writes it: debian-binary, control.tar and data.tar, none compressed, each after a header of 60 bytes.
final class PreparedDeb: Sendable {
    let name: String
    private let descriptor: CInt
    private let isOwn: Bool
    private let control: Range<Int>
    private let data: Range<Int>

    /// - Parameter descriptor: Of the file, which stays open for as long as this lives.
    /// - Throws: `SandboxError.badPackage`.
    init(name: String, descriptor: CInt, isOwn: Bool = false) throws {
        (self.name, self.descriptor, self.isOwn) = (name, descriptor, isOwn)
        var members: [Range<Int>] = []
        var offset = 8
        for _ in 0..<3 {
            offset += 60
            guard let field = try? OpenFile.bytes(descriptor, at: offset - 12, count: 10),
                let size = Int(String(decoding: field.prefix { $0 != 0x20 }, as: UTF8.self))
            else {
                if isOwn { close(descriptor) }
                throw SandboxError.badPackage(package: name, reason: "its prepared copy is damaged")
            }
            members.append(offset..<(offset + size))
            offset += size + size % 2
        }
        (control, data) = (members[1], members[2])
    }

    /// The one in the private folder, for a process that is in the root.
    convenience init(inRoot name: String) throws {
        let path = "\(Root.privateFolder)/\(name).deb"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("cannot read \(path) in the root", errno) }
        try self.init(name: name, descriptor: descriptor, isOwn: true)
    }

    deinit { if isOwn { close(descriptor) } }

    /// Its data.tar.
    var dataSource: ArchiveReader.Source { .file(descriptor, offset: data.lowerBound, size: data.count) }
    /// Its control.tar.
    var controlSource: ArchiveReader.Source { .file(descriptor, offset: control.lowerBound, size: control.count) }
}

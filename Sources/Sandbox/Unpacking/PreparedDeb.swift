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

    /// Whether each header of its data.tar is of a kind that every tar has (tar(5)): a file, a folder, a link, GNU's long names.
    /// What others mean, libarchive knows and dpkg doesn't.
    var hasPlainHeaders: Bool {
        var offset = data.lowerBound
        while offset + 512 <= data.upperBound {
            guard let header = try? OpenFile.bytes(descriptor, at: offset, count: 512) else { return false }
            if header.allSatisfy({ $0 == 0 }) { return true }
            let digits = header[124..<136].filter { $0 != 0x20 && $0 != 0 }
            guard [0, 0x30, 0x31, 0x32, 0x35, 0x4b, 0x4c].contains(header[156]),
                let size = Int(String(decoding: digits, as: UTF8.self), radix: 8), size >= 0
            else { return false }
            // What a link's or a folder's header says of a size has no bytes behind it.
            let isEmpty = [0x31, 0x32, 0x35].contains(header[156])
            if isEmpty, size != 0 { return false }
            offset += 512 + (size + 511) / 512 * 512
        }
        return true
    }

    /// Its data.tar.
    var dataSource: ArchiveReader.Source { .file(descriptor, offset: data.lowerBound, size: data.count) }
    /// Its control.tar.
    var controlSource: ArchiveReader.Source { .file(descriptor, offset: control.lowerBound, size: control.count) }
}

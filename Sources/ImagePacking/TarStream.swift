import FileTree
import Glibc
import Host

/// Writes entries as a tar stream (POSIX.1-2001 pax) to a pipe. Extended attributes go as `SCHILY.xattr.NAME` records,
/// which is what tar2sqfs reads.
///
/// Unchecked: it is handed from thread to thread, each of which ends before the next begins.
package final class TarStream: @unchecked Sendable {
    private let output: (UnsafeRawBufferPointer) throws -> Void
    private let isChecking: Bool
    private let buffer: UnsafeMutableRawBufferPointer
    private var used = 0

    /// - Parameters:
    ///   - isChecking: Whether a file must be the one that was found: programs run in the tree meanwhile.
    ///   - output: Gets the bytes, piece by piece.
    package init(isChecking: Bool, to output: @escaping (UnsafeRawBufferPointer) throws -> Void) {
        (self.output, self.isChecking) = (output, isChecking)
        buffer = .allocate(byteCount: 1 << 20, alignment: 4096)
    }

    /// - Parameter descriptor: Of a pipe or a file; it stays open.
    package convenience init(descriptor: CInt) { self.init(isChecking: false) { try Self.send($0, to: descriptor) } }

    deinit { buffer.deallocate() }

    /// - Parameter file: The path to read a file's bytes from.
    package func write(_ packed: PackedEntry, from file: [UInt8]) throws {
        let entry = packed.entry
        if case .file(let size) = entry.kind, packed.firstName == nil {
            let opened = try OpenedFile(file, size: size)
            // A folder above it may have been another for a moment, and led out of the tree: what is open counts.
            if isChecking, let mark = packed.mark { try opened.check(mark) }
            try write(packed, of: opened)
            if isChecking, let mark = packed.mark { try opened.check(mark) }
            return
        }
        try write(Header(packed), of: entry)
    }

    /// A file with its bytes; one with much room in holes as GNU tar's sparse format 1.0 has it (tar manual, "PAX Format,
    /// Version 1.0"), so that zeros are neither read nor sent. The packer makes the same blocks of both.
    private func write(_ packed: PackedEntry, of file: OpenedFile) throws {
        guard let parts = try file.parts() else {
            try write(Header(packed), of: packed.entry)
            try copy(file, file.size)
            return try pad(file.size)
        }
        var map = Array("\(parts.count)\n".utf8)
        for part in parts { map += Array("\(part.lowerBound)\n\(part.count)\n".utf8) }
        map += [UInt8](repeating: 0, count: (512 - map.count % 512) % 512)
        let size = map.count + parts.reduce(0) { $0 + $1.count }
        var stored = packed
        stored.entry.kind = .file(size: size)
        stored.entry.path = Array("GNUSparseFile.0".utf8)
        try write(
            Header(stored), of: packed.entry,
            [
                ("GNU.sparse.major", Array("1".utf8)), ("GNU.sparse.minor", Array("0".utf8)),
                ("GNU.sparse.name", packed.entry.path), ("GNU.sparse.realsize", Array("\(file.size)".utf8)),
            ])
        try append(map)
        for part in parts {
            try file.seek(part.lowerBound)
            try copy(file, part.count)
        }
        try pad(size)
    }

    /// - Parameter more: Records besides those of attributes and of what doesn't fit the header.
    private func write(_ header: Header, of entry: TreeEntry, _ more: [(String, [UInt8])] = []) throws {
        var records = header.overflow
        for (key, value) in more { records.append((Array(key.utf8), value)) }
        for attribute in entry.attributes {
            records.append((Array("SCHILY.xattr.".utf8) + attribute.name, attribute.value))
        }
        if !records.isEmpty {
            let body = records.flatMap(Self.record)
            try append(Header.extended(size: body.count).block)
            try append(body)
            try pad(body.count)
        }
        try append(header.block)
    }

    /// Ends the archive: two empty blocks.
    package func finish() throws {
        try append([UInt8](repeating: 0, count: 1024))
        try flush()
    }

    /// `LENGTH KEY=VALUE\n`, where LENGTH counts itself.
    private static func record(_ key: [UInt8], _ value: [UInt8]) -> [UInt8] {
        let rest = key.count + value.count + 3
        var length = rest + 1
        while String(length).utf8.count + rest != length { length = String(length).utf8.count + rest }
        return Array("\(length) ".utf8) + key + [0x3d] + value + [10]
    }

    /// So many bytes of a file, from where it is read.
    private func copy(_ file: OpenedFile, _ size: Int) throws {
        var rest = size
        while rest > 0 {
            if used == buffer.count { try flush() }
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[used...])
            let wanted = UnsafeMutableRawBufferPointer(rebasing: room[..<min(room.count, rest)])
            let count = (try? OpenFile.read(file.descriptor, into: wanted)) ?? 0
            guard count > 0 else { throw file.failure(" to its end") }
            used += count
            rest -= count
        }
    }

    private func pad(_ size: Int) throws { try append([UInt8](repeating: 0, count: (512 - size % 512) % 512)) }

    private func append(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            if used == buffer.count { try flush() }
            let part = rest.prefix(buffer.count - used)
            UnsafeMutableRawBufferPointer(rebasing: buffer[used...]).copyBytes(from: part)
            used += part.count
            rest = rest.dropFirst(part.count)
        }
    }

    private func flush() throws {
        try output(UnsafeRawBufferPointer(rebasing: buffer[..<used]))
        used = 0
    }

    private static func send(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) throws {
        // A packer that stops reading is an error here, not the end of this process.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        do { try OpenFile.write(bytes, to: descriptor) } catch {
            throw SystemError("the packer stopped reading", error.rawValue)
        }
    }
}

/// A file that is packed, open.
private final class OpenedFile {
    let descriptor: CInt
    /// As the walk found it.
    let size: Int
    private let path: [UInt8]

    init(_ path: [UInt8], size: Int) throws {
        (self.path, self.size) = (path, size)
        descriptor = open(cString(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("") }
    }

    deinit { close(descriptor) }

    func failure(_ how: String) -> SystemError {
        SystemError("cannot read \(String(decoding: path, as: UTF8.self))\(how)", errno)
    }

    /// - Throws: `SystemError` where this isn't what was found, or has changed since.
    func check(_ mark: EntryMark) throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0, EntryMark(status) == mark else {
            throw SystemError("\(String(decoding: path, as: UTF8.self)) changed while it was read", ESTALE)
        }
    }

    func seek(_ offset: Int) throws {
        guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else { throw failure("") }
    }

    /// lseek(2)'s numbers of Linux, which Glibc shows to GNU's C alone.
    private static let (seekData, seekHole) = (CInt(3), CInt(4))
    /// More parts make no map: the packer looks each up for each block, and refuses more than 65,536.
    private static let mostParts = 1000
    /// Room in holes that is worth a map.
    private static let leastHoles = 1 << 20

    /// Where its bytes are, an empty part at its end where that is a hole; nil where it has no holes to speak of, or a file
    /// system that doesn't tell (lseek(2), SEEK_DATA).
    func parts() throws -> [Range<Int>]? {
        var status = stat()
        guard size >= Self.leastHoles, fstat(descriptor, &status) == 0,
            size - Int(status.st_blocks) * 512 >= Self.leastHoles
        else { return nil }
        var (parts, offset) = ([Range<Int>](), 0)
        while offset < size {
            let start = Int(lseek(descriptor, off_t(offset), Self.seekData))
            if start < 0, errno == ENXIO { break }
            let end = start < 0 ? -1 : Int(lseek(descriptor, off_t(start), Self.seekHole))
            guard end > start else {
                try seek(0)
                return nil
            }
            if start >= size { break }
            guard parts.count < Self.mostParts else {
                try seek(0)
                return nil
            }
            parts.append(start..<min(end, size))
            offset = end
        }
        if parts.last?.upperBound != size { parts.append(size..<size) }
        try seek(0)
        return parts
    }
}

/// A tar header of 512 bytes (ustar), and the records for what doesn't fit its fields.
private struct Header {
    private(set) var block = [UInt8](repeating: 0, count: 512)
    private(set) var overflow: [([UInt8], [UInt8])] = []

    init(_ packed: PackedEntry) {
        let entry = packed.entry
        var path = entry.path.isEmpty ? Array(".".utf8) : entry.path
        if entry.kind == .directory, packed.firstName == nil { path.append(0x2f) }
        var (type, size): (UInt8, Int) = (0x35, 0)
        var link: [UInt8] = []
        switch entry.kind {
        case _ where packed.firstName != nil: (type, link) = (0x31, packed.firstName ?? [])
        // The walk refuses sockets.
        case .directory, .socket: break
        case .file(let bytes): (type, size) = (0x30, bytes)
        case .symbolicLink(let target): (type, link) = (0x32, target)
        case .device(let isBlock, let major, let minor):
            type = isBlock ? 0x34 : 0x33
            put(major, at: 329, width: 8, key: nil)
            put(minor, at: 337, width: 8, key: nil)
        case .fifo: type = 0x36
        }
        put(path, at: 0, width: 100, key: "path")
        put(link, at: 157, width: 100, key: "linkpath")
        put(entry.mode, at: 100, width: 8, key: nil)
        put(entry.uid, at: 108, width: 8, key: "uid")
        put(entry.gid, at: 116, width: 8, key: "gid")
        put(size, at: 124, width: 12, key: "size")
        put(entry.time, at: 136, width: 12, key: "mtime")
        finish(type)
    }

    /// The header of a pax record block.
    static func extended(size: Int) -> Header {
        var header = Header()
        header.put(Array("pax".utf8), at: 0, width: 100, key: nil)
        header.put(0o644, at: 100, width: 8, key: nil)
        header.put(size, at: 124, width: 12, key: nil)
        header.finish(0x78)
        return header
    }

    private init() {}

    private mutating func put(_ bytes: [UInt8], at offset: Int, width: Int, key: String?) {
        if bytes.count > width, let key { overflow.append((Array(key.utf8), bytes)) }
        for (index, byte) in bytes.prefix(width).enumerated() { block[offset + index] = byte }
    }

    private mutating func put(_ number: Int, at offset: Int, width: Int, key: String?) {
        var text = Octal.text(number, width: width - 1)
        if text.utf8.count >= width {
            if let key { overflow.append((Array(key.utf8), Array(String(number).utf8))) }
            text = Octal.text(0, width: width - 1)
        }
        for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
    }

    private mutating func finish(_ type: UInt8) {
        block[156] = type
        for (index, byte) in "ustar\u{0}00".utf8.enumerated() { block[257 + index] = byte }
        for index in 148..<156 { block[index] = 0x20 }
        let sum = block.reduce(0) { $0 + Int($1) }
        let text = Octal.text(sum, width: 6) + "\u{0} "
        for (index, byte) in text.utf8.enumerated() { block[148 + index] = byte }
    }
}

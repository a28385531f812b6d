import Glibc
import Host

/// Writes entries as a tar stream (POSIX.1-2001 pax) to a pipe. Extended attributes go as `SCHILY.xattr.NAME` records,
/// which is what tar2sqfs reads.
///
/// Unchecked: it is handed from thread to thread, each of which ends before the next begins.
package final class TarStream: @unchecked Sendable {
    private let descriptor: CInt
    private let buffer: UnsafeMutableRawBufferPointer
    private var used = 0

    /// - Parameter descriptor: Of a pipe or a file; it stays open.
    package init(descriptor: CInt) {
        self.descriptor = descriptor
        buffer = .allocate(byteCount: 1 << 20, alignment: 4096)
    }

    deinit { buffer.deallocate() }

    /// - Parameter file: The path to read a file's bytes from.
    package func write(_ packed: PackedEntry, from file: [UInt8]) throws {
        let (header, entry) = (Header(packed), packed.entry)
        let records = header.overflow + entry.attributes.map { (Array("SCHILY.xattr.".utf8) + $0.name, $0.value) }
        if !records.isEmpty {
            let body = records.flatMap(Self.record)
            try append(Header.extended(size: body.count).block)
            try append(body)
            try pad(body.count)
        }
        try append(header.block)
        if case .file(let size) = entry.kind, packed.firstName == nil { try copy(file, size: size) }
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

    private func copy(_ path: [UInt8], size: Int) throws {
        let file = open(cString(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw failure("cannot read \(String(decoding: path, as: UTF8.self))") }
        defer { close(file) }
        var rest = size
        while rest > 0 {
            if used == buffer.count { try flush() }
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[used...])
            let wanted = UnsafeMutableRawBufferPointer(rebasing: room[..<min(room.count, rest)])
            let count = (try? OpenFile.read(file, into: wanted)) ?? 0
            guard count > 0 else { throw failure("cannot read \(String(decoding: path, as: UTF8.self)) to its end") }
            used += count
            rest -= count
        }
        try pad(size)
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
        // A packer that stops reading is an error here, not the end of this process.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        do { try OpenFile.write(UnsafeRawBufferPointer(rebasing: buffer[..<used]), to: descriptor) } catch {
            throw SystemError("the packer stopped reading", error.rawValue)
        }
        used = 0
    }

    private func failure(_ what: String) -> SystemError { SystemError(what, errno) }
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

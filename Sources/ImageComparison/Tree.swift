import Glibc
import Host

/// One name of a file tree, with every field that a runtime's image can have.
struct TreeEntry: Sendable {
    enum Kind: Equatable, Sendable {
        case directory
        case file(size: Int)
        case symbolicLink(target: [UInt8])
        case device(isBlock: Bool, major: Int, minor: Int)
        case fifo, socket
    }

    struct Attribute: Equatable, Sendable {
        var name: [UInt8]
        var value: [UInt8]
    }

    /// Relative to the root, as the bytes it is; empty for the root itself.
    var path: [UInt8]
    var kind: Kind
    /// Permission bits with set-user-id, set-group-id and sticky.
    var mode: Int
    var uid: Int
    var gid: Int
    /// Seconds since 1970-01-01 UTC.
    var time: Int
    /// In byte order of the names.
    var attributes: [Attribute] = []
    /// The tree's own number of what the name leads to: hard links share it.
    var node: Int
    /// Whether it is a folder that is there only because something is in it: nothing is said of its own fields.
    var isImplied = false

    var isFile: Bool { if case .file = kind { true } else { false } }
    var isExecutable: Bool { isFile && mode & 0o111 != 0 }
    var size: Int { if case .file(let size) = kind { size } else { 0 } }
    /// With a slash before it, for people.
    var name: String { readable(path) }

    func attribute(_ name: String) -> [UInt8]? { attributes.first { $0.name.elementsEqual(name.utf8) }?.value }
}

/// A path for people: what is no UTF-8, and control characters, as `\xNN`.
func readable(_ path: [UInt8]) -> String { "/" + readableText(path) }

func readableText(_ bytes: [UInt8]) -> String {
    // Nearly always.
    if bytes.allSatisfy({ (0x20..<0x7f).contains($0) }) { return String(decoding: bytes, as: UTF8.self) }
    var text = ""
    var decoder = UTF8()
    var rest = bytes.makeIterator()
    var position = 0
    while true {
        switch decoder.decode(&rest) {
        case .scalarValue(let scalar):
            let width = UTF8.width(scalar)
            if scalar.value < 0x20 || scalar.value == 0x7f || (0x80..<0xa0).contains(scalar.value) {
                for byte in bytes[position..<position + width] { text += escaped(byte) }
            } else {
                text.unicodeScalars.append(scalar)
            }
            position += width
        case .emptyInput: return text
        case .error:
            // The decoder's own position isn't known; the byte-wise form of what is left is right, if longer.
            return text
                + bytes[position...].map { (0x20..<0x7f).contains($0) ? String(UnicodeScalar($0)) : escaped($0) }
                .joined()
        }
    }
}

private func escaped(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return "\\x" + (digits.count == 1 ? "0" : "") + digits
}

/// Reads the contents of a tree's files. One thread's.
protocol ContentReader: AnyObject {
    /// Reads from a place in the entry's file until the buffer is full or the file ends.
    func read(_ entry: TreeEntry, from start: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

extension ContentReader {
    /// The file's bytes, at most `limit` of them.
    func bytes(_ entry: TreeEntry, limit: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: min(entry.size, limit))
        let count = try bytes.withUnsafeMutableBytes { try read(entry, from: 0, into: $0) }
        return Array(bytes.prefix(count))
    }
}

/// A tree that can be compared: an image, a folder or an archive.
protocol Tree: Sendable {
    /// What it is, in a word.
    var format: String { get }
    /// In byte order of the paths.
    var entries: [TreeEntry] { get }
    func makeReader() throws -> any ContentReader
}

/// A tree that can't be read.
struct TreeReadError: Error, CustomStringConvertible {
    let path: String
    let reason: String

    var description: String { "cannot read \(path): \(reason)" }
}

/// Opens whatever lies at a path.
enum TreeSource {
    static func open(_ path: String) throws -> any Tree {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw TreeReadError(path: path, reason: String(cString: strerror(errno)))
        }
        if status.st_mode & S_IFMT == S_IFDIR { return try FolderTree(path: path) }
        let magic: [UInt8]
        do { magic = try SmallFile.head(of: path, count: 4) } catch let error as SystemError {
            throw TreeReadError(path: path, reason: error.reason)
        }
        if magic == Array("hsqs".utf8) { return try SquashfsTree(path: path) }
        return try TarTree(path: path)
    }
}

func inByteOrder(_ entries: [TreeEntry]) -> [TreeEntry] {
    entries.sorted { a, b in
        a.path.withUnsafeBytes { x in
            b.path.withUnsafeBytes { y in
                let common = min(x.count, y.count)
                if common > 0, let left = x.baseAddress, let right = y.baseAddress {
                    let order = memcmp(left, right, common)
                    if order != 0 { return order < 0 }
                }
                return x.count < y.count
            }
        }
    }
}

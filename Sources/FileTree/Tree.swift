import Glibc

/// Reads the contents of a tree's files. One thread's.
package protocol ContentReader: AnyObject {
    /// Reads from a place in the entry's file until the buffer is full or the file ends.
    func read(_ entry: TreeEntry, from start: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

extension ContentReader {
    /// The file's bytes, at most `limit` of them.
    package func bytes(_ entry: TreeEntry, limit: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: min(entry.size, limit))
        let count = try bytes.withUnsafeMutableBytes { try read(entry, from: 0, into: $0) }
        return Array(bytes.prefix(count))
    }
}

/// A tree that can be compared: an image, a folder or an archive.
package protocol Tree: Sendable {
    /// What it is, in a word.
    var format: String { get }
    /// In byte order of the paths.
    var entries: [TreeEntry] { get }
    func makeReader() throws -> any ContentReader
}

/// A tree that can't be read.
package struct TreeReadError: Error, CustomStringConvertible {
    /// What can't be read.
    package let path: String
    /// In words.
    package let reason: String

    /// - Parameter reason: In words.
    package init(path: String, reason: String) { (self.path, self.reason) = (path, reason) }

    /// For people.
    package var description: String { "cannot read \(path): \(reason)" }
}

/// Sorted by the bytes of their paths.
package func inByteOrder(_ entries: [TreeEntry]) -> [TreeEntry] {
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

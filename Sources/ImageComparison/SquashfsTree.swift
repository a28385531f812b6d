import FileTree
import SquashfsImage

/// A squashfs image as a tree.
struct SquashfsTree: Tree {
    let format = "squashfs"
    let path: String
    let entries: [TreeEntry]
    let superblock: SquashfsReader.Superblock
    let fragments: [SquashfsReader.Fragment]
    /// By the entries' numbers.
    let files: [Int: SquashfsReader.StoredFile]
    private let source: Source

    /// The reader's tables don't change once it is open, and its one use by threads is to be copied from.
    private final class Source: @unchecked Sendable {
        let reader: SquashfsReader
        init(_ reader: SquashfsReader) { self.reader = reader }
    }

    init(path: String) throws {
        self.path = path
        let reader = try SquashfsReader(path: path)
        entries = inByteOrder(try reader.entries())
        files = reader.files
        (superblock, fragments) = (reader.superblock, reader.fragments)
        source = Source(reader)
    }

    func makeBlocks() throws -> SquashfsBlocks { try SquashfsBlocks(source.reader) }

    func makeReader() throws -> any ContentReader { Reader(tree: self, blocks: try makeBlocks()) }

    /// Bytes of the image that a file takes: its blocks, and its share of the block of tails.
    func storedSize(_ entry: TreeEntry) -> Int {
        guard let file = files[entry.node] else { return 0 }
        var size = file.blocks.reduce(0) { $0 + Int($1 & 0xff_ffff) }
        if let fragment = file.fragment, superblock.blockSize > 0 {
            let tail = file.size - file.blocks.count * superblock.blockSize
            size += tail * Int(fragments[fragment.index].size & 0xff_ffff) / superblock.blockSize
        }
        return size
    }

    private final class Reader: ContentReader {
        let tree: SquashfsTree
        let blocks: SquashfsBlocks

        init(tree: SquashfsTree, blocks: SquashfsBlocks) { (self.tree, self.blocks) = (tree, blocks) }

        func read(_ entry: TreeEntry, from start: Int, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            guard let file = tree.files[entry.node] else { return 0 }
            return try blocks.read(file, from: start, into: buffer)
        }
    }
}

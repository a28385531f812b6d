import ContentHash
import FileTree
import SquashfsImage

/// How two images with the same tree are packed differently.
enum PackingComparison {
    /// Flags of the superblock and what they mean (Documentation/filesystems/squashfs.rst of the kernel).
    private static let flags: [(bit: Int, name: String)] = [
        (0x0001, "inodes uncompressed"), (0x0002, "data uncompressed"), (0x0008, "fragments uncompressed"),
        (0x0010, "no fragments"), (0x0020, "fragments always"), (0x0040, "duplicates stored once"),
        (0x0080, "an export table"), (0x0100, "attributes uncompressed"), (0x0200, "no attributes"),
        (0x0400, "compressor options"), (0x0800, "ids uncompressed"),
    ]

    static func run(_ a: SquashfsTree, _ b: SquashfsTree, sizes: (a: Int, b: Int)) -> [ComparisonReport.Difference] {
        var result: [ComparisonReport.Difference] = []
        func add(_ part: String, _ left: String, _ right: String) {
            if left != right { result.append(.init(path: part, kind: .packing, a: left, b: right)) }
        }
        let (x, y) = (a.superblock, b.superblock)
        add("superblock time", Describe.time(x.time), Describe.time(y.time))
        add("compression", x.compression, y.compression)
        add("compressor options", options(x), options(y))
        add("block size", "\(x.blockSize)", "\(y.blockSize)")
        for flag in flags {
            add(
                "flag: \(flag.name)", x.flags & flag.bit != 0 ? "set" : "not set",
                y.flags & flag.bit != 0 ? "set" : "not set")
        }
        add("fragment blocks", "\(x.fragments)", "\(y.fragments)")
        add("inodes", "\(x.inodes)", "\(y.inodes)")
        add("id table", "\(x.owners) owners and groups", "\(y.owners) owners and groups")
        let (left, right) = (layout(a), layout(b))
        if let place = zip(left.order, right.order).enumerated().first(where: { $0.element.0 != $0.element.1 }) {
            let number = place.offset + 1
            add(
                "order of files", "file \(number) is \(readable(place.element.0))",
                "file \(number) is \(readable(place.element.1))")
        }
        add("duplicates", "\(left.shared) files share their blocks", "\(right.shared) files share their blocks")
        if a.entries.map(\.node) != b.entries.map(\.node) {
            add("inode numbers", "given in one order", "given in another")
        }
        // With all that the same, only the compressor itself can have done something else.
        if x.compression == y.compression, x.blockSize == y.blockSize, left.shared == right.shared,
            x.fragments == y.fragments
        {
            add(
                "compressed data", "\(left.stored) bytes",
                "\(right.stored) bytes" + (left.stored == right.stored ? "" : ", by another level or version"))
        }
        add("size", "\(sizes.a) bytes", "\(sizes.b) bytes")
        if result.isEmpty {
            add(
                "bytes", "packed in one way", "in another: the same tables and sizes, other compressed bytes or padding"
            )
        }
        return result
    }

    /// The superblock in words, by the names that `run` uses.
    static func description(_ tree: SquashfsTree) -> [String: String] {
        let block = tree.superblock
        let set = flags.filter { block.flags & $0.bit != 0 }.map(\.name)
        return [
            "version": "4.0", "time": Describe.time(block.time), "compression": block.compression,
            "compressor options": options(block), "block size": "\(block.blockSize)",
            "flags": set.joined(separator: ", "),
            "fragment blocks": "\(block.fragments)", "inodes": "\(block.inodes)",
            "id table": "\(block.owners) owners and groups", "bytes used": "\(block.bytesUsed)",
        ]
    }

    private static func options(_ superblock: SquashfsReader.Superblock) -> String {
        let bytes = superblock.compressorOptions
        if bytes.isEmpty { return "the defaults" }
        func number(_ offset: Int, _ count: Int) -> Int {
            bytes[offset..<min(offset + count, bytes.count)].enumerated().reduce(0) {
                $0 | Int($1.element) << (8 * $1.offset)
            }
        }
        switch (superblock.compression, bytes.count) {
        case ("gzip", 8...): return "level \(number(0, 4)), window 2^\(number(4, 2))"
        case ("zstd", 4...): return "level \(number(0, 4))"
        case ("xz", 8...): return "dictionary of \(number(0, 4)) bytes, filters \(number(4, 4))"
        case ("lz4", 8...): return number(4, 4) & 1 == 1 ? "high compression" : "fast"
        default: return Hex.encode(bytes)
        }
    }

    /// Files in the order in which they are stored, how many share their blocks with another, and all stored bytes.
    private static func layout(_ tree: SquashfsTree) -> (order: [[UInt8]], shared: Int, stored: Int) {
        var places: [Int: Int] = [:]
        var files: [(start: Int, path: [UInt8])] = []
        var (shared, stored) = (0, 0)
        var seen: Set<Int> = []
        for entry in tree.entries {
            guard let file = tree.files[entry.node], seen.insert(entry.node).inserted,
                case let count = file.blocks.reduce(0, { $0 + Int($1 & 0xff_ffff) }), count > 0
            else { continue }
            if places[file.start] != nil { shared += 1 } else { stored += count }
            places[file.start] = entry.node
            files.append((file.start, entry.path))
        }
        stored += tree.fragments.reduce(0) { $0 + Int($1.size & 0xff_ffff) }
        files.sort { $0.start < $1.start || $0.start == $1.start && $0.path.lexicographicallyPrecedes($1.path) }
        return (files.map(\.path), shared, stored)
    }
}

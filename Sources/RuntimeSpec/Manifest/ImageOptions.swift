import Host

/// How the squashfs image is packed.
public struct ImageOptions: Equatable, Sendable {
    /// A compressor that the kernels of Aleph's VMs mount (facts: zlib, lz4, xz, zstd).
    public enum Compression: String, CaseIterable, Sendable {
        case gzip, xz, zstd, lz4

        /// The levels that squashfs-tools-ng takes; nil where there are none to choose.
        public var levels: ClosedRange<Int>? {
            switch self {
            case .gzip: 1...9
            case .xz: 0...9
            case .zstd: 1...22
            case .lz4: nil
            }
        }

        /// zstd 9 packs smaller than gzip 9 in a seventh of its time (facts.md).
        var defaultLevel: Int? {
            switch self {
            case .gzip, .zstd: 9
            case .xz: 6
            case .lz4: nil
            }
        }
    }

    /// What its blocks are packed with.
    public var compression: Compression
    /// The compressor's level; nil where it has none.
    public var level: Int?
    /// Bytes a data block: a power of two from 4 KiB to 1 MiB.
    public var blockSize: Int
    /// Bytes that a file may have, holes included: what is larger was not meant.
    public var largestFile: Int

    /// 64 GiB: no machine's image has such a file, and a sparse one is made by mistake (lastlog(8) of a large uid).
    public static let usualLargestFile = 64 << 30

    /// - Parameter level: nil for the compressor's default.
    public init(
        compression: Compression = .zstd, level: Int? = nil, blockSize: Int = 131_072,
        largestFile: Int = usualLargestFile
    ) {
        (self.compression, self.largestFile) = (compression, largestFile)
        self.level = level ?? compression.defaultLevel
        self.blockSize = blockSize
    }

    static let keys = ["compression", "level", "block-size", "largest-file"]

    init(_ fields: TOMLFields) throws {
        let names = Compression.allCases.map(\.rawValue)
        let name =
            try fields.has("compression")
            ? fields.string("compression", "one of \(names.joined(separator: ", "))") { names.contains($0) } : "zstd"
        let compression = Compression(rawValue: name) ?? .zstd
        if compression.levels == nil, fields.has("level") {
            throw SpecError.badValue(
                file: fields.file, key: fields.name(of: "level"), found: "given", expected: "no level: \(name) has none"
            )
        }
        let level = try compression.levels.flatMap { try fields.optionalInteger("level", in: $0) }
        var blockSize = 131_072
        if fields.has("block-size") {
            let text = try fields.string("block-size", "a power of two from 4KiB to 1MiB") {
                Self.byteCount($0) != nil
            }
            blockSize = Self.byteCount(text) ?? blockSize
        }
        var largest = Self.usualLargestFile
        if fields.has("largest-file") {
            let text = try fields.string("largest-file", "bytes as 100MiB or 2TiB, up to 16TiB") {
                Self.size($0) != nil
            }
            largest = Self.size(text) ?? largest
        }
        self.init(compression: compression, level: level, blockSize: blockSize, largestFile: largest)
    }

    /// `100MiB`, `2TiB`: up to what the packer takes.
    private static func size(_ text: String) -> Int? { ByteSize.bytes(text, limit: 1 << 44) }

    /// The largest unit that gives a whole number.
    private static func text(ofSize size: Int) -> String {
        ByteSize.units.first { size % $0.1 == 0 }.map { "\(size / $0.1)\($0.0)" } ?? "\(size / 1024)KiB"
    }

    /// `128KiB`, `1MiB` or a plain number of bytes, as a block size.
    private static func byteCount(_ text: String) -> Int? {
        let (digits, factor) =
            text.hasSuffix("KiB")
            ? (text.dropLast(3), 1024)
            : text.hasSuffix("MiB")
                ? (text.dropLast(3), 1_048_576)
                : (text[...], 1)
        guard let number = Int(digits), number > 0, number <= 1_048_576 else { return nil }
        let bytes = number * factor
        return bytes.nonzeroBitCount == 1 && (4096...1_048_576).contains(bytes) ? bytes : nil
    }

    func write(to text: inout TOMLText) {
        text.table("image")
        text.value("compression", compression.rawValue)
        if let level { text.value("level", level) }
        text.value("block-size", blockSize == 1_048_576 ? "1MiB" : "\(blockSize / 1024)KiB")
        if largestFile != Self.usualLargestFile { text.value("largest-file", Self.text(ofSize: largestFile)) }
    }
}

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

    /// - Parameter level: nil for the compressor's default.
    public init(compression: Compression = .zstd, level: Int? = nil, blockSize: Int = 131_072) {
        self.compression = compression
        self.level = level ?? compression.defaultLevel
        self.blockSize = blockSize
    }

    static let keys = ["compression", "level", "block-size"]

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
        self.init(compression: compression, level: level, blockSize: blockSize)
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
    }
}

import ContentHash
import Host
import Sandbox

/// What is written down of a tree that was kept. The first line of its file is the SHA-256 of the rest.
public struct KeptTree: Codable, Sendable {
    /// SHA-256 of the record of the layer that it lies on; nil where it is the lowest.
    public var base: Digest?
    /// Its chunks.
    public var layer: KeptLayer
    /// Files that may be packed before the tree is whole, batch by batch, as they were offered.
    private var shipped: [[Shipped]]

    /// A file as JSON has it: paths need not be UTF-8 (`String(path:)`).
    private struct Shipped: Codable {
        var path: String
        var size: Int
        var mode: Int
        var time: Int
    }

    /// The name of its file.
    static let name = "record"

    /// - Parameters:
    ///   - base: SHA-256 of the record of the layer below.
    ///   - shipped: Files that may be packed early, batch by batch.
    public init(base: Digest?, layer: KeptLayer, shipped: [[ShippedFile]]) {
        (self.base, self.layer) = (base, layer)
        self.shipped = shipped.map { batch in
            batch.map { Shipped(path: String(path: $0.path), size: $0.size, mode: $0.mode, time: $0.time) }
        }
    }

    /// Files that may be packed before the tree is whole, batch by batch.
    public var shippedFiles: [[ShippedFile]] {
        shipped.map { batch in
            batch.map { ShippedFile(known: $0.path.pathBytes, size: $0.size, mode: $0.mode, time: $0.time) }
        }
    }

    /// Writes it beside its chunks.
    /// - Returns: Its SHA-256.
    /// - Throws: `SystemError`.
    @discardableResult
    public func write(in folder: String) throws -> Digest {
        let body = try JSONText.line(self)
        let digest = Digest.of(body)
        try SmallFile.overwrite("\(folder)/\(Self.name)", with: "\(digest)\n" + String(decoding: body, as: UTF8.self))
        return digest
    }

    /// Reads one; nil where there is none, or it isn't as it was written.
    public static func read(from folder: String) -> (tree: KeptTree, sha256: Digest)? {
        guard let bytes = try? SmallFile.bytes("\(folder)/\(name)", limit: 1 << 28),
            let end = bytes.firstIndex(of: 10), let digest = Digest(hex: String(decoding: bytes[..<end], as: UTF8.self))
        else { return nil }
        let body = Array(bytes[(end + 1)...])
        guard Digest.of(body) == digest, let tree = try? JSONText.decode(KeptTree.self, from: body) else { return nil }
        return (tree, digest)
    }
}

import ContentHash
import Host
import InputStore
import RuntimeSpec
import Synchronization

/// A bundle's folder behind an IPFS gateway (https://specs.ipfs.tech/http-gateways/), which is trusted for nothing: what it serves is
/// compared with the lock's SHA-256, and blocks with their CIDs.
///
/// Gateways differ in what they serve. An object of up to 1 MiB is asked for as the raw block that its SHA-256 names, which every
/// gateway has; a larger one by its path, and where there are no paths (trustless gateways) block by block from the root on.
public final class Gateway: Sendable {
    /// A folder behind a gateway.
    public struct Place: Hashable, Sendable {
        /// What stands before `/ipfs/`.
        public let server: String
        /// The folder's.
        public let root: CID

        /// - Parameter server: What stands before `/ipfs/`.
        public init(server: String, root: CID) { (self.server, self.root) = (server, root) }

        /// Reads `https://GATEWAY/ipfs/ROOT` or `https://ROOT.ipfs.GATEWAY`; nil for any other URL.
        init?(url: String) {
            let parts = url.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count >= 3, parts[0] == "http:" || parts[0] == "https:", parts[1].isEmpty else { return nil }
            if parts.count >= 5, parts[parts.count - 2] == "ipfs", let root = try? CID(parts[parts.count - 1]) {
                self.init(server: parts.dropLast(2).joined(separator: "/"), root: root)
                return
            }
            let labels = parts[2].split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 3, labels.count > 2, labels[1] == "ipfs", let root = try? CID(labels[0]) else {
                return nil
            }
            self.init(server: "\(parts[0])//\(labels.dropFirst(2).joined(separator: "."))", root: root)
        }
    }

    private let place: Place
    private let downloader: Downloader
    /// Folders' blocks, which many objects have in common.
    private struct Folders {
        var blocks: [CID: [UInt8]] = [:]
        var size = 0
    }

    private let folders = Mutex(Folders())
    /// Bytes of them.
    private static let mostKept = 16 << 20

    init(_ place: Place, downloader: Downloader) { (self.place, self.downloader) = (place, downloader) }

    /// Downloads an object.
    /// - Parameter file: Gets its bytes, from its beginning on.
    /// - Throws: `SourceFailure`, `SystemError`.
    func download(
        _ input: Lockfile.Input, into file: AtomicFile, received: @escaping @Sendable (Int) -> Void
    ) async throws {
        let isOne = FolderCARReader.isOneBlock(input.size)
        if isOne {
            do {
                return try await downloader.download(
                    url(of: CID(raw: input.sha256)), as: input, into: file, received: received)
            } catch let failure as SourceFailure where failure.isOfFile { try file.reset() }
        }
        let path = "\(place.server)/ipfs/\(place.root)/\(Store.place(of: input.sha256))"
        do {
            return try await downloader.download(
                path, as: input, into: file, tries: isOne ? nil : 2, received: received)
        } catch let failure as SourceFailure where failure.kind != .source && !isOne {
            // 504 and its like too: a gateway that can't find a path in time may have all its blocks.
            try file.reset()
            try await downloadBlocks(of: input, into: file, received: received)
        }
    }

    /// For people: without user and password.
    private var shown: String { WebAddress.withoutLogin(place.server) }

    private func url(of cid: CID) -> String { "\(place.server)/ipfs/\(cid)?format=raw" }

    private func downloadBlocks(
        of input: Lockfile.Input, into file: AtomicFile, received: @escaping @Sendable (Int) -> Void
    ) async throws {
        do {
            guard let root = try await cid(of: Store.place(of: input.sha256)) else {
                throw SourceFailure(
                    kind: .file, description: "\(shown): \(place.root) has no \(Store.place(of: input.sha256))")
            }
            var hasher = SHA256Hasher()
            var walk = FileWalk(root, size: input.size, isOfProfile: false)
            while let cid = try walk.next() {
                let bytes = Array(try walk.add(cid, block: try await block(cid)))
                try bytes.withUnsafeBytes {
                    hasher.update($0)
                    try file.write($0)
                }
                received(bytes.count)
            }
            let found = hasher.finalize()
            guard found == input.sha256 else {
                throw SourceFailure(
                    kind: .wrongBytes,
                    description:
                        "\(shown): the blocks of \(root) are other bytes: sha256 \(found) instead of \(input.sha256)"
                )
            }
        } catch let error as CARError {
            throw SourceFailure(kind: .wrongBytes, description: "\(shown): \(error)")
        }
    }

    /// What a path in the folder names.
    private func cid(of path: String) async throws -> CID? {
        var cid = place.root
        for name in path.split(separator: "/") {
            let block: [UInt8]
            if let known = folders.withLock({ $0.blocks[cid] }) {
                block = known
            } else {
                block = try await self.block(cid)
                folders.withLock { folders in
                    folders.size += block.count
                    if folders.size <= Self.mostKept { folders.blocks[cid] = block }
                }
            }
            let folder = try CARError.naming(cid) { () throws(UnixFSNode.Failure) in
                try UnixFSFolder(codec: cid.codec, block: block)
            }
            guard let next = folder.links.first(where: { $0.name == name })?.cid else { return nil }
            cid = next
        }
        return cid
    }

    /// A block that is its CID's.
    private func block(_ cid: CID) async throws -> [UInt8] {
        if let inlined = cid.inlined { return inlined }
        let (url, sink) = (url(of: cid), MemorySink())
        _ = try await downloader.download(
            url, limit: FolderCARReader.largestBlock, into: sink, isPinned: true, received: { _ in })
        guard Digest.of(sink.bytes) == cid.digest else {
            throw SourceFailure(
                kind: .wrongBytes, description: "\(WebAddress.withoutLogin(url)): what it answers isn't that block")
        }
        return sink.bytes
    }
}

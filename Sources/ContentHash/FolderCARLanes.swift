import Host
import Synchronization

/// What the lanes of a `FolderCARWriter` tell one another: which leaf is whose, its digest, and what went wrong.
final class FolderCARProgress: Sendable {
    /// A leaf on its way.
    struct Piece {
        let file: Int
        let isFirst: Bool
        let isLast: Bool
        /// What it must be; nil where that isn't known.
        var cid: CID?
        /// What stands before it in the CAR.
        var before: [Before] = []
    }

    /// What isn't a leaf.
    enum Before {
        /// Room for a node of so many bytes, to be filled when it is known.
        case space(FolderPlan.Target, Int)
        /// A node that is known.
        case node(CID, [UInt8])
    }

    private struct State {
        var pieces: [Piece] = []
        var digests: [Digest] = []
        /// The number of each file's first leaf.
        var firsts: [Int: Int] = [:]
        var error: (any Error)?
    }

    private let state = Mutex(State())

    func add(_ piece: Piece) {
        state.withLock { state in
            if piece.isFirst { state.firsts[piece.file] = state.pieces.count }
            state.pieces.append(piece)
        }
    }

    func piece(_ number: Int) -> Piece { state.withLock { $0.pieces[number] } }

    func add(_ digest: Digest) { state.withLock { $0.digests.append(digest) } }

    func digest(_ number: Int) -> Digest { state.withLock { $0.digests[number] } }

    /// Those of a file's leaves.
    func digests(of file: Int, count: Int) -> [Digest] {
        state.withLock { state in state.firsts[file].map { Array(state.digests[$0..<($0 + count)]) } ?? [] }
    }

    /// The first thing that went wrong.
    var error: (any Error)? { state.withLock { $0.error } }

    func fail(_ error: any Error) { state.withLock { $0.error = $0.error ?? error } }
}

/// SHA-256 of each leaf.
final class LeafLane: HashLane {
    private let progress: FolderCARProgress
    private var hasher = SHA256Hasher()

    init(_ progress: FolderCARProgress) { self.progress = progress }

    func take(_ block: UnsafeRawBufferPointer) {
        hasher.update(block)
        progress.add(hasher.next())
    }
}

/// SHA-256 of each file, which is its leaf's where it has one; follows the lane of the leaves.
final class WholeFileLane: HashLane {
    private let progress: FolderCARProgress
    private let isRight: (Int, Digest) -> Bool
    private let changed: (Int, CID?) -> any Error
    private var hasher = SHA256Hasher()
    private var number = 0

    /// - Parameters:
    ///   - isRight: Whether a file may have that SHA-256.
    ///   - changed: Makes the error of a file that isn't what it must be, or of one of its leaves.
    init(
        _ progress: FolderCARProgress, isRight: @escaping (Int, Digest) -> Bool,
        changed: @escaping (Int, CID?) -> any Error
    ) {
        (self.progress, self.isRight, self.changed) = (progress, isRight, changed)
    }

    func take(_ block: UnsafeRawBufferPointer) {
        let (piece, leaf) = (progress.piece(number), progress.digest(number))
        number += 1
        if let cid = piece.cid, cid.digest != leaf { return progress.fail(changed(piece.file, cid)) }
        let isOne = piece.isFirst && piece.isLast
        if !isOne { hasher.update(block) }
        guard piece.isLast else { return }
        if !isRight(piece.file, isOne ? leaf : hasher.next()) { progress.fail(changed(piece.file, nil)) }
    }
}

/// Writes each leaf whose digest is new, and before it what stands before it.
final class CARLane: HashLane {
    /// Where room was kept for nodes.
    private(set) var places: [FolderPlan.Target: Int] = [:]
    private let progress: FolderCARProgress
    private let descriptor: CInt
    private let name: String
    private var written = DigestIndex()
    private var number = 0
    private(set) var size: Int

    /// - Parameter headerSize: Bytes that are kept free at the beginning.
    init(_ progress: FolderCARProgress, descriptor: CInt, name: String, headerSize: Int) {
        (self.progress, self.descriptor, self.name, size) = (progress, descriptor, name, headerSize)
    }

    /// How many blocks the CAR has.
    var blocks: Int { written.count + places.count }

    func take(_ block: UnsafeRawBufferPointer) {
        let (piece, digest) = (progress.piece(number), progress.digest(number))
        number += 1
        guard progress.error == nil else { return }
        do {
            for entry in piece.before {
                switch entry {
                case .space(let target, let count):
                    places[target] = size
                    size +=
                        CARSection.head(of: CID(version: 1, codec: .dagPB, digest: digest), count: count).count + count
                case .node(let cid, let node):
                    guard written.insert(cid.digest).isNew else { continue }
                    try write(CARSection.head(of: cid, count: node.count) + node)
                }
            }
            guard written.insert(digest).isNew else { return }
            try write(CARSection.head(of: CID(version: 1, codec: .raw, digest: digest), count: block.count))
            try write(block)
        } catch { progress.fail(error) }
    }

    /// Writes nodes into the room that was kept for them, and the header.
    func finish(header: [UInt8], nodes: [FolderPlan.Target: [UInt8]]) throws {
        try write(header, at: 0)
        for (target, node) in nodes {
            guard let place = places[target] else { continue }
            let cid = CID(version: 1, codec: .dagPB, digest: .of(node))
            try write(CARSection.head(of: cid, count: node.count) + node, at: place)
        }
    }

    private func write(_ bytes: [UInt8], at place: Int? = nil) throws {
        try bytes.withUnsafeBytes { try write($0, at: place) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at place: Int? = nil) throws {
        do { try OpenFile.write(bytes, to: descriptor, at: place ?? size) } catch {
            throw FileWriteError(file: name, reason: error.description)
        }
        if place == nil { size += bytes.count }
    }
}

/// Hands each file's bytes on, and then says that the file is whole; follows the lane that tells whether it is.
final class FileLane: HashLane {
    private let progress: FolderCARProgress
    private let write: (Int, UnsafeRawBufferPointer) throws -> Void
    private let finish: (Int) throws -> Void
    private var number = 0

    init(
        _ progress: FolderCARProgress, write: @escaping (Int, UnsafeRawBufferPointer) throws -> Void,
        finish: @escaping (Int) throws -> Void
    ) {
        (self.progress, self.write, self.finish) = (progress, write, finish)
    }

    func take(_ block: UnsafeRawBufferPointer) {
        let piece = progress.piece(number)
        number += 1
        guard progress.error == nil else { return }
        do {
            try write(piece.file, block)
            if piece.isLast { try finish(piece.file) }
        } catch { progress.fail(error) }
    }
}

/// A block in a CAR: its length, CID and bytes.
enum CARSection {
    /// What stands before a block of so many bytes.
    static func head(of cid: CID, count: Int) -> [UInt8] {
        let cid = cid.bytes
        return Varint.encode(cid.count + count) + cid
    }
}

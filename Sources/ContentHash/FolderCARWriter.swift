import Glibc
import Host

/// Writes files as the CAR of one UnixFS folder (profile unixfs-v1-2025), reading each once: root first, depth first, each
/// block once, which is the order of `ipfs dag export`.
///
/// A node stands before what it names, so its place is kept free until that has been hashed: the output is a file in which
/// one can go back. Of a file of more than 1024 leaves the tree is made first, by reading it once more, as its inner nodes may
/// repeat one another.
///
///     reader   leaves:  | 7 | 8 |...    leaves' SHA-256, whole files' SHA-256 and writing go side by side
///
/// Memory: eight leaves, and about 100 bytes for each of all.
package struct FolderCARWriter {
    /// A file of the folder.
    package struct File: Sendable {
        /// Where its bytes are.
        package enum Source: Sendable {
            case bytes([UInt8])
            /// A file's path.
            case file(String)
        }

        /// In the folder: names with slashes between.
        package let path: String
        /// Bytes.
        package let size: Int
        /// Of its bytes.
        package let sha256: Digest
        /// Where they are.
        package let source: Source

        /// - Parameters:
        ///   - path: In the folder: names with slashes between.
        ///   - size: Bytes, which the file must have.
        ///   - sha256: What they must hash to.
        package init(_ path: String, size: Int, sha256: Digest, source: Source) {
            (self.path, self.size, self.sha256, self.source) = (path, size, sha256, source)
        }

        /// Bytes at hand.
        package init(_ path: String, bytes: [UInt8]) {
            self.init(path, size: bytes.count, sha256: .of(bytes), source: .bytes(bytes))
        }
    }

    /// A file that isn't what its hash says.
    package struct Changed: Error {
        /// Which.
        package let file: File
    }

    private let files: [File]
    private let plan: FolderPlan
    private static let chunkSize = FolderPlan.profile.chunkSize

    /// - Parameter files: In any order, of different paths.
    package init(_ files: [File]) {
        self.files = files
        plan = FolderPlan(files.map { ($0.path, $0.size) })
    }

    /// Reads the files and writes the CAR.
    /// - Parameter isOver: Asked at each leaf whether nobody wants it any more.
    /// - Throws: `Changed`, `FileReadError`, `FileWriteError`, `CancellationError`.
    package func write(to descriptor: CInt, name: String, isOver: () -> Bool = { false }) throws -> CARWriter.Summary {
        let layouts = try largeLayouts()
        let rough = plan.resolved(layouts: layouts) { file in
            repeatElement(Self.anyDigest, count: FolderPlan.leafCount(files[file].size))
        }
        let progress = FolderCARProgress()
        let lane = CARLane(
            progress, descriptor: descriptor, name: name, headerSize: Self.header(rough.root.cid).count)
        let pipeline = HashPipeline(
            lanes: [
                LeafLane(progress), lane,
                WholeFileLane(
                    progress, isRight: { [files] in files[$0].sha256 == $1 },
                    changed: { [files] file, _ in Changed(file: files[file]) }),
            ], following: [1: 0, 2: 0], blockSize: Self.chunkSize, depth: 8, threads: max(2, processorCount))
        defer { pipeline.end() }
        var before: [FolderCARProgress.Before] = []
        for step in plan.steps {
            if let node = rough.nodes[step] { before.append(.space(step, node.count)) }
            guard case .file(let file) = step else { continue }
            try hand(file, layouts[file], before, to: pipeline, progress, isOver)
            before = []
        }
        pipeline.end()
        if let error = progress.error { throw error }
        let final = plan.resolved(layouts: layouts) { file in
            progress.digests(of: file, count: FolderPlan.leafCount(files[file].size))
        }
        try check(progress, layouts)
        try lane.finish(header: Self.header(final.root.cid), nodes: final.nodes)
        return CARWriter.Summary(root: final.root.cid, blocks: lane.blocks, size: lane.size)
    }

    private static let anyDigest = Digest.of([UInt8]())

    private static func header(_ root: CID) -> [UInt8] {
        let header = CARHeader(root: root).bytes
        return Varint.encode(header.count) + header
    }

    /// The trees of files that have more than one inner node.
    private func largeLayouts() throws -> [Int: UnixFSLayout] {
        var layouts: [Int: UnixFSLayout] = [:]
        for (index, file) in files.enumerated() {
            guard FolderPlan.leafCount(file.size) > FolderPlan.profile.width, case .file(let path) = file.source else {
                continue
            }
            let input = try InputFile(path: path)
            guard input.size == file.size else { throw Changed(file: file) }
            layouts[index] = try UnixFSLayout(file: input, size: file.size, profile: FolderPlan.profile)
        }
        return layouts
    }

    /// Hands a file's leaves to the lanes.
    private func hand(
        _ number: Int, _ layout: UnixFSLayout?, _ before: [FolderCARProgress.Before], to pipeline: HashPipeline,
        _ progress: FolderCARProgress, _ isOver: () -> Bool
    ) throws {
        let file = files[number]
        let source = try Reader(file)
        let count = FolderPlan.leafCount(file.size)
        for leaf in 0..<count {
            if isOver() { throw CancellationError() }
            if let error = progress.error { throw error }
            let block = pipeline.nextBlock()
            let size = min(Self.chunkSize, file.size - leaf * Self.chunkSize)
            try source.read(into: UnsafeMutableRawBufferPointer(rebasing: block[..<size]), at: leaf * Self.chunkSize)
            let nodes = layout.map { layout in
                layout.innerPlaces(before: leaf).map {
                    FolderCARProgress.Before.node(layout.cid(of: $0), layout.block(of: $0))
                }
            }
            progress.add(
                .init(
                    file: number, isFirst: leaf == 0, isLast: leaf == count - 1,
                    before: (leaf == 0 ? before : []) + (nodes ?? [])))
            pipeline.submit(size)
        }
    }

    /// Files whose trees were made before are what they were then.
    private func check(_ progress: FolderCARProgress, _ layouts: [Int: UnixFSLayout]) throws {
        for (number, layout) in layouts
        where progress.digests(of: number, count: layout.levels[0].count) != layout.levels[0] {
            throw Changed(file: files[number])
        }
    }

    /// A file's bytes.
    private final class Reader {
        private let file: File
        private let descriptor: CInt

        /// - Throws: `Changed` for another size.
        init(_ file: File) throws {
            self.file = file
            guard case .file(let path) = file.source else {
                descriptor = -1
                return
            }
            descriptor = RegularFile.open(path)
            var status = stat()
            guard descriptor >= 0 else { throw FileReadError(file: path, reason: String(cString: strerror(errno))) }
            guard fstat(descriptor, &status) == 0, Int(status.st_size) == file.size else { throw Changed(file: file) }
        }

        deinit { if descriptor >= 0 { close(descriptor) } }

        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
            switch file.source {
            case .bytes(let bytes): buffer.copyBytes(from: bytes[offset..<(offset + buffer.count)])
            case .file(let path):
                let count: Int
                do { count = try OpenFile.read(descriptor, at: offset, into: buffer) } catch {
                    throw FileReadError(file: path, reason: error.description)
                }
                guard count == buffer.count else { throw Changed(file: file) }
            }
        }
    }
}

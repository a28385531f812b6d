import Foundation
import XCTest

import ContentHash

/// A folder's CAR: what is written is read again, whatever its files' sizes, and named as the profile has it.
final class FolderCARTests: XCTestCase {
    private var folder = ""

    override func setUpWithError() throws {
        folder = NSTemporaryDirectory() + "rtverify-folder-car-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    override func tearDownWithError() throws { try FileManager.default.removeItem(atPath: folder) }

    private func write(_ files: [FolderCARWriter.File]) throws -> CARWriter.Summary {
        let descriptor = open("\(folder)/car", O_RDWR | O_CREAT | O_TRUNC, 0o600)
        defer { close(descriptor) }
        return try FolderCARWriter(files).write(to: descriptor, name: "car")
    }

    /// The node of an empty folder is known everywhere by this CID.
    func testAnEmptyFolderHasItsKnownCID() {
        let node = DagPB.folderNode([(name: String, child: DagPB.Child)]()).node
        XCTAssertEqual(
            CID(version: 1, codec: .dagPB, digest: .of(node)).description,
            "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354")
    }

    func testFilesOfAllSizesAreReadAsTheyWere() throws {
        let chunk = 1 << 20
        let repeated = [UInt8](repeating: 7, count: 2 * chunk + 5)
        let contents: [(String, [UInt8])] = [
            ("b/empty", []), ("a", Array("one".utf8)), ("b/c/chunk", Array(repeated.prefix(chunk))),
            ("b/repeated", repeated), ("a.b", sampleBytes(chunk + 1)), ("b/c/again", Array("one".utf8)),
        ]
        let summary = try write(contents.map { .init($0.0, bytes: $0.1) })
        let reader = try FolderCARReader(file: try InputFile(path: "\(folder)/car"))
        XCTAssertEqual(reader.root, summary.root)
        XCTAssertNil(reader.repeated)
        var used: Set<Digest> = []
        let found = try reader.files { used.insert($0.digest) }
        // Where a name begins another, the shorter one comes first: as bytes, "a" < "a.b" < "b".
        XCTAssertEqual(found.map(\.path), ["a", "a.b", "b/c/again", "b/c/chunk", "b/empty", "b/repeated"])
        let bytes = Dictionary(uniqueKeysWithValues: contents)
        let wanted = found.map { file in
            FolderCARReader.Wanted(file.cid, size: bytes[file.path]?.count ?? 0, sha256: .of(bytes[file.path] ?? []))
        }
        for file in found {
            _ = try reader.leaves(of: file.cid, size: (bytes[file.path] ?? []).count) { used.insert($0.digest) }
            let hasher = ContentHasher(profiles: [.v1_2025])
            (bytes[file.path] ?? []).withUnsafeBytes { hasher.update($0) }
            XCTAssertEqual(file.cid, hasher.finalize().cid(.v1_2025), file.path)
        }
        XCTAssertNil(reader.block(besides: used))
        XCTAssertEqual(used.count, summary.blocks)
        var read = [[UInt8]](repeating: [], count: found.count)
        var finished: [Int] = []
        try reader.extract(
            wanted, write: { read[$0] += $1 }, finish: { finished.append($0) },
            wrong: {
                XCTFail("\($0): \(String(describing: $1))"); return CARError.malformed("")
            }, isOver: { false })
        XCTAssertEqual(finished, Array(found.indices))
        XCTAssertEqual(read, found.map { bytes[$0.path] ?? [] })
    }

    /// More leaves than a node has links, and inner nodes that are the same: each block is there once.
    func testAFileOfManyEqualLeavesHasEachBlockOnce() throws {
        let size = (2 * 1024 + 1) << 20
        let path = "\(folder)/large"
        let descriptor = open(path, O_RDWR | O_CREAT, 0o600)
        XCTAssertEqual(ftruncate(descriptor, off_t(size)), 0)
        close(descriptor)
        let identity = try FileIdentity(path: path, profiles: [.v1_2025])
        let summary = try write([.init("large", size: size, sha256: identity.sha256, source: .file(path))])
        // The folder, the file's root, one node of 1024 leaves and one of one, and one leaf.
        XCTAssertEqual(summary.blocks, 5)
        let reader = try FolderCARReader(file: try InputFile(path: "\(folder)/car"))
        XCTAssertNil(reader.repeated)
        let file = try XCTUnwrap(try reader.files().first)
        XCTAssertEqual(file.cid, identity.cid(.v1_2025))
        XCTAssertEqual(try reader.leaves(of: file.cid, size: size).count, 2049)
    }

    /// Nodes that link the same ones again and again make no more work than the file's size allows.
    func testAWalkEndsHoweverOftenANodeIsLinked() throws {
        for isOfProfile in [true, false] {
            var blocks: [CID: [UInt8]] = [:]
            func add(_ children: [DagPB.Child]) -> DagPB.Child {
                let (node, total, size) = DagPB.innerNode(children)
                let cid = CID(version: 1, codec: .dagPB, digest: .of(node))
                blocks[cid] = node
                return .init(cid: cid, totalSize: total, fileSize: size)
            }
            let empty = CID(raw: .of([UInt8]()))
            blocks[empty] = []
            var child = DagPB.Child(cid: empty, totalSize: 0, fileSize: 0)
            for _ in 0..<40 { child = add([child, child]) }
            let full = DagPB.Child(
                cid: CID(raw: .of([UInt8](repeating: 0, count: 3 << 20))), totalSize: 3 << 20, fileSize: 3 << 20)
            let root = add([child, full])
            var walk = FileWalk(root.cid, size: 3 << 20, isOfProfile: isOfProfile)
            var steps = 0
            XCTAssertThrowsError(
                try {
                    while let cid = try walk.next() {
                        steps += 1
                        _ = try walk.add(cid, block: blocks[cid] ?? [])
                    }
                }())
            XCTAssertLessThan(steps, 1000)
        }
    }

    func testAFileThatChangedIsNotWritten() throws {
        let path = "\(folder)/file"
        for size in [10, 3 << 20] {
            let bytes = sampleBytes(size)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let file = FolderCARWriter.File("f", size: size, sha256: .of(Array("other".utf8)), source: .file(path))
            XCTAssertThrowsError(try write([file])) { XCTAssertTrue($0 is FolderCARWriter.Changed, "\($0)") }
            let shorter = FolderCARWriter.File("f", size: size + 1, sha256: .of(bytes), source: .file(path))
            XCTAssertThrowsError(try write([shorter])) { XCTAssertTrue($0 is FolderCARWriter.Changed, "\($0)") }
        }
    }
}

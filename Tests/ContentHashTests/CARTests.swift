import Foundation
import XCTest

import ContentHash

final class CARTests: XCTestCase {
    private var folder = URL(fileURLWithPath: "/")

    override func setUpWithError() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("rtverify-car-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    override func tearDownWithError() throws { try FileManager.default.removeItem(at: folder) }

    private func file(_ bytes: [UInt8], _ name: String = "input") throws -> InputFile {
        let path = folder.appendingPathComponent(name).path
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return try InputFile(path: path)
    }

    private func car(_ bytes: [UInt8], _ profile: UnixFSProfile) throws -> (bytes: [UInt8], summary: CARWriter.Summary)
    {
        let writer = try CARWriter(file: try file(bytes), profile: profile)
        let path = folder.appendingPathComponent("output").path
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        defer { close(descriptor) }
        let summary = try writer.write(to: descriptor, name: path)
        return (Array(try Data(contentsOf: URL(fileURLWithPath: path))), summary)
    }

    /// Verifies a CAR and gives the file in it.
    private func verified(_ bytes: [UInt8]) throws -> (root: CID, blocks: Int, file: [UInt8]) {
        var reader = try CARReader(file: try file(bytes, "car"))
        let size = try reader.checkTree()
        let path = folder.appendingPathComponent("extracted").path
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        defer { close(descriptor) }
        try reader.extract(to: descriptor, name: path)
        let file = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        XCTAssertEqual(file.count, size)
        return (reader.root, reader.blocks, file)
    }

    private func failure(_ bytes: [UInt8]) -> String {
        do {
            _ = try verified(bytes)
            return "accepted"
        } catch { return "\(error)" }
    }

    private let small = UnixFSProfile(chunkSize: 1000, width: 3, rawLeaves: false, cidVersion: 0)

    func testWhatIsWrittenIsReadBackAndNamedAsTheHasherNamesIt() throws {
        for profile in UnixFSProfile.named + [try XCTUnwrap(small)] {
            for size in [0, 1, 1000, 9001, 30_000, 2_000_000] {
                let bytes = sampleBytes(size)
                let (car, summary) = try car(bytes, profile)
                let hasher = ContentHasher(profiles: [profile])
                bytes.withUnsafeBytes { hasher.update($0) }
                XCTAssertEqual(summary.root, hasher.finalize().cid(profile), "\(profile.name), \(size) bytes")
                XCTAssertEqual(summary.size, car.count)
                let read = try verified(car)
                XCTAssertEqual(read.root, summary.root)
                XCTAssertEqual(read.blocks, summary.blocks)
                XCTAssertEqual(read.file, bytes)
            }
        }
    }

    func testEqualBlocksAreWrittenOnce() throws {
        let profile = try XCTUnwrap(small)
        let zeros = [UInt8](repeating: 0, count: 27_000)
        let (car, summary) = try car(zeros, profile)
        // A leaf, and a node on each of three levels.
        XCTAssertEqual(summary.blocks, 4)
        XCTAssertEqual(try verified(car).file, zeros)
    }

    /// A CAR's header and its sections, as they lie in the file.
    private func parts(_ car: [UInt8]) -> [[UInt8]] {
        var rest = car[...]
        var parts: [[UInt8]] = []
        while !rest.isEmpty {
            let start = rest.startIndex
            guard let length = Varint.decode(&rest) else { break }
            rest = rest.dropFirst(length)
            parts.append(Array(car[start..<rest.startIndex]))
        }
        return parts
    }

    private func section(_ cid: CID, _ block: [UInt8]) -> [UInt8] {
        Varint.encode(cid.bytes.count + block.count) + cid.bytes + block
    }

    private func headed(_ root: CID, _ sections: [[UInt8]]) -> [UInt8] {
        let header = CARHeader(root: root).bytes
        return Varint.encode(header.count) + header + sections.joined()
    }

    func testOrderAndRepetitionDoNotMatter() throws {
        let bytes = sampleBytes(9001)
        let parts = parts(try car(bytes, try XCTUnwrap(small)).bytes)
        let shuffled = [parts[0]] + parts.dropFirst().reversed() + parts.dropFirst()
        let read = try verified(Array(shuffled.joined()))
        XCTAssertEqual(read.file, bytes)
        XCTAssertEqual(read.blocks, parts.count - 1)
    }

    func testWhatIsNotWholeIsRefused() throws {
        let bytes = sampleBytes(9001)
        let car = try car(bytes, try XCTUnwrap(small)).bytes
        let parts = parts(car)
        XCTAssertTrue(failure(Array(parts.dropLast().joined())).contains("is missing"))
        XCTAssertTrue(failure(Array((parts.prefix(1) + parts.dropFirst(2)).joined())).contains("is missing"))
        var wrong = car
        wrong[wrong.count - 5] ^= 1
        XCTAssertTrue(failure(wrong).contains("is not the one of its CID"))
        XCTAssertTrue(failure(car + [0]).contains("appended"))
        XCTAssertTrue(failure(car + [5, 1]).contains("only 1 are left"))
        XCTAssertTrue(failure(Array(car.dropLast(3))).contains("are left"))
        XCTAssertTrue(failure([]).contains("no header"))
        XCTAssertTrue(failure(sampleBytes(500)).contains("a"))
        // A pragma of version 2 (https://ipld.io/specs/transport/car/carv2/).
        XCTAssertTrue(failure([0x0a, 0xa1, 0x67] + Array("version".utf8) + [2] + car).contains("CARv2"))
        for count in stride(from: 0, to: car.count - 1, by: 7) {
            XCTAssertNotEqual(failure(Array(car.prefix(count))), "accepted", "\(count) bytes")
        }
    }

    func testLengthsThatLieAreRefused() throws {
        let leaf = CID(version: 1, codec: .raw, digest: Digest.of([7]))
        func root(_ size: Int) -> (CID, [UInt8]) {
            let node = DagPB.innerNode([DagPB.Child(cid: leaf, totalSize: 1, fileSize: size)]).node
            return (CID(version: 0, codec: .dagPB, digest: Digest.of(node)), node)
        }
        for (size, answer) in [(1, "accepted"), (2, "wrong length")] {
            let (cid, node) = root(size)
            XCTAssertTrue(failure(headed(cid, [section(cid, node), section(leaf, [7])])).contains(answer))
        }
    }

    func testWhatIsNoFileIsCalledThat() throws {
        func only(_ unixFS: [UInt8]) -> [UInt8] {
            let node = [0x0a, UInt8(unixFS.count)] + unixFS
            let cid = CID(version: 0, codec: .dagPB, digest: Digest.of(node))
            return headed(cid, [section(cid, node)])
        }
        XCTAssertTrue(failure(only([0x08, 0x01])).contains("is a directory's"))
        XCTAssertTrue(failure(only([0x08, 0x05])).contains("large directory"))
        XCTAssertTrue(failure(only([0x08, 0x04])).contains("symbolic link"))
        XCTAssertTrue(failure(only([0x08])).contains("cut short"))
    }

    /// A tree whose file would have 2^40 bytes in few blocks is checked at once; each block is looked at once.
    func testASmallCARMayNameAHugeFile() throws {
        var (cid, size) = (CID(version: 1, codec: .raw, digest: Digest.of([7])), 1)
        var sections = [section(cid, [7])]
        for _ in 0..<10 {
            let child = DagPB.Child(cid: cid, totalSize: size, fileSize: size)
            let (node, _, total) = DagPB.innerNode([DagPB.Child](repeating: child, count: 16))
            (cid, size) = (CID(version: 0, codec: .dagPB, digest: Digest.of(node)), total)
            sections.append(section(cid, node))
        }
        var reader = try CARReader(file: try file(headed(cid, sections), "car"))
        XCTAssertEqual(try reader.checkTree(), 1 << 40)
    }
}

import Archives
import FileTree
import Foundation
import Host
import ImagePacking
import XCTest

/// The stream that the packer reads, read by libarchive.
final class TarStreamTests: XCTestCase {
    /// The stream of one file, and what libarchive reads of it.
    private func stream(of content: String, _ folder: String) throws -> (size: Int, name: String, bytes: [UInt8]) {
        let archive = "\(folder)/stream"
        try Data().write(to: URL(fileURLWithPath: archive))
        let handle = try XCTUnwrap(FileHandle(forWritingAtPath: archive))
        let size = try FileManager.default.attributesOfItem(atPath: content)[.size] as? Int
        let stream = TarStream(descriptor: handle.fileDescriptor)
        let entry = TreeEntry(
            path: Array("f".utf8), kind: .file(size: size ?? 0), mode: 0o644, uid: 0, gid: 0, time: 1)
        try stream.write(PackedEntry(entry: entry), from: Array(content.utf8))
        try stream.finish()
        try handle.close()
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: archive)))
        let reader = try ArchiveReader(.tar, isCompressed: false, from: .memory(bytes))
        let file = try XCTUnwrap(try reader.next())
        // The entry holds until the reader goes on.
        let (name, length) = (String(decoding: file.path, as: UTF8.self), file.size)
        var read = try reader.bytes(limit: 1 << 30)
        XCTAssertNil(try reader.next())
        // libarchive gives nothing of a file that is nothing but a hole, though it knows how long it is.
        if read.isEmpty { read = [UInt8](repeating: 0, count: length) }
        return (bytes.count, name, read)
    }

    /// Holes aren't sent; a file of very many parts, and one whose holes are small, is sent as it is.
    func testHolesAreNotSent() throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/content"
        func file(_ size: UInt64, _ parts: [(UInt64, Int)]) throws -> [UInt8] {
            try Data().write(to: URL(fileURLWithPath: path))
            let handle = try XCTUnwrap(FileHandle(forUpdatingAtPath: path))
            defer { try? handle.close() }
            try handle.truncate(atOffset: size)
            var expected = [UInt8](repeating: 0, count: Int(size))
            for (offset, count) in parts {
                try handle.seek(toOffset: offset)
                try handle.write(contentsOf: Data(repeating: 0x61, count: count))
                for index in 0..<count { expected[Int(offset) + index] = 0x61 }
            }
            return expected
        }
        for (size, parts) in [
            (5_000_001, [(2_000_000, 5000), (4_000_000, 9)]), (5_000_001, [(0, 10), (4_999_000, 1001)]), (3 << 20, []),
        ] as [(UInt64, [(UInt64, Int)])] {
            let expected = try file(size, parts)
            let sent = try stream(of: path, folder.path)
            XCTAssertEqual(sent.name, "f")
            XCTAssertTrue(sent.bytes == expected, "\(parts)")
            XCTAssertLessThan(sent.size, 100_000, "\(parts)")
        }
        let many = try file(20 << 20, (0..<1200).map { (UInt64($0) * 16384, 1) })
        let sent = try stream(of: path, folder.path)
        XCTAssertTrue(sent.bytes == many)
        XCTAssertGreaterThan(sent.size, 20 << 20)
        let small = try file(600_000, [(0, 5)])
        XCTAssertTrue(try stream(of: path, folder.path).bytes == small)
    }

    func testWhatDoesNotFitAHeaderIsCarriedAllTheSame() throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (content, archive) = ("\(folder.path)/content", "\(folder.path)/archive")
        try Data("bytes".utf8).write(to: URL(fileURLWithPath: content))
        try Data().write(to: URL(fileURLWithPath: archive))
        let handle = try XCTUnwrap(FileHandle(forWritingAtPath: archive))
        let long = Array((String(repeating: "d/", count: 80) + "é").utf8)
        let stream = TarStream(descriptor: handle.fileDescriptor)
        func entry(_ path: [UInt8], _ kind: TreeEntry.Kind, attributes: [TreeEntry.Attribute] = []) -> TreeEntry {
            TreeEntry(path: path, kind: kind, mode: 0o4755, uid: 3_000_000, gid: 7, time: 12, attributes: attributes)
        }
        let note = TreeEntry.Attribute(name: Array("user.note".utf8), value: [0, 10, 0xff])
        try stream.write(
            PackedEntry(entry: entry(long, .file(size: 5), attributes: [note])), from: Array(content.utf8))
        try stream.write(
            PackedEntry(entry: entry(Array("again".utf8), .file(size: 5)), firstName: long), from: [])
        try stream.write(
            PackedEntry(entry: entry([0x6c, 0xff], .symbolicLink(target: [0xc3, 0x28]))), from: [])
        try stream.finish()
        try handle.close()

        let reader = try ArchiveReader(
            .tar, isCompressed: false, from: .memory(Array(try Data(contentsOf: URL(fileURLWithPath: archive)))))
        let file = try XCTUnwrap(try reader.next())
        XCTAssertEqual(file.path, long)
        XCTAssertEqual([file.uid, file.gid], [3_000_000, 7])
        XCTAssertEqual(file.attributes.map(\.name), [note.name])
        XCTAssertEqual(file.attributes.map(\.value), [note.value])
        XCTAssertEqual(try reader.bytes(limit: 10), Array("bytes".utf8))
        let again = try XCTUnwrap(try reader.next())
        XCTAssertEqual(again.hardLinkTargetText.map { Array($0.utf8) }, long)
        let link = try XCTUnwrap(try reader.next())
        XCTAssertEqual(link.path, [0x6c, 0xff])
        XCTAssertEqual(link.linkTarget, [0xc3, 0x28])
        XCTAssertNil(try reader.next())
    }
}

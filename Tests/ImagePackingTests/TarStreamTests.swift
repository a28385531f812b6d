import Archives
import FileTree
import Foundation
import Host
import ImagePacking
import XCTest

/// The stream that the packer reads, read by libarchive.
final class TarStreamTests: XCTestCase {
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

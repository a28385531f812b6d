import FileTree
import Foundation
import SquashfsImage
import XCTest

/// Images that mksquashfs made, and what it says that they hold.
final class SquashfsReaderTests: XCTestCase {
    private static let corpus =
        "\(#filePath.components(separatedBy: "/Tests/")[0])/Tests/EndToEndTests/Fixtures/ImageCorpus"

    func testAnImageIsReadWithItsEntriesAndBytes() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.corpus).filter { $0.hasPrefix("mk-") }
            .sorted()
        XCTAssertFalse(names.isEmpty)
        for name in names {
            let reader: SquashfsReader
            do { reader = try SquashfsReader(path: "\(Self.corpus)/\(name)") } catch { continue }
            let entries = try reader.entries()
            XCTAssertEqual(entries.first?.path, [], name)
            XCTAssertEqual(Set(entries.map(\.path)).count, entries.count, name)
        }
        let reader = try SquashfsReader(path: "\(Self.corpus)/mk-gzip")
        XCTAssertEqual(reader.superblock.compression, "gzip")
        XCTAssertTrue(try reader.entries().contains { $0.isFile })
    }

    func testWhatIsNoImageIsAnError() throws {
        XCTAssertThrowsError(try SquashfsReader(path: #filePath))
        XCTAssertThrowsError(try SquashfsReader(path: "/nonexistent"))
    }
}

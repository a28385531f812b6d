import Foundation
import Host
import ImageBuild
import XCTest

/// What a build must hash to.
final class GoldenFileTests: XCTestCase {
    private func read(_ text: String) throws -> GoldenFile {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder.path)/golden.json"))
        return try GoldenFile(path: "\(folder.path)/golden.json")
    }

    func testAnotherLockIsNotComparedAndAnotherImageIsNot() throws {
        let text = #"{"lock_sha256": "a", "size": 1, "sha256": "b", "cid": "c"}"#
        let golden = try read(text)
        XCTAssertEqual(golden.lockSHA256, "a")
        XCTAssertNoThrow(try golden.compare(with: golden, path: "x"))
        let other = try read(text.replacingOccurrences(of: "\"b\"", with: "\"d\""))
        XCTAssertThrowsError(try golden.compare(with: other, path: "x")) {
            XCTAssertEqual(($0 as? BuildError)?.exitStatus, 1)
        }
        let lock = try read(text.replacingOccurrences(of: "\"a\"", with: "\"d\""))
        XCTAssertThrowsError(try golden.compare(with: lock, path: "x")) {
            XCTAssertEqual(($0 as? BuildError)?.exitStatus, 2)
        }
        XCTAssertThrowsError(try read("{}"))
        XCTAssertTrue(JSONText.of(golden).contains("\"lock_sha256\" : \"a\""))
    }

    func testEveryVariationSaysWhatItIsAndWhatToDo() {
        for variation in Variation.allCases {
            XCTAssertFalse(variation.name.isEmpty || variation.otherwise.isEmpty || variation.remedy.isEmpty)
            XCTAssertEqual(Variation(rawValue: variation.rawValue), variation)
        }
    }
}

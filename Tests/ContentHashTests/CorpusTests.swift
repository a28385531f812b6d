import Foundation
import XCTest

/// The fuzzer's corpus, as a plain test.
final class CorpusTests: XCTestCase {
    func testNoReaderTrapsOnTheCorpus() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Corpus")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        XCTAssertGreaterThan(files.count, 10)
        for file in files { readEverything(Array(try Data(contentsOf: file))) }
    }
}

import Foundation
import XCTest

/// The fuzzer's corpus, each file of it whole, cut, and with bytes changed.
final class CorpusTests: XCTestCase {
    func testNoReaderTrapsOnTheCorpus() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Corpus")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let readers = try Set(files.compactMap { try Data(contentsOf: $0).first })
        XCTAssertEqual(readers, Set(Reader.allCases.map(\.rawValue)), "a reader has no file")
        // A generator of fixed numbers (Knuth's MMIX), so that a failure comes again.
        var state: UInt64 = 1
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % max(1, bound)
        }
        for file in files.sorted(by: { $0.path < $1.path }) {
            let bytes = Array(try Data(contentsOf: file))
            let reader = try XCTUnwrap(bytes.first.flatMap(Reader.init(rawValue:)), file.lastPathComponent)
            let input = Array(bytes.dropFirst())
            reader.read(input)
            for _ in 0..<100 {
                reader.read(Array(input.prefix(next(input.count))))
                var changed = input
                for _ in 0..<(1 + next(4)) where !changed.isEmpty { changed[next(changed.count)] = UInt8(next(256)) }
                reader.read(changed)
            }
        }
    }
}

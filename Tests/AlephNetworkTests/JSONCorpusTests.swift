import Foundation
import XCTest

/// The fuzzer's corpus, and the corpus with bytes changed, as a plain test.
final class JSONCorpusTests: XCTestCase {
    func testWhatIsTakenMeansTheSameElsewhere() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Corpus")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        XCTAssertGreaterThan(files.count, 5)
        // A generator of fixed numbers (Knuth's MMIX), so that a failure comes again.
        var state: UInt64 = 1
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let pieces: [[UInt8]] =
            [#"""#, "\\", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "\\u0061", "\\ud800", "\u{e9}"]
            .map { Array($0.utf8) } + [[0xff], [0xc0], [0x80], [0]]
        for file in files.sorted(by: { $0.path < $1.path }) {
            let bytes = Array(try Data(contentsOf: file))
            readStrictly(bytes)
            for _ in 0..<2000 {
                var changed = bytes
                for _ in 0...next(3) {
                    let at = next(changed.count)
                    switch next(3) {
                    case 0: changed[at] = UInt8(next(256))
                    case 1: changed.insert(contentsOf: pieces[next(pieces.count)], at: at)
                    default: if changed.count > 1 { changed.remove(at: at) }
                    }
                }
                readStrictly(changed)
            }
        }
    }
}

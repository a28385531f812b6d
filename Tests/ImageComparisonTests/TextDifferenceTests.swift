import ImageComparison
import XCTest

/// A unified diff for people, as diff(1) makes it.
final class TextDifferenceTests: XCTestCase {
    private func diff(_ a: String, _ b: String, budget: Int = 1_000_000) -> [String]? {
        var budget = budget
        return TextDifference.unified(Array(a.utf8), Array(b.utf8), budget: &budget)
    }

    func testHunksHaveThreeLinesAround() {
        let lines = (1...20).map { "\($0)\n" }
        var changed = lines
        changed[9] = "ten\n"
        XCTAssertEqual(
            diff(lines.joined(), changed.joined()),
            ["@@ -7,7 +7,7 @@", " 7", " 8", " 9", "-10", "+ten", " 11", " 12", " 13"])
        changed[1] = "two\n"
        changed.append("21\n")
        XCTAssertEqual(
            diff(lines.joined(), changed.joined())?.filter { $0.hasPrefix("@@") },
            ["@@ -1,5 +1,5 @@", "@@ -7,7 +7,7 @@", "@@ -18,3 +18,4 @@"])
    }

    func testALineWithoutItsEndIsAnother() {
        XCTAssertEqual(diff("a\n", "a"), ["@@ -1,1 +1,1 @@", "-a", "+a (without a line's end)"])
        XCTAssertEqual(diff("", "a\n"), ["@@ -1,0 +1,1 @@", "+a"])
        XCTAssertEqual(diff("same\n", "same\n"), [])
    }

    func testWhatIsNoTextOrTakesTooLongHasNone() {
        XCTAssertNil(diff("a\0b", "a"))
        XCTAssertNil(diff((0..<100).map { "\($0)\n" }.joined(), (200..<300).map { "\($0)\n" }.joined(), budget: 100))
        var budget = 10
        XCTAssertNil(TextDifference.unified([0xff], [0x61], budget: &budget))
        XCTAssertEqual(budget, 10)
    }

    func testAWindowShowsTheBytesBeforeTheFirstThatDiffers() {
        XCTAssertEqual(
            TextDifference.window(Array("0123456789".utf8), Array("01234X".utf8) + [0], at: 5),
            ["from byte 1:", "- 31 32 33 34 35 36 37 38 39  123456789", "+ 31 32 33 34 58 00  1234X."])
    }
}

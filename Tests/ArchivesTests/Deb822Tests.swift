import Archives
import XCTest

/// Debian's paragraphs of fields, in every form that files have them (deb822(5)).
final class Deb822Tests: XCTestCase {
    func testFoldedLinesCommentsAndCaseAreAsTheManualSays() {
        let fields = Deb822(
            paragraph:
                "Package: a\n# a comment\nDEPENDS: b,\n c (>= 1),\n\td\nDescription: first\n more\n .\nX:\r\n y\r\n"
                .utf8)
        XCTAssertEqual(fields["depends"], "b, c (>= 1), d")
        XCTAssertEqual(fields.lines("depends"), ["b,", "c (>= 1),", "d"])
        XCTAssertEqual(fields.lines("description"), ["first", "more", "."])
        XCTAssertEqual(fields["x"], "y")
        XCTAssertNil(fields["comment"])
        XCTAssertEqual(fields.lines("nothing"), [])
    }

    func testALineThatIsFoldedBelowAnUnwantedFieldIsNotTheWantedOnes() {
        let fields = Deb822(paragraph: "A: 1\nB: 2\n 3\nA: 4\n".utf8, where: { $0 == "a" })
        XCTAssertEqual(fields.lines("a"), ["4"])
        XCTAssertNil(fields["b"])
    }

    func testParagraphsStandBetweenBlankLines() {
        let text = "\n\nA: 1\n \t\nA: 2\r\n\r\n\nA: 3"
        XCTAssertEqual(Deb822.paragraphs(text.utf8).map { $0["a"] }, ["1", "2", "3"])
        XCTAssertEqual(Deb822.paragraphs("".utf8).count, 0)
    }

    func testAnIndexIsFoundWithoutReadingItsFields() {
        let text = Array("Package: a\nFilename: x\n\n\nPackage: bb\nPackages: c\nPriority: required\n".utf8)
        text.withUnsafeBufferPointer { bytes in
            let ranges = Deb822.ranges(bytes)
            XCTAssertEqual(ranges.count, 2)
            let names = ranges.map { Deb822.firstLine(of: "Package", in: UnsafeBufferPointer(rebasing: bytes[$0])) }
            XCTAssertEqual(names, ["a", "bb"])
            XCTAssertNil(Deb822.firstLine(of: "Essential", in: UnsafeBufferPointer(rebasing: bytes[ranges[0]])))
        }
    }
}

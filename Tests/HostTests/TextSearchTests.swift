import Host
import XCTest

/// Texts in texts, by bytes.
final class TextSearchTests: XCTestCase {
    func testATextIsFoundByItsBytes() {
        let text = "one\r\ntwo é"
        for part in ["", "one", "\n", "\r", "o é", text] { XCTAssertTrue(text.contains(part), part) }
        for part in ["e\u{301}", "One", text + " "] { XCTAssertFalse(text.contains(part), part) }
        XCTAssertTrue(text.dropFirst(2).contains("e"))
        XCTAssertFalse(text.dropFirst(2).contains("one"))
        XCTAssertTrue(text.contains(text.dropFirst(4)))
        XCTAssertTrue("".contains(""))
        XCTAssertFalse("".contains("a"))
    }
}

import Host
import XCTest

/// What people and other programs read.
final class TextTests: XCTestCase {
    func testAStrangersTextCannotRepaintATerminal() {
        XCTAssertEqual(TerminalText.safe("plain é 漢"), "plain é 漢")
        XCTAssertEqual(TerminalText.safe("\u{1b}[2J\ta\u{202e}b\u{85}"), "\\u{1b}[2J a\\u{202e}b\\u{85}")
        XCTAssertEqual(TerminalText.safe([0x61, 0xff, 0xc3, 0xa9, 0xc3]), "a\\xffé\\xc3")
        XCTAssertEqual(TerminalText.safeLines("one\ntwo\r", longest: 3), "one\ntwo… (1 bytes more)")
    }

    func testAReportShowsBytesThatAreNoText() {
        XCTAssertEqual(TerminalText.report("é\u{202e}".utf8), "é\u{202e}")
        XCTAssertEqual(TerminalText.report([0x0a, 0xc2, 0x85]), "\\x0a\\xc2\\x85")
        // From the first byte that is no UTF-8 on it may be any encoding.
        XCTAssertEqual(TerminalText.report([0xc3, 0xa9, 0xff, 0xc3, 0xa9, 0x61]), "é\\xff\\xc3\\xa9a")
    }

    func testModesHaveAtLeastTheirDigits() {
        XCTAssertEqual([0o644, 0o4755, 0, 0o7].map { Octal.text($0) }, ["0644", "4755", "0000", "0007"])
        XCTAssertEqual(Octal.text(0o755, width: 3), "755")
    }

    func testKeysOfAnAnswerHaveUnderscores() {
        for (name, key) in [
            ("path", "path"), ("lockSHA256", "lock_sha256"), ("sourceDateEpoch", "source_date_epoch"),
            ("dataBlockSize", "data_block_size"), ("sha256", "sha256"), ("not_varied", "not_varied"),
            // Published so.
            ("expiredKeys", "expiredKeys"),
        ] { XCTAssertEqual(JSONText.snakeCase(name), key) }
        struct Answer: Encodable {
            var lockSHA256 = "x"
            var byName = ["camelCase key": 1]
        }
        // Keys of a dictionary are data.
        XCTAssertEqual(
            JSONText.of(Answer()), "{\n  \"by_name\" : {\n    \"camelCase key\" : 1\n  },\n  \"lock_sha256\" : \"x\"\n}"
        )
    }
}

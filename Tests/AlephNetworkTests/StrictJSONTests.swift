import AlephNetwork
import ContentHash
import XCTest

final class StrictJSONTests: XCTestCase {
    private func failure(_ text: String) -> String { failure(Array(text.utf8)) }

    private func failure(_ bytes: [UInt8]) -> String {
        do {
            _ = try StrictJSON(bytes)
            return "accepted"
        } catch { return "\(error)" }
    }

    func testWhatParsersDisagreeOnIsRefused() {
        XCTAssertTrue(failure(#"{"a":1,"a":2}"#).contains("stands twice"))
        XCTAssertTrue(failure(#"{"a":1,"\u0061":2}"#).contains("stands twice"))
        XCTAssertTrue(failure(#"{"x":{"é":1,"\u00e9":2}}"#).contains("stands twice"))
        XCTAssertTrue(failure(#"["\ud83d"]"#).contains("surrogate"))
        XCTAssertTrue(failure(#"["\ude00\ud83d"]"#).contains("surrogate"))
        XCTAssertTrue(failure([0x22, 0xff, 0x22]).contains("not UTF-8"))
        XCTAssertTrue(failure([0x22, 0xc0, 0x80, 0x22]).contains("not UTF-8"))
        XCTAssertTrue(failure("1e400").contains("doesn't fit"))
        XCTAssertTrue(failure("9223372036854775808").contains("doesn't fit"))
        XCTAssertTrue(failure("\"a\nb\"").contains("control character"))
        XCTAssertTrue(failure("{} {}").contains("follows"))
        XCTAssertTrue(failure(String(repeating: "[", count: 100_000)).contains("nested too deep"))
        for bad in [
            "", "{", "[1,]", "{\"a\":}", "01", "1.", "+1", ".5", "NaN", "Infinity", "'a'", "{a:1}", "[1 2]", "tru",
            "\"\\x\"", "\u{feff}{}",
        ] {
            XCTAssertNotEqual(failure(bad), "accepted", bad)
        }
    }

    func testValuesAreReadWhole() throws {
        let json = try StrictJSON(Array(#" {"a": [1, -2.5e3, true, null], "b": "\ud83d\ude00\n", "c": {}} "#.utf8))
        XCTAssertEqual(json["a"]?.elements?.compactMap(\.number), [1, -2500])
        XCTAssertEqual(json["b"]?.text, "😀\n")
        XCTAssertEqual(json["c"]?.isObject, true)
        XCTAssertNil(json["d"])
        // To Swift, a Kelvin sign is the letter K; to the network it is another key.
        XCTAssertNil(try StrictJSON(Array("{\"\u{212a}ey\":1}".utf8))["Key"])
    }

    /// Known answers of the Keccak team and of Ethereum: the empty text, "abc", and a message longer than the rate.
    func testKeccakIsTheOneBeforeFIPS202() {
        XCTAssertEqual(
            Hex.encode(Keccak256.hash([])), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
        XCTAssertEqual(
            Hex.encode(Keccak256.hash(Array("abc".utf8))),
            "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45")
        XCTAssertEqual(
            Hex.encode(Keccak256.hash(Array("The quick brown fox jumps over the lazy dog".utf8))),
            "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15")
    }

    func testItemHashesHaveOneSpelling() {
        XCTAssertNotNil(ItemHash("QmYULJoNGPDmoRq4WNWTDTUvJGJv1hosox8H6vVd1kCsY8"))
        XCTAssertNotNil(ItemHash("bafybeidfgxrakbv2xtdfbsctwgarx6kyxi4dwfr2cswgeoojspjjoqc3aq"))
        for bad in [
            "BAFYBEIDFGXRAKBV2XTDFBSCTWGARX6KYXI4DWFR2CSWGEOOJSPJJOQC3AQ",
            "zdj7WcEyunHyt6j8xJs5xRSDe6hy98RrGFVsboLXzpoF5jt6f", String(repeating: "A", count: 64), "", "..",
        ] { XCTAssertNil(ItemHash(bad), bad) }
    }
}

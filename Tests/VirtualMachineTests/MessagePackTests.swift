import VirtualMachine
import XCTest

/// MessagePack, as a supervisor and an agent send it.
final class MessagePackTests: XCTestCase {
    func testEveryKindOfValueIsReadAsTheSpecificationWritesIt() throws {
        let examples: [([UInt8], MessagePack)] = [
            ([0xc0], .null), ([0xc2], .boolean(false)), ([0xc3], .boolean(true)), ([0x07], .integer(7)),
            ([0xe0], .integer(-32)), ([0xcc, 0xff], .integer(255)), ([0xcd, 1, 0], .integer(256)),
            ([0xce, 0, 1, 0, 0], .integer(65536)), ([0xcf, 0, 0, 0, 0, 0, 0, 0, 9], .integer(9)),
            ([0xd0, 0x80], .integer(-128)), ([0xd1, 0xff, 0xfe], .integer(-2)),
            ([0xd2, 0xff, 0xff, 0xff, 0xff], .integer(-1)),
            ([0xca, 0x3f, 0x80, 0, 0], .float(1)), ([0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0], .float(1)),
            ([0xa2, 0x61, 0x62], .text("ab")), ([0xd9, 1, 0x61], .text("a")), ([0xc4, 2, 1, 2], .binary([1, 2])),
            ([0x92, 1, 2], .array([.integer(1), .integer(2)])), ([0xdc, 0, 1, 5], .array([.integer(5)])),
            ([0x81, 0xa1, 0x61, 1], .map([("a", .integer(1))])),
        ]
        for (bytes, value) in examples { XCTAssertEqual(try MessagePack(packed: bytes), value) }
    }

    func testWhatIsWrittenIsReadAgain() throws {
        let value = MessagePack.map([
            ("null", .null), ("numbers", .array([.integer(0), .integer(-1), .integer(1 << 40), .float(2.5)])),
            ("bytes", .binary(Array(0...255))), ("text", .text("é")), ("map", .map([("x", .boolean(true))])),
        ])
        XCTAssertEqual(try MessagePack(packed: value.packed), value)
        XCTAssertEqual(value["map"]?["x"], .boolean(true))
        XCTAssertNil(value["none"])
    }

    func testCutAndForeignBytesAreRefusedAndAskForNoMemory() {
        let whole = MessagePack.map([("a", .array([.binary([1, 2, 3]), .text("xyz")]))]).packed
        for count in whole.indices { XCTAssertThrowsError(try MessagePack(packed: Array(whole[..<count]))) }
        XCTAssertThrowsError(try MessagePack(packed: whole + [0])) {
            XCTAssertEqual($0 as? MessagePack.Malformed, .tooLong)
        }
        XCTAssertThrowsError(try MessagePack(packed: [0xc1])) {
            XCTAssertEqual($0 as? MessagePack.Malformed, .unknownKind)
        }
        for first: UInt8 in [0xdd, 0xdf, 0xc6, 0xdb] {
            XCTAssertThrowsError(try MessagePack(packed: [first, 0xff, 0xff, 0xff, 0xff])) {
                XCTAssertEqual($0 as? MessagePack.Malformed, .cutShort)
            }
        }
        XCTAssertThrowsError(try MessagePack(packed: [UInt8](repeating: 0x91, count: 100_000))) {
            XCTAssertEqual($0 as? MessagePack.Malformed, .tooDeep)
        }
    }
}

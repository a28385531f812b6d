import Host
import VirtualMachine
import XCTest

/// A message's answer, as it is printed.
final class EventTests: XCTestCase {
    func testAValueIsPrintedAsTheJSONThatItIs() throws {
        let value = MessagePack.map([
            ("camelCase", .text("a/b")), ("n", .null), ("list", .array([.integer(1), .boolean(true), .float(1.5)])),
            ("bytes", .binary(Array("text".utf8))), ("other", .binary([0xff])),
        ])
        XCTAssertEqual(
            String(decoding: try JSONText.line(value), as: UTF8.self),
            #"{"bytes":"text","camelCase":"a/b","list":[1,true,1.5],"n":null,"other":[255]}"# + "\n")
    }
}

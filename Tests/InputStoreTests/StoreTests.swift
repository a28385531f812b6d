import ContentHash
import Foundation
import Host
import InputStore
import RuntimeSpec
import XCTest

/// Verified inputs on disk: a name is not believed.
final class StoreTests: XCTestCase {
    private func withStore(_ body: (Store, String) throws -> Void) throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        try body(try Store(directory: "\(folder.path)/store"), folder.path)
    }

    private static let bytes = Array("bytes".utf8)
    private static let input = Lockfile.Input(path: "a", of: bytes)

    func testWhatIsKeptIsFoundByItsHash() throws {
        try withStore { store, _ in
            guard case .absent = try store.state(of: Self.input) else { return XCTFail("it is there already") }
            XCTAssertEqual(try store.keep(Self.bytes), Self.input.sha256)
            guard case .present = try store.state(of: Self.input) else { return XCTFail("it isn't there") }
            XCTAssertEqual(try store.bytes(of: Self.input), Self.bytes)
            store.remove(Self.input.sha256)
            XCTAssertNil(try store.bytes(of: Self.input))
        }
    }

    func testAnObjectThatChangedIsSaidAndNotGiven() throws {
        try withStore { store, folder in
            let path = store.path(of: try store.keep(Self.bytes))
            try FileManager.default.removeItem(atPath: path)
            try Data("other".utf8).write(to: URL(fileURLWithPath: path))
            guard case .changed(let reason) = try store.state(of: Self.input) else { return XCTFail("it is believed") }
            XCTAssertTrue(reason.contains("has changed on disk"), reason)
            XCTAssertNil(try store.bytes(of: Self.input))
            XCTAssertThrowsError(try store.copy(Self.input, to: "\(folder)/copy", name: "a"))
        }
    }

    func testAnUntrueSizeIsWrongWhereverTheBytesAre() throws {
        try withStore { store, _ in
            _ = try store.keep(Self.bytes)
            let input = Lockfile.Input(path: "a", size: 6, sha256: Self.input.sha256)
            XCTAssertThrowsError(try store.state(of: input)) { XCTAssertTrue("\($0)".contains("has 6 bytes"), "\($0)") }
            XCTAssertNil(try store.bytes(of: input))
        }
    }

    func testALocalFileIsTakenOnlyWithTheRightBytes() throws {
        try withStore { store, folder in
            let path = "\(folder)/local"
            XCTAssertNil(try store.adopt(path, as: Self.input))
            try Data("other".utf8).write(to: URL(fileURLWithPath: path))
            XCTAssertEqual(try store.adopt(path, as: Self.input), Digest.of(Array("other".utf8)))
            XCTAssertNil(try store.bytes(of: Self.input))
            try Data(Self.bytes).write(to: URL(fileURLWithPath: path))
            XCTAssertEqual(try store.adopt(path, as: Self.input), Self.input.sha256)
            XCTAssertEqual(try store.bytes(of: Self.input), Self.bytes)
        }
    }
}

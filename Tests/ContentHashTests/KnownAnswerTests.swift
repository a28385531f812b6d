import ContentHash
import Foundation
import XCTest

/// The vectors of golden/cid.json, which come from kubo and from independent implementations.
final class KnownAnswerTests: XCTestCase {
    private struct Vectors: Decodable {
        var vectors: [[String: Value]]
    }

    private enum Value: Decodable {
        case text(String), number(Int)
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                self = .number(number)
            } else {
                self = .text(try container.decode(String.self))
            }
        }
        var text: String? { if case .text(let text) = self { text } else { nil } }
        var number: Int? { if case .number(let number) = self { number } else { nil } }
    }

    func testEveryVectorInEveryProfile() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: root.appendingPathComponent("golden/cid.json"))
        let vectors = try JSONDecoder().decode(Vectors.self, from: data).vectors
        XCTAssertGreaterThan(vectors.count, 5)
        for vector in vectors {
            let size = try XCTUnwrap(vector["size"]?.number)
            #if DEBUG
                // A debug build makes and hashes the largest for a minute; the release build's tests take them all.
                if size > 4 << 20 { continue }
            #endif
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("rtverify-\(UUID()).bin")
            defer { try? FileManager.default.removeItem(at: file) }
            try Self.write(content: try XCTUnwrap(vector["content"]?.text), size: size, to: file)
            let identity = try FileIdentity(path: file.path, profiles: UnixFSProfile.named)
            XCTAssertEqual(identity.size, size)
            if let sha256 = vector["sha256"]?.text { XCTAssertEqual(identity.sha256.hex, sha256) }
            for profile in UnixFSProfile.named {
                guard let expected = vector[profile.name]?.text else { continue }
                XCTAssertEqual(identity.cid(profile)?.description, expected, "\(profile.name), \(size) bytes")
                XCTAssertEqual(try CID(expected).description, expected)
            }
        }
    }

    /// The counter stream of the vectors' note: SHA-256("rtverify" || n as 8 bytes little-endian), cut to size.
    private static func write(content: String, size: Int, to file: URL) throws {
        try Data().write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        defer { try? handle.close() }
        if content == "zeros" || content == "zero" { return try handle.truncate(atOffset: UInt64(size)) }
        XCTAssertEqual(content, "counter-stream")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size + 32)
        var counter: UInt64 = 0
        while bytes.count < size {
            let input = Array("rtverify".utf8) + (0..<8).map { UInt8(truncatingIfNeeded: counter >> (8 * $0)) }
            bytes += Digest.of(input).bytes
            counter += 1
        }
        try handle.write(contentsOf: Data(bytes[..<size]))
    }

    func testDigestsReadOneSpellingOnly() {
        let hex = String(repeating: "0a", count: 32)
        XCTAssertEqual(Digest(hex: hex)?.hex, hex)
        XCTAssertNil(Digest(hex: hex.uppercased()))
        XCTAssertNil(Digest(hex: String(hex.dropLast())))
    }
}

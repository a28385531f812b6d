import AlephNetwork
import ContentHash
import Foundation
import XCTest

/// What a PROGRAM message says, and what the network takes where it doesn't.
final class ProgramMessageTests: XCTestCase {
    private let ref = String(repeating: "ab", count: 32)

    private func read(_ content: [String: Any], type: String = "PROGRAM") async throws -> ProgramMessage {
        let text = String(decoding: try JSONSerialization.data(withJSONObject: content), as: UTF8.self)
        let fields: [String: Any] = [
            "sender": "0x0", "chain": "ETH", "type": type, "item_type": "inline", "item_content": text,
            "item_hash": Digest.of(Array(text.utf8)).hex, "signature": "0x0",
        ]
        let bytes = try JSONSerialization.data(withJSONObject: ["status": "processed", "message": fields])
        return try await ProgramMessage(
            Array(bytes),
            nodes: NodeSet(apis: ["http://127.0.0.1:1"], gateways: [], timeout: 1, environment: { _ in nil }))
    }

    private var smallest: [String: Any] {
        [
            "code": ["ref": ref, "entrypoint": "main:app", "encoding": "zip"], "runtime": ["ref": ref],
            "volumes": [["ref": ref, "mount": "/a"]],
        ]
    }

    func testDefaultsAreTheNetworks() async throws {
        let program = try await read(smallest)
        XCTAssertEqual(program.entrypoint, "main:app")
        XCTAssertNil(program.interface)
        XCTAssertEqual(program.memory, 128)
        XCTAssertFalse(program.hasInternet)
        // aleph-message: a runtime and a volume follow amends, code doesn't.
        XCTAssertTrue(program.runtime.usesLatest)
        XCTAssertEqual(program.volumes.map { $0.reference?.usesLatest }, [true])
        XCTAssertFalse(program.code.usesLatest)
        XCTAssertNil(program.data)
    }

    func testWhatItSaysIsTaken() async throws {
        var content = smallest
        content["code"] = ["ref": ref, "entrypoint": "server", "interface": "binary", "use_latest": true]
        content["runtime"] = ["ref": ref, "use_latest": false]
        content["data"] = ["ref": ref, "use_latest": NSNull()]
        content["variables"] = ["A": "b"]
        content["resources"] = ["memory": 2048]
        content["environment"] = ["internet": true]
        content["authorized_keys"] = ["ssh-ed25519 AAAA"]
        content["volumes"] = [["mount": "/tmp/own", "ephemeral": true, "size_mib": 5]]
        let program = try await read(content)
        XCTAssertEqual(program.interface, "executable")
        XCTAssertTrue(program.code.usesLatest)
        XCTAssertFalse(program.runtime.usesLatest)
        XCTAssertEqual(program.data?.usesLatest, false)
        XCTAssertEqual(program.variables.map { "\($0.name)=\($0.value)" }, ["A=b"])
        XCTAssertEqual(program.memory, 2048)
        XCTAssertTrue(program.hasInternet)
        XCTAssertEqual(program.authorizedKeys, ["ssh-ed25519 AAAA"])
        XCTAssertEqual(program.volumes.map(\.size), [5])
        XCTAssertNil(program.volumes[0].reference)
    }

    func testWhatIsNoProgramIsRefused() async throws {
        var contents: [([String: Any], String, String)] = [
            (smallest, "STORE", "no PROGRAM"), ([:], "PROGRAM", "'code'"),
        ]
        for (key, value, reason): (String, Any, String) in [
            ("runtime", ["ref": "x"], "names no runtime"),
            ("runtime", ["ref": ref, "use_latest": "no"], "neither true nor false"),
            ("variables", ["A": 1], "variable"), ("code", ["ref": ref, "entrypoint": ""], "entrypoint"),
            ("volumes", [["ref": "x", "mount": "/a"]], "names no volume"),
        ] {
            var content = smallest
            content[key] = value
            contents.append((content, "PROGRAM", reason))
        }
        for (content, type, reason) in contents {
            do {
                _ = try await read(content, type: type)
                XCTFail(reason)
            } catch { XCTAssertTrue("\(error)".contains(reason), "\(error), where \(reason)") }
        }
    }
}

import AlephNetwork
import CSecp256k1
import ContentHash
import Foundation
import XCTest

/// A key made for a test.
struct TestKey {
    private let secret: [UInt8]
    let address: String

    init(_ seed: UInt8) {
        secret = Digest.of([seed]).bytes
        let context = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE))!
        defer { secp256k1_context_destroy(context) }
        var key = secp256k1_pubkey()
        XCTAssertEqual(secp256k1_ec_pubkey_create(context, &key, secret), 1)
        var (bytes, count) = ([UInt8](repeating: 0, count: 65), 65)
        secp256k1_ec_pubkey_serialize(context, &bytes, &count, &key, UInt32(SECP256K1_EC_UNCOMPRESSED))
        address = "0x" + Hex.encode(Keccak256.hash(Array(bytes[1...])).suffix(20))
    }

    /// 65 bytes: r, s, and a recovery value of 27 or 28.
    func sign(_ message: String) -> [UInt8] {
        let bytes = Array(message.utf8)
        let digest = Keccak256.hash(Array("\u{19}Ethereum Signed Message:\n\(bytes.count)".utf8) + bytes)
        let context = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE))!
        defer { secp256k1_context_destroy(context) }
        var signature = secp256k1_ecdsa_recoverable_signature()
        XCTAssertEqual(secp256k1_ecdsa_sign_recoverable(context, &signature, digest, secret, nil, nil), 1)
        var (compact, recovery) = ([UInt8](repeating: 0, count: 64), CInt(0))
        secp256k1_ecdsa_recoverable_signature_serialize_compact(context, &compact, &recovery, &signature)
        return compact + [UInt8(27 + recovery)]
    }
}

/// A message signed for a test, every field of which may lie.
struct TestMessage {
    var fields: [String: Any]
    let itemHash: String

    init(_ content: String, type: String = "STORE", by key: TestKey, chain: String = "ETH") {
        itemHash = Digest.of(Array(content.utf8)).hex
        let signed = "\(chain)\n\(key.address)\n\(type)\n\(itemHash)"
        fields = [
            "sender": key.address, "chain": chain, "type": type, "item_type": "inline", "item_content": content,
            "item_hash": itemHash, "time": 1.0, "channel": "TEST", "signature": "0x" + Hex.encode(key.sign(signed)),
        ]
    }

    /// The content of a STORE message.
    static func store(_ file: String, owner: String, time: Double = 1, ref: String? = nil, more: String = "") -> String
    {
        let itemType = file.hasPrefix("Qm") || file.hasPrefix("bafy") ? "ipfs" : "storage"
        let amended = ref.map { ",\"ref\":\"\($0)\"" } ?? ""
        return "{\"address\":\"\(owner)\",\"time\":\(time),\"item_type\":\"\(itemType)\",\"item_hash\":\"\(file)\""
            + "\(amended)\(more)}"
    }

    func with(_ key: String, _ value: Any?) -> TestMessage {
        var message = self
        message.fields[key] = value
        return message
    }

    var json: String { TestNode.json(fields) }

    /// As a node shows it.
    func answer(status: String = "processed") -> String { TestNode.json(["status": status, "message": fields]) }
}

/// What a node on loopback answers.
struct TestNode {
    var routes: [String: [String: Any]] = [:]

    static func json(_ value: Any) -> String {
        guard let data = try? JSONSerialization.data(withJSONObject: value, options: .withoutEscapingSlashes) else {
            XCTFail("no JSON")
            return ""
        }
        return String(decoding: data, as: UTF8.self)
    }

    /// A node that shows these messages, and lists of them.
    init(_ messages: TestMessage...) {
        for message in messages { show(message.itemHash, message.answer()) }
    }

    mutating func show(_ hash: String, _ body: String, mode: String? = nil) {
        routes["/api/v0/messages/\(hash)"] = ["body": body, "mode": mode ?? ""]
    }

    /// What it answers when it is asked for a list of messages of a type: of amends, or of security settings.
    mutating func list(_ type: String, _ messages: [TestMessage]) {
        routes["/api/v0/messages.json?msgType=\(type)"] = ["body": TestNode.json(["messages": messages.map(\.fields)])]
    }

    /// Runs `body` beside the node, which gets its address.
    /// - Parameter host: An address of the loopback network.
    func serving(_ bench: Workbench, host: String = "127.0.0.1", _ body: (String) throws -> Void) throws {
        let name = "routes-\(UUID()).json"
        try bench.write(Self.json(routes), to: name)
        try Server.running(["node.py", "\(bench.folder)/\(name)", host], host: host, body)
    }
}

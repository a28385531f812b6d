import AlephNetwork
import COpenSSL
import ContentHash
import Foundation
import XCTest

final class MessageTests: XCTestCase {
    private static let vectors = "\(Workbench.checkout)/../shared/vectors/messages"

    func testRealMessagesVerify() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        guard FileManager.default.fileExists(atPath: Self.vectors) else {
            throw XCTSkip("the real messages lie beside the project's own checkouts only")
        }
        // No node is asked: what isn't inline has no content here.
        for (name, status) in [
            ("store-eth-ipfs", Int32(0)), ("program-eth", 0), ("post-sol", 0), ("aggregate-eth-storage", 2),
            ("store-forgotten", 2),
        ] {
            let answer = try bench.rtverify([
                "message", "\(Self.vectors)/\(name).json", "--json", "--api", "http://127.0.0.1:9",
            ])
            XCTAssertEqual(answer.status, status, "\(name): \(answer.output) \(answer.errors)")
            let json = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
            XCTAssertEqual(json["signature"] as? String, "valid", name)
        }
    }

    func testSolanaSignaturesAreChecked() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        var key: OpaquePointer?
        let context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil)
        XCTAssertEqual(EVP_PKEY_keygen_init(context), 1)
        XCTAssertEqual(EVP_PKEY_keygen(context, &key), 1)
        var (publicKey, count) = ([UInt8](repeating: 0, count: 32), 32)
        XCTAssertEqual(EVP_PKEY_get_raw_public_key(key, &publicKey, &count), 1)
        let sender = Base58.encode(publicKey)
        var message = TestMessage("{\"address\":\"\(sender)\",\"time\":1}", type: "POST", by: TestKey(1))
        let signed = Array("SOL\n\(sender)\nPOST\n\(message.itemHash)".utf8)
        var (signature, size) = ([UInt8](repeating: 0, count: 64), 64)
        let signing = EVP_MD_CTX_new()
        XCTAssertEqual(EVP_DigestSignInit(signing, nil, nil, nil, key), 1)
        XCTAssertEqual(EVP_DigestSign(signing, &signature, &size, signed, signed.count), 1)
        EVP_MD_CTX_free(signing)
        EVP_PKEY_free(key)
        EVP_PKEY_CTX_free(context)
        func status(_ signature: [UInt8], publicKey: String) throws -> Int32 {
            let fields = ["signature": Base58.encode(signature), "publicKey": publicKey]
            var statuses: Set<Int32> = []
            for value: Any in [fields, TestNode.json(fields)] {
                message = message.with("chain", "SOL").with("sender", sender).with("signature", value)
                try bench.write(message.json, to: "message.json")
                statuses.insert(try bench.rtverify(["message", "message.json"]).status)
            }
            return statuses.count == 1 ? statuses.first ?? -1 : -1
        }
        XCTAssertEqual(try status(signature, publicKey: sender), 0)
        XCTAssertEqual(try status(signature, publicKey: Base58.encode(Digest.of([1]).bytes)), 2)
        XCTAssertEqual(try status([signature[0] ^ 1] + signature.dropFirst(), publicKey: sender), 2)
        XCTAssertEqual(try status(Array(signature.dropLast()), publicKey: sender), 2)
    }

    func testAMessageThatDoesNotHoldIsSaidToBeSo() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let key = TestKey(1)
        let message = TestMessage(TestMessage.store(String(repeating: "a", count: 64), owner: key.address), by: key)
        func status(_ message: TestMessage) throws -> Int32 {
            try bench.write(message.json, to: "message.json")
            return try bench.rtverify(["message", "message.json"]).status
        }
        XCTAssertEqual(try status(message), 0)
        XCTAssertEqual(try status(message.with("item_content", "{}")), 1)
        XCTAssertEqual(try status(message.with("chain", "BSC")), 2)
        XCTAssertEqual(try status(message.with("chain", "NULS2")), 2)
        XCTAssertEqual(try status(TestMessage("{\"address\":\"x\"}", by: key, chain: "BASE")), 2)
        XCTAssertEqual(try status(TestMessage("{}", type: "POST", by: key, chain: "BASE")), 0)
    }
}

import AlephNetwork
import ContentHash
import Foundation
import XCTest

/// What would be published, as Aleph's clients would hash it, and what must not lie beside it.
final class StoreDraftTests: XCTestCase {
    private let address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    private let file = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    func testTextsAreEscapedAsPythonDoes() throws {
        // As json.dumps writes them.
        for (text, json) in [
            ("a\"b\\c/d", #""a\"b\\c/d""#), ("\u{7f}", #""\u007f""#), ("\u{0}\u{1f}", #""\u0000\u001f""#),
            ("\n\r\t\u{8}\u{c}", #""\n\r\t\b\f""#),
            ("é\u{2028}", #""\u00e9\u2028""#), ("\u{1f600}", #""\ud83d\ude00""#), ("~ ", #""~ ""#),
        ] { XCTAssertEqual(PythonJSON.text(text), json) }
    }

    func testAddressesHaveTheirChecksum() throws {
        // The examples of EIP-55.
        for right in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
            "0x52908400098527886E0F7030069857D2E4169EE7", "0xde709f2102306220921060314715629080e2fb77",
        ] {
            XCTAssertEqual(try Chain.address(right.lowercased(), on: "ETH"), right)
            XCTAssertEqual(try Chain.address("0x" + right.dropFirst(2).uppercased(), on: "BASE"), right)
            XCTAssertEqual(try Chain.address(right, on: "ETH"), right)
        }
        for wrong in [
            "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5a", "",
        ] {
            XCTAssertThrowsError(try Chain.address(wrong, on: "ETH"), wrong)
        }
        XCTAssertThrowsError(try Chain.address(address, on: "eth"))
    }

    func testAMessageIsReadAsItWasWritten() throws {
        let name = try XCTUnwrap(ItemHash(file))
        let rebuild = RebuildSource(
            lockSHA256: Digest.of([1]), inputsCID: CID(raw: Digest.of([2])), inputs: name, recipe: 2)
        for (ref, rebuild) in [(nil, nil), ("my \"runtime\" é", rebuild), (file, nil)] {
            let terms = try StoreDraft.Terms(sender: address, time: 1_790_000_000.125, ref: ref)
            let draft = try StoreDraft(file: name, terms: terms, rebuild: rebuild)
            XCTAssertEqual(try StoreDraft(Array(draft.json.utf8)), draft)
            XCTAssertEqual(draft.itemHash.description, Digest.of(Array(draft.content.utf8)).hex)
            XCTAssertThrowsError(
                try StoreDraft(Array(draft.json.replacing("credit", with: "hold").utf8)))
            // The price is asked with the size, in MiB, rounded up.
            XCTAssertTrue(
                draft.estimate(size: 1 << 20 + 1).contains(#"\"estimated_size_mib\":2}"#), draft.estimate(size: 1))
        }
    }

    func testTheEngineFollowsFromTheSize() {
        XCTAssertEqual(StorageEngine(forSize: 4 << 20), .storage)
        XCTAssertEqual(StorageEngine(forSize: 4 << 20 + 1), .ipfs)
    }

    func testWhatANodeSaysIsReadStrictly() throws {
        let hash = try XCTUnwrap(ItemHash(file))
        func state(_ text: String) throws -> MessageState { try MessageState(Array(text.utf8), of: hash) }
        XCTAssertEqual(try state(#"{"status": "pending", "messages": [{}, {}]}"#), .pending)
        XCTAssertEqual(try state(#"{"status": "removing"}"#), .removed("removing"))
        XCTAssertEqual(try state(#"{"status": "new word"}"#), .other("new word"))
        XCTAssertFalse(try state(#"{"status": "new word"}"#).isRefused)
        guard
            case .rejected(let reason) = try state(
                #"{"status": "rejected", "error_code": 202, "details": {"a\u001b": "b"}}"#)
        else { return XCTFail("it is rejected") }
        XCTAssertTrue(reason.contains("refused since 2027") && !reason.contains("\u{1b}"), reason)
        for wrong in [
            "", "[]", "{}", #"{"status": 1}"#, #"{"status": "processed", "item_hash": "x"}"#,
            #"{"status": "processed", "status": "pending"}"#,
            #"{"status": "processed", "message": {"item_hash": "x"}}"#,
        ] { XCTAssertThrowsError(try state(wrong), wrong) }
        XCTAssertThrowsError(try StorageLimits(Array(#"{"storage": {"max_file_size": 1}}"#.utf8)))
        XCTAssertThrowsError(try StoragePrice(Array(#"{"cost": "\u001b[31m", "payment_type": "credit"}"#.utf8)))
        XCTAssertEqual(try StoragePrice(Array(#"{"cost": "0.5", "payment_type": "credit"}"#.utf8)).cost, "0.5")
    }

    func testPrivateKeysAreKnown() {
        let hexadecimal = String(repeating: "5e", count: 32)
        for text in [
            hexadecimal, "0x\(hexadecimal)\n", "0X\(hexadecimal)", String(repeating: "k", count: 32),
            Base58.encode([UInt8](repeating: 1, count: 32)),
            "-----BEGIN EC PRIVATE KEY-----",
            "legal winner thank year wave sausage worth useful legal winner thank yellow",
            "[" + [String](repeating: "7", count: 64).joined(separator: ", ") + "]",
        ] { XCTAssertNotNil(KeyTraces.look(Array(text.utf8), besides: []), text) }
        XCTAssertNil(KeyTraces.look(Array(hexadecimal.utf8), besides: [hexadecimal]))
        for text in ["0x" + String(repeating: "5e", count: 65), "ETH\n\(address)\nSTORE\n\(file)", "{}"] {
            XCTAssertNil(KeyTraces.look(Array(text.utf8), besides: []), text)
        }
    }
}

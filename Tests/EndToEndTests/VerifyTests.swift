import ContentHash
import Foundation
import XCTest

/// `rtverify verify` against nodes that tell the truth, and nodes that lie.
final class VerifyTests: XCTestCase {
    private let owner = TestKey(1)
    private let stranger = TestKey(2)
    private var bench: Workbench!
    private var sha256 = ""
    private var cid = ""

    override func setUpWithError() throws {
        bench = try Workbench()
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
        try Data(bytes).write(to: URL(fileURLWithPath: "\(bench.folder)/image"))
        try bench.write("another image", to: "other")
        let identity = try FileIdentity(path: "\(bench.folder)/image")
        (sha256, cid) = (identity.sha256.hex, try XCTUnwrap(identity.cid(.v0_2015)).description)
    }

    override func tearDown() { bench.remove() }

    private func verify(_ hash: String, _ url: String, _ more: [String] = [], image: String = "image") throws
        -> Workbench.Answer
    {
        try bench.rtverify(["verify", image, "--item-hash", hash, "--api", url, "--node-timeout", "3"] + more)
    }

    /// The answer's status; what was printed goes with a failure.
    private func expect(
        _ status: Int32, _ words: String, _ answer: Workbench.Answer, _ what: String = "", line: UInt = #line
    ) {
        XCTAssertEqual(answer.status, status, "\(what): \(answer.output) \(answer.errors)", line: line)
        XCTAssertTrue(answer.output.contains(words), "\(what): \(answer.output) \(answer.errors)", line: line)
    }

    private func signed(_ message: TestMessage) -> TestMessage { message }

    func testTheTruthIsVerifiedByWhateverRoute() throws {
        let message = TestMessage(TestMessage.store(sha256, owner: owner.address), by: owner)
        var node = TestNode(message)
        node.routes["/moved/api/v0/messages/\(message.itemHash)"] = [
            "status": 302, "location": "/api/v0/messages/\(message.itemHash)",
        ]
        node.routes["/late/api/v0/messages/\(message.itemHash)"] = ["body": message.answer(), "mode": "slow"]
        node.routes["/list/api/v0/messages/\(message.itemHash)"] = [
            "body": TestNode.json(["messages": [message.fields]])
        ]
        node.routes["/raw/api/v0/storage/raw/\(sha256)"] = ["file": "\(bench.folder)/image"]
        node.routes["/raw/api/v0/messages/\(message.itemHash)"] = ["body": message.answer()]
        let low = try XCTUnwrap(message.fields["signature"] as? String)
        let recovery = low.hasSuffix("1b") ? "00" : "01"
        node.routes["/zero/api/v0/messages/\(message.itemHash)"] = [
            "body": message.with("signature", low.dropLast(2) + recovery).answer()
        ]
        node.routes["/old/api/v0/messages/\(message.itemHash)"] = ["body": message.with("item_type", nil).answer()]
        try bench.write(message.answer(), to: "saved.json")
        try node.serving(bench) { url in
            for route in ["", "/moved", "/late", "/list", "/zero", "/old"] {
                expect(0, "match: the image is", try verify(message.itemHash, url + route), route)
            }
            expect(
                0, "match", try verify(message.itemHash, url, ["--sender", owner.address, "--owner", owner.address]))
            expect(
                0, "match",
                try verify(message.itemHash, url, ["--owner", owner.address.uppercased().replacing("0X", with: "0x")]))
            expect(0, "match", try verify(message.itemHash, url, ["--api", "\(url)/late"]))
            let network = try bench.rtverify(
                ["verify", "--from-network", "--item-hash", message.itemHash, "--api", "\(url)/raw"])
            expect(0, "match", network)
            expect(1, "mismatch", try verify(message.itemHash, url, image: "other"))
            expect(2, "undecided", try verify(message.itemHash, url, ["--require-publisher"]))
            expect(2, "undecided", try verify(message.itemHash, url, ["--sender", stranger.address]))
            expect(2, "undecided", try verify(message.itemHash, url, ["--owner", stranger.address]))
            expect(2, "--content-hash", try verify(sha256, url))
            let piped = try bench.run([
                "sh", "-c",
                "cat image | '\(Workbench.program)' verify - --item-hash \(message.itemHash) --api \(url) --json",
            ])
            let json = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(piped.output.utf8)) as? [String: Any])
            XCTAssertEqual(
                Set(json.keys),
                [
                    "verdict", "proof", "sender_pinned", "item_hash", "content_hash", "profile", "image", "signature",
                    "reproduced", "links",
                ])
            XCTAssertEqual(json["verdict"] as? String, "match")
            XCTAssertEqual(json["content_hash"] as? String, sha256)
            XCTAssertTrue(json["reproduced"] is NSNull)
        }
        expect(
            0, "match",
            try bench.rtverify(["verify", "image", "--item-hash", message.itemHash, "--message", "saved.json"]))
        expect(0, "match", try bench.rtverify(["verify", "image", "--content-hash", sha256]))
        expect(0, "unixfs-v0-2015", try bench.rtverify(["verify", "image", "--content-hash", cid]))
        expect(1, "mismatch", try bench.rtverify(["verify", "other", "--content-hash", sha256]))
        XCTAssertEqual(try bench.rtverify(["verify", "image"]).status, 64)
    }

    func testNoLieIsVerified() throws {
        let content = TestMessage.store(sha256, owner: owner.address)
        let message = TestMessage(content, by: owner)
        let signature = try XCTUnwrap(message.fields["signature"] as? String)
        let hash = message.itemHash
        func flipped(_ text: String, at offset: Int) -> String {
            var bytes = Array(text.utf8)
            bytes[offset] = bytes[offset] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
            return String(decoding: bytes, as: UTF8.self)
        }
        let other = TestMessage(TestMessage.store(String(repeating: "0", count: 64), owner: owner.address), by: owner)
        let lies: [(String, String)] = [
            ("another message", other.answer()),
            ("another message under its name", other.with("item_hash", hash).answer()),
            (
                "one byte changed",
                message.with("item_content", content.replacing("\"time\":1.0", with: "\"time\":1.1")).answer()
            ),
            ("re-serialized", message.with("item_content", content.replacing(":", with: ": ")).answer()),
            (
                "a signature by another key",
                message.with("signature", TestMessage(content, by: stranger).fields["signature"]).answer()
            ),
            ("another sender's", message.with("sender", stranger.address).answer()),
            ("a flipped bit", message.with("signature", flipped(signature, at: 20)).answer()),
            ("high s", message.with("signature", try highS(signature)).answer()),
            ("recovery value 29", message.with("signature", signature.dropLast(2) + "1d").answer()),
            ("a short signature", message.with("signature", String(signature.dropLast(2))).answer()),
            ("no signature", message.with("signature", nil).answer()),
            ("a chain nobody knows", message.with("chain", "XYZ").answer()),
            ("another type", message.with("type", "POST").answer()),
            ("forgotten", message.answer(status: "forgotten")),
            ("rejected", message.answer(status: "rejected")),
            ("pending", message.answer(status: "pending")),
            ("a status nobody knows", message.answer(status: "processed ")),
            ("a status twice", "{\"status\":\"processed\",\"status\":\"forgotten\",\"message\":\(message.json)}"),
            ("content beside storage", message.with("item_type", "storage").answer()),
            ("a hash in upper case", message.with("item_hash", hash.uppercased()).answer()),
            ("not JSON", "<html>"),
            ("cut short", String(message.answer().dropLast(3))),
            ("nested", String(repeating: "[", count: 100_000)),
            ("two messages", TestNode.json(["messages": [message.fields, message.fields]])),
            ("no message", TestNode.json(["messages": []])),
            ("empty", ""),
        ]
        var node = TestNode()
        for (number, (_, body)) in lies.enumerated() {
            node.routes["/\(number)/api/v0/messages/\(hash)"] = ["body": body]
        }
        for mode in ["stall", "trickle", "endless", "huge"] {
            node.routes["/\(mode)/api/v0/messages/\(hash)"] = ["body": message.answer(), "mode": mode]
        }
        node.routes["/loop/api/v0/messages/\(hash)"] = ["status": 302, "location": "/loop/api/v0/messages/\(hash)"]
        node.routes["/file/api/v0/messages/\(hash)"] = [
            "status": 302, "location": "file://\(bench.folder)/saved.json",
        ]
        node.routes["/true/api/v0/messages/\(hash)"] = ["body": message.answer()]
        node.routes["/away/api/v0/messages/\(hash)"] = ["status": 302, "location": "/0/api/v0/messages/\(hash)"]
        try bench.write(message.answer(), to: "saved.json")
        try node.serving(bench) { url in
            for (number, (what, _)) in lies.enumerated() {
                expect(2, "undecided", try verify(hash, "\(url)/\(number)"), what)
            }
            for route in ["stall", "trickle", "endless", "huge", "loop", "file", "away", "missing"] {
                let (answer, kibibytes) = try bench.measured(
                    ["verify", "image", "--item-hash", hash, "--api", "\(url)/\(route)", "--node-timeout", "3"])
                expect(2, "undecided", answer, route)
                XCTAssertLessThan(kibibytes, 64 << 10, route)
            }
            // Two nodes, of which one lies by leaving out or by a forged status.
            for lie in ["0", "13", "10"] {
                expect(
                    2, "undecided", try verify(hash, "\(url)/true", ["--api", "\(url)/\(lie)"]), "beside \(lie)")
            }
            // Without demanding a signature, one that is missing is said; what it lacks is not hidden.
            expect(0, "there is none", try verify(hash, "\(url)/10", ["--no-require-signature"]))
        }
    }

    /// The other signature of the same key and message: n - s, with the other recovery value.
    private func highS(_ signature: String) throws -> String {
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
        let bytes = try XCTUnwrap(Hex.decode(signature.dropFirst(2)))
        let n = try XCTUnwrap(Hex.decode(order))
        var (s, borrow) = ([UInt8](repeating: 0, count: 32), 0)
        for index in (0..<32).reversed() {
            let difference = Int(n[index]) - Int(bytes[32 + index]) - borrow
            (s[index], borrow) = (UInt8(truncatingIfNeeded: difference), difference < 0 ? 1 : 0)
        }
        return "0x" + Hex.encode(Array(bytes[..<32]) + s + [bytes[64] ^ 7])
    }

    func testAnotherHostIsBelievedNoMoreThanTheFirst() throws {
        let message = TestMessage(TestMessage.store(sha256, owner: owner.address), by: owner)
        let forged = message.with(
            "signature", TestMessage(TestMessage.store(sha256, owner: owner.address), by: stranger).fields["signature"])
        let path = "/api/v0/messages/\(message.itemHash)"
        var elsewhere = TestNode(message)
        elsewhere.routes["/lie\(path)"] = ["body": forged.answer()]
        try elsewhere.serving(bench, host: "127.0.0.2") { other in
            var node = TestNode()
            for route in ["", "/lie"] { node.routes[route + path] = ["status": 307, "location": other + route + path] }
            try node.serving(bench) { url in
                expect(0, "match", try verify(message.itemHash, url))
                expect(2, "undecided", try verify(message.itemHash, url + "/lie"))
            }
        }
    }

    func testWhatTheNetworkServesIsNoMismatch() throws {
        let message = TestMessage(TestMessage.store(sha256, owner: owner.address), by: owner)
        let raw = "/api/v0/storage/raw/\(sha256)"
        var (bad, good) = (TestNode(message), TestNode(message))
        bad.routes[raw] = ["body": "<html>maintenance</html>"]
        good.routes[raw] = ["file": "\(bench.folder)/image"]
        bad.routes["/endless/api/v0/messages/\(message.itemHash)"] = ["body": message.answer()]
        bad.routes["/endless\(raw)"] = ["mode": "trickle", "body": String(repeating: "x", count: 60)]
        try bad.serving(bench) { one in
            let arguments = ["verify", "--from-network", "--item-hash", message.itemHash, "--node-timeout", "3"]
            expect(2, "other bytes", try bench.rtverify(arguments + ["--api", one]))
            expect(2, "undecided", try bench.rtverify(arguments + ["--api", "\(one)/endless", "--image-timeout", "2"]))
            try good.serving(bench) { two in
                expect(0, "match", try bench.rtverify(arguments + ["--api", one, "--api", two]))
            }
        }
    }

    func testAStrangersTextCannotPaintTheTerminal() throws {
        let message = TestMessage(TestMessage.store(sha256, owner: owner.address), by: owner)
            .with("sender", "0x\u{1b}[2J\u{1b}[Hmatch")
        try TestNode(message).serving(bench) { url in
            let answer = try verify(message.itemHash, url)
            expect(2, "\\u{1b}[2J", answer)
            XCTAssertFalse(answer.output.contains("\u{1b}[2J"))
        }
    }

    /// What a contract wallet (ERC-1271) signs with can't be told from a forgery offline, whatever its length.
    func testAContractWalletIsUndecided() throws {
        let content = TestMessage.store(sha256, owner: owner.address)
        let message = TestMessage(content, by: owner)
        let wallets = [
            // A wallet whose own address is the sender, and one of its owners' keys the signer; two owners' keys.
            message.with("signature", TestMessage(content, by: stranger).fields["signature"]),
            message.with("signature", "0x" + String(repeating: "0123456789abcdef", count: 16) + "1b1c"),
        ]
        for wallet in wallets {
            try TestNode(wallet).serving(bench) { url in
                let answer = try verify(message.itemHash, url)
                expect(2, "a contract wallet's", answer)
                expect(2, "undecided", answer)
                expect(2, "undecided", try verify(message.itemHash, url, ["--sender", owner.address]))
            }
        }
    }

    /// What may be of somebody who has the right is never passed over because it can't be checked here.
    func testAmendsGrantsAndWithdrawalsThatCannotBeCheckedLeaveTheQuestionOpen() throws {
        let old = TestMessage(TestMessage.store(sha256, owner: owner.address), by: owner)
        let amend = TestMessage(
            TestMessage.store(String(repeating: "1", count: 64), owner: owner.address, time: 9, ref: old.itemHash),
            by: owner)
        let wallet = "0x" + String(repeating: "0123456789abcdef", count: 16) + "1b1c"
        func settings(_ authorizations: String, time: Int) -> TestMessage {
            TestMessage(
                "{\"address\":\"\(owner.address)\",\"time\":\(time),\"key\":\"security\",\"content\":{\"authorizations\":"
                    + "[\(authorizations)]}}", type: "AGGREGATE", by: owner)
        }
        let delegate = "{\"address\":\"\(stranger.address)\"}"
        let avax = amend.with("chain", "AVAX").with("sender", "X-avax1tsz75guzr7w65qvgprwh5x5zg8ry5eafvgzmqx")
        let delegated = TestMessage(
            TestMessage.store(String(repeating: "1", count: 64), owner: owner.address, time: 9, ref: old.itemHash),
            by: stranger)
        // The original's sender: a key that signed it, or somebody of whom nothing is known.
        let unknown = old.with("signature", wallet)
        for (what, original, amends, grants, status) in [
            ("a key's owner, and a wallet's signature", old, [amend.with("signature", wallet)], [], 0),
            ("a wallet's amend", unknown, [amend.with("signature", wallet)], [], 2),
            (
                "a wallet's amend by one of its keys", unknown,
                [amend.with("signature", delegated.fields["signature"])], [], 2
            ),
            (
                "an address of AVAX's own", old, [avax],
                [settings("{\"address\":\"\(avax.fields["sender"]!)\"}", time: 1)], 2
            ),
            ("the same without a grant", old, [avax], [], 0),
            ("a delegate without a grant", old, [delegated], [], 0),
            ("a grant by a wallet", unknown, [delegated], [settings(delegate, time: 1).with("signature", wallet)], 2),
            (
                "a grant, and a withdrawal that is forged", old, [delegated],
                [settings(delegate, time: 1), settings("", time: 2).with("signature", wallet)], 2
            ),
            (
                "a grant on another chain, and nothing else", old, [delegated],
                [settings(delegate, time: 1).with("chain", "TEZOS")], 2
            ),
        ] as [(String, TestMessage, [TestMessage], [TestMessage], Int32)] {
            var node = TestNode(original)
            node.list("STORE", amends)
            node.list("AGGREGATE", grants)
            try node.serving(bench) { url in
                let answer = try verify(old.itemHash, url, ["--latest", "--no-require-signature"])
                expect(status, status == 0 ? "match" : "undecided", answer, what)
            }
        }
    }

    func testANullInTheServersCopyIsNoDifference() throws {
        let content =
            "{\"address\":\"\(owner.address)\",\"time\":1,\"item_type\":\"storage\",\"item_hash\":\"\(sha256)\",\"metadata\":{\"a\":1}}"
        let message = TestMessage(content, by: owner)
        func shown(_ metadata: [String: Any]) -> TestMessage {
            message.with(
                "content",
                [
                    "address": owner.address, "time": 1, "item_type": "storage", "item_hash": sha256, "ref": NSNull(),
                    "metadata": metadata,
                ] as [String: Any])
        }
        try TestNode(shown(["a": 1, "b": NSNull()])).serving(bench) { url in
            XCTAssertFalse(try verify(message.itemHash, url).output.contains("server's copy"))
        }
        try TestNode(shown(["a": 2])).serving(bench) { url in
            XCTAssertTrue(try verify(message.itemHash, url).output.contains("server's copy"))
        }
    }

    func testHashedContentIsReadStrictly() throws {
        let good = TestMessage.store(sha256, owner: owner.address)
        let other = String(repeating: "0", count: 64)
        func twice(_ key: String) -> String { good.dropLast() + ",\"\(key)\":\"\(other)\"}" }
        let contents = [
            ("a key twice", twice("item_hash")), ("a key twice, escaped", twice("item_\\u0068ash")),
            ("a lone surrogate", good.replacing("{", with: "{\"x\":\"\\ud800\",")),
            ("a number that doesn't fit", good.replacing("\"time\":1.0", with: "\"time\":1e999")),
            ("an integer that doesn't fit", good.replacing("{", with: "{\"x\":99999999999999999999,")),
            ("upper case", TestMessage.store(sha256.uppercased(), owner: owner.address)),
            ("a type that doesn't fit", good.replacing("storage", with: "ipfs")),
            ("no owner", good.replacing("address", with: "adress")), ("nothing", "{}"), ("a list", "[]"),
            ("something after it", good + " {}"),
        ]
        var node = TestNode()
        let messages = contents.map { TestMessage($1, by: owner) }
        for message in messages { node.show(message.itemHash, message.answer()) }
        // The server's parsed copy says what it likes: only the hashed text counts.
        let lying = TestMessage(good, by: owner).with("content", ["item_hash": other, "address": stranger.address])
        node.show(lying.itemHash, lying.answer())
        try node.serving(bench) { url in
            for ((what, _), message) in zip(contents, messages) {
                expect(2, "undecided", try verify(message.itemHash, url), what)
            }
            let answer = try verify(lying.itemHash, url)
            expect(0, "server's copy", answer)
            XCTAssertTrue(answer.output.contains(other), answer.output)
        }
    }

    func testOnlyWhomTheOwnerAuthorisesPublishesForThem() throws {
        let message = TestMessage(TestMessage.store(sha256, owner: owner.address), by: stranger)
        func security(_ authorizations: String, time: Double, by key: TestKey, owner: String) -> TestMessage {
            TestMessage(
                "{\"address\":\"\(owner)\",\"time\":\(time),\"key\":\"security\",\"content\":{\"authorizations\":"
                    + "\(authorizations)}}", type: "AGGREGATE", by: key)
        }
        let grant = "[{\"address\":\"\(stranger.address)\",\"chain\":\"ETH\",\"types\":[\"STORE\"]}]"
        let cases: [(String, [TestMessage], Int32)] = [
            ("authorised", [security(grant, time: 1, by: owner, owner: owner.address)], 0),
            ("nothing said", [], 2),
            ("by themselves", [security(grant, time: 1, by: stranger, owner: owner.address)], 2),
            ("their own", [security(grant, time: 1, by: stranger, owner: stranger.address)], 2),
            (
                "revoked",
                [
                    security(grant, time: 1, by: owner, owner: owner.address),
                    security("[]", time: 2, by: owner, owner: owner.address),
                ], 2
            ),
            (
                "another type",
                [security(grant.replacing("STORE", with: "POST"), time: 1, by: owner, owner: owner.address)], 2
            ),
            (
                "another chain",
                [security(grant.replacing("ETH", with: "SOL"), time: 1, by: owner, owner: owner.address)], 2
            ),
            (
                "limited to channels, which nobody signs",
                [
                    security(
                        grant.replacing("}]", with: ",\"channels\":[\"TEST\"]}]"), time: 1, by: owner,
                        owner: owner.address)
                ],
                2
            ),
            (
                "revoked by what can't be read",
                [
                    security(grant, time: 1, by: owner, owner: owner.address),
                    security("[]", time: 2, by: owner, owner: owner.address).with("item_content", nil).with(
                        "item_type", "storage"),
                ], 2
            ),
            (
                "a broken signature",
                [security(grant, time: 1, by: owner, owner: owner.address).with("signature", "0x00")], 2
            ),
        ]
        for (what, settings, status) in cases {
            var node = TestNode(message)
            node.list("AGGREGATE", settings)
            try node.serving(bench) { url in
                expect(
                    status, status == 0 ? "match" : "undecided",
                    try verify(message.itemHash, url, ["--owner", owner.address]), what)
                // The sender by name is enough, and without any pin it is said that nobody was checked.
                expect(0, "match", try verify(message.itemHash, url, ["--sender", stranger.address]), what)
                let unpinned = try verify(message.itemHash, url)
                expect(0, "not checked", unpinned, what)
                XCTAssertTrue(unpinned.output.contains("names \(owner.address) as owner"), unpinned.output)
            }
        }
    }

    func testTheNewestOfANameOfTheOwnersOwn() throws {
        func named(_ file: String, _ time: Double, by key: TestKey, name: String = "my runtime", owner: String? = nil)
            -> TestMessage
        {
            TestMessage(
                TestMessage.store(file, owner: owner ?? key.address, time: time, ref: name), by: key)
        }
        let zeros = String(repeating: "0", count: 64)
        let old = named(zeros, 1, by: owner)
        let new = named(sha256, 5, by: owner)
        for (what, others, status) in [
            ("the newest", [new], Int32(0)), ("another name", [new, named(zeros, 9, by: owner, name: "mine")], 0),
            ("a stranger's", [new, named(zeros, 9, by: stranger)], 0),
            ("a stranger in the owner's name", [new, named(zeros, 9, by: stranger, owner: owner.address)], 0),
            ("an amend of an item hash", [new, named(zeros, 9, by: owner, name: old.itemHash)], 0),
            ("hidden", [], 2),
        ] {
            var node = TestNode(old, new)
            node.list("STORE", others)
            node.list("AGGREGATE", [])
            try node.serving(bench) { url in
                expect(status, status == 0 ? "match" : "undecided", try verify(old.itemHash, url, ["--latest"]), what)
                // The one that is asked for may be the newest itself.
                expect(0, "of the owner's 'my runtime'", try verify(new.itemHash, url, ["--latest"]), what)
            }
        }
    }

    func testAnInstanceNamesItsParent() throws {
        let store = TestMessage(TestMessage.store(sha256, owner: owner.address), by: owner)
        func instance(_ rootfs: String) -> TestMessage {
            TestMessage("{\"address\":\"\(stranger.address)\",\"time\":1,\(rootfs)}", type: "INSTANCE", by: stranger)
        }
        let good = instance(
            "\"rootfs\":{\"parent\":{\"ref\":\"\(store.itemHash)\",\"use_latest\":false},\"size_mib\":20000}")
        let newest = instance("\"rootfs\":{\"parent\":{\"ref\":\"\(store.itemHash)\"}}")
        let (without, empty) = (instance("\"a\":1"), instance("\"rootfs\":{}"))
        let post = TestMessage("{\"address\":\"\(stranger.address)\",\"time\":1}", type: "POST", by: stranger)
        var node = TestNode(store, good, newest, without, empty, post)
        node.list("STORE", [])
        try node.serving(bench) { url in
            expect(0, "is a copy of \(store.itemHash)", try verify(good.itemHash, url, ["--program"]))
            expect(0, "of its newest amend", try verify(newest.itemHash, url, ["--program"]))
            expect(2, "names no rootfs", try verify(without.itemHash, url, ["--program"]))
            expect(2, "names no parent", try verify(empty.itemHash, url, ["--program"]))
            expect(2, "a POST message, not a PROGRAM or an INSTANCE", try verify(post.itemHash, url, ["--program"]))
            expect(2, "not a PROGRAM or an INSTANCE", try verify(store.itemHash, url, ["--program"]))
            expect(2, "--program verifies the parent", try verify(good.itemHash, url))
            expect(1, "mismatch", try verify(good.itemHash, url, ["--program"], image: "other"))
        }
    }

    func testAmendsAreFollowedAndForgedOnesAreNot() throws {
        let old = TestMessage(TestMessage.store(String(repeating: "0", count: 64), owner: owner.address), by: owner)
        func amend(_ file: String, _ time: Double, by key: TestKey, ref: String? = nil, owner name: String? = nil)
            -> TestMessage
        {
            TestMessage(
                TestMessage.store(file, owner: name ?? owner.address, time: time, ref: ref ?? old.itemHash), by: key)
        }
        let good = amend(sha256, 5, by: owner)
        let bad = String(repeating: "1", count: 64)
        let program = TestMessage(
            "{\"address\":\"\(stranger.address)\",\"time\":1,\"runtime\":{\"ref\":\"\(old.itemHash)\",\"use_latest\":true}}",
            type: "PROGRAM", by: stranger)
        let twice = TestMessage(
            TestMessage.store(
                bad, owner: owner.address, time: 9, ref: old.itemHash, more: ",\"metadata\":{\"a\":1,\"a\":2}"),
            by: owner)
        let cases: [(String, [TestMessage], Int32)] = [
            ("the newest by its own time", [amend(bad, 2, by: owner), good, amend(bad, 3, by: owner)], 0),
            ("forged", [good, amend(bad, 9, by: stranger)], 0),
            ("of another owner", [good, amend(bad, 9, by: stranger, owner: stranger.address)], 0),
            ("of another message", [good, amend(bad, 9, by: owner, ref: good.itemHash)], 0),
            ("of itself", [good, amend(bad, 9, by: owner, ref: bad)], 0),
            // The owner's own that can't be read may be the newest.
            ("with other content", [good, amend(bad, 9, by: owner).with("item_content", "{}")], 2),
            ("with a key twice", [good, twice], 2),
            (
                "with content that is nowhere",
                [good, amend(bad, 9, by: owner).with("item_content", nil).with("item_type", "storage")], 2
            ),
            // That nodes hide none can't be proven, so a mismatch isn't either.
            ("hidden", [], 2), ("a newer one", [good, amend(bad, 9, by: owner)], 2),
        ]
        for (what, list, status) in cases {
            var node = TestNode(old, program)
            node.list("STORE", list)
            node.list("AGGREGATE", [])
            try node.serving(bench) { url in
                let answer = try verify(old.itemHash, url, ["--latest"])
                expect(status, status == 0 ? "match" : "undecided", answer, what)
                if status == 0 {
                    XCTAssertTrue(answer.output.contains("the newest that 1 node showed"), answer.output)
                }
                expect(status, "the program names", try verify(program.itemHash, url, ["--program"]), what)
                expect(2, "--program", try verify(program.itemHash, url), what)
                expect(1, "mismatch", try verify(old.itemHash, url), what)
            }
        }
        // A delegate's amend counts where the owner's settings say so, and nothing is decided where they can't be read.
        let delegated = amend(bad, 9, by: stranger)
        let grant = TestMessage(
            "{\"address\":\"\(owner.address)\",\"time\":1,\"key\":\"security\",\"content\":{\"authorizations\":"
                + "[{\"address\":\"\(stranger.address)\"}]}}", type: "AGGREGATE", by: owner)
        for (what, settings, status) in [
            ("not authorised", [], 0), ("authorised", [grant], 2),
            ("unreadable", [grant.with("item_content", nil).with("item_type", "storage")], 2), ("unavailable", nil, 2),
        ] as [(String, [TestMessage]?, Int32)] {
            var node = TestNode(old)
            node.list("STORE", [good, delegated])
            if let settings { node.list("AGGREGATE", settings) }
            try node.serving(bench) { url in
                expect(status, status == 0 ? "match" : "undecided", try verify(old.itemHash, url, ["--latest"]), what)
            }
        }
        // Without use_latest a program follows amends, as the network's own default is; an amend has no newest of its own.
        let silent = TestMessage(
            "{\"address\":\"\(owner.address)\",\"time\":1,\"runtime\":{\"ref\":\"\(old.itemHash)\"}}", type: "PROGRAM",
            by: owner)
        let unclear = TestMessage(
            "{\"address\":\"\(owner.address)\",\"time\":1,\"runtime\":{\"ref\":\"\(old.itemHash)\",\"use_latest\":1}}",
            type: "PROGRAM", by: owner)
        var node = TestNode(old, silent, unclear, good)
        node.list("STORE", [good])
        try node.serving(bench) { url in
            expect(0, "runs its newest amend", try verify(silent.itemHash, url, ["--program"]))
            expect(2, "use_latest", try verify(unclear.itemHash, url, ["--program"]))
            expect(2, "it amends", try verify(good.itemHash, url, ["--latest"]))
        }
        // A node that hides the amend disagrees with one that shows it.
        var (showing, hiding) = (TestNode(old), TestNode(old))
        showing.list("STORE", [good])
        hiding.list("STORE", [])
        try showing.serving(bench) { one in
            try hiding.serving(bench) { two in
                expect(2, "different newest amends", try verify(old.itemHash, one, ["--api", two, "--latest"]))
            }
        }
    }

    func testContentThatLiesElsewhereIsFetchedAndHashed() throws {
        let content = TestMessage.store(cid, owner: owner.address)
        let message = TestMessage(content, by: owner).with("item_type", "storage").with("item_content", nil)
        var node = TestNode(message)
        node.routes["/api/v0/storage/raw/\(message.itemHash)"] = ["body": content]
        node.routes["/lie/api/v0/messages/\(message.itemHash)"] = ["body": message.answer()]
        node.routes["/lie/api/v0/storage/raw/\(message.itemHash)"] = ["body": content + " "]
        try node.serving(bench) { url in
            expect(0, "unixfs-v0-2015", try verify(message.itemHash, url))
            expect(2, "wrong bytes", try verify(message.itemHash, "\(url)/lie"))
        }
    }

    func testACIDOfAnUnknownLayoutIsDecidedByItsBlocks() throws {
        XCTAssertEqual(
            try bench.rtverify(["car", "image", "-o", "image.car", "--chunk-size", "10000", "--width", "7"]).status, 0)
        let root = try bench.rtverify(["car", "--verify", "image.car", "--json"])
        let answer = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(root.output.utf8)) as? [String: Any])
        let name = try XCTUnwrap(answer["root"] as? String)
        func verify(_ image: String, _ more: [String] = []) throws -> Workbench.Answer {
            try bench.rtverify(["verify", image, "--content-hash", name] + more)
        }
        expect(2, "none of unixfs-v0-2015", try verify("image"))
        expect(0, "by the layout", try verify("image", ["--car", "image.car"]))
        XCTAssertEqual(
            try bench.run(["sh", "-c", "cp image changed && printf X | dd of=changed bs=1 seek=77777 conv=notrunc"])
                .status, 0)
        expect(1, "by the layout", try verify("changed", ["--car", "image.car"]))
        expect(1, "by the layout", try verify("other", ["--car", "image.car"]))
        try bench.write("empty", to: "empty.car")
        expect(2, "undecided", try verify("image", ["--car", "empty.car"]))
        // Inner nodes are enough, from a gateway that serves blocks.
        let blocks = try bench.run(["python3", "-c", Self.gatewayRoutes, "image.car"])
        var node = TestNode()
        node.routes = try XCTUnwrap(
            JSONSerialization.jsonObject(with: Data(blocks.output.utf8)) as? [String: [String: Any]])
        try node.serving(bench) { url in
            expect(0, "by the layout", try verify("image", ["--gateway", url]))
            // A wrapped leaf of other bytes may be wrapped otherwise: without its block nothing is proven.
            expect(2, "is missing", try verify("changed", ["--gateway", url]))
            expect(2, "is missing", try verify("image", ["--gateway", "\(url)/none"]))
        }
    }

    /// Routes for the inner nodes of a CAR, which are those of several links.
    private static let gatewayRoutes = """
        import hashlib, json, sys
        data = open(sys.argv[1], "rb").read()
        digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
        def varint(at):
            value = shift = 0
            while True:
                value |= (data[at] & 127) << shift
                shift += 7
                at += 1
                if data[at - 1] < 128:
                    return value, at
        length, at = varint(0)
        at += length
        routes = {}
        while at < len(data):
            length, at = varint(at)
            cid, block = data[at:at + 34], data[at + 34:at + length]
            at += length
            number, text = int.from_bytes(cid, "big"), ""
            while number:
                number, digit = divmod(number, 58)
                text = digits[digit] + text
            if block[0] == 0x12:
                open(text, "wb").write(block)
                import os
                routes[f"/ipfs/{text}?format=raw"] = {"file": os.path.abspath(text)}
        print(json.dumps(routes))
        """

    func testALockIsRebuiltAndCompared() throws {
        let archive = try TestArchive()
        defer { archive.bench.remove() }
        try archive.manifest(["late"])
        XCTAssertEqual(try archive.lock().status, 0)
        XCTAssertEqual(try archive.build().status, 0)
        let hash = try archive.bench.sha256("test.squashfs")
        func verify(_ image: String, _ hash: String) throws -> Workbench.Answer {
            try archive.bench.run(
                [Workbench.program, "verify", image, "--content-hash", hash, "--lock", "test.lock", "--store", "store"]
                    + archive.mirror)
        }
        let same = try verify("test.squashfs", hash)
        expect(0, "rebuilt from the lock: the same bytes", same)
        try archive.bench.write("not the image", to: "other")
        let other = try archive.bench.sha256("other")
        let different = try verify("other", other)
        expect(1, "rebuilt from the lock: other bytes", different)
        XCTAssertTrue(different.output.contains("match"), different.output)
    }
}

import ContentHash
import Foundation
import XCTest

/// An image published with the inputs that rebuild it, and rebuilt by who has its item hash alone.
final class PublishedInputsTests: XCTestCase {
    private let key = TestKey(9)

    private func signature(_ bench: Workbench, _ folder: String) throws -> String {
        "0x" + Hex.encode(key.sign(try bench.read("\(folder)/to-sign.txt")))
    }

    func testWhoHasTheItemHashCanRebuildTheImage() throws {
        let archive = try TestArchive.locked(["late"], step: "echo built > /step")
        let bench = archive.bench
        defer { bench.remove() }
        let built = try archive.build(["--json"])
        XCTAssertEqual(built.status, 0, built.errors)
        try bench.write(built.output, to: "golden.json")
        let exported = try bench.rtverify(
            ["store", "export", "--lock", "test.lock", "--offline", "-o", "inputs.car", "--json"])
        XCTAssertEqual(exported.status, 0, exported.errors)
        let prepare = [
            "publish", "prepare", "test.squashfs", "--address", key.address, "--offline", "--golden", "golden.json",
            "--lock",
            "test.lock",
        ]
        let answer = try bench.rtverify(prepare + ["--inputs", "inputs.car", "-o", "p", "--json"])
        XCTAssertEqual(answer.status, 0, answer.errors)
        let json = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
        let hash = try XCTUnwrap(json["item_hash"] as? String)
        let inputs = try XCTUnwrap((json["inputs"] as? [String: Any])?["item_hash"] as? String)
        let root = try XCTUnwrap(
            (JSONSerialization.jsonObject(with: Data(exported.output.utf8)) as? [String: Any])?["inputs_cid"] as? String
        )
        let lock = try bench.sha256("test.lock")
        let content = try bench.read("p/content.json")
        let metadata = #"{"lock_sha256":"\#(lock)","inputs_cid":"\#(root)","inputs":"\#(inputs)","recipe":2}"#
        XCTAssertTrue(content.contains(#""metadata":{"rtverify":\#(metadata)}"#), content)
        // A bundle of another lock, and one that is broken, aren't published with it.
        _ = try bench.run([
            "sh", "-c", "cp inputs.car broken.car; printf x | dd of=broken.car bs=1 seek=90000 conv=notrunc",
        ])
        XCTAssertEqual(try bench.rtverify(prepare + ["--inputs", "broken.car", "-o", "broken"]).status, 1)
        XCTAssertFalse(bench.exists("broken"))
        try archive.manifest(["late"], more: "[[step]]\nrun = \"true\"\n")
        XCTAssertEqual(try archive.lock(output: "other.lock").status, 0)
        XCTAssertEqual(
            try bench.rtverify(["store", "export", "--lock", "other.lock", "--offline", "-o", "other.car"]).status, 0)
        let other = try bench.rtverify(prepare + ["--inputs", "other.car", "-o", "broken"])
        XCTAssertEqual(other.status, 1, other.errors)
        XCTAssertTrue(other.errors.contains("is the bundle of another lock"), other.errors)
        try bench.write("{}", to: "state.json")
        try Server.running(["publishing_node.py", "\(bench.folder)/state.json"]) { url in
            // The image isn't sent without what its message names.
            _ = try bench.run(["mv", "p/inputs", "inputs"])
            let alone = try bench.rtverify([
                "publish", "send", "p", "--api", url, "--yes", "--signature", try signature(bench, "p"),
            ])
            XCTAssertEqual(alone.status, 1, alone.errors)
            XCTAssertTrue(alone.errors.contains("names the inputs \(inputs)"), alone.errors)
            _ = try bench.run(["mv", "inputs", "p/inputs"])
            let sent = try bench.rtverify([
                "publish", "send", "p", "--api", url, "--yes", "--signature", try signature(bench, "p"),
                "--inputs-signature",
                try signature(bench, "p/inputs"),
            ])
            XCTAssertEqual(sent.status, 0, sent.errors)
            XCTAssertTrue(sent.output.contains("inputs \(inputs): sent"), sent.output)
            try rebuild(bench, hash, url, lock: lock)
        }
    }

    private func rebuild(_ bench: Workbench, _ hash: String, _ url: String, lock: String) throws {
        func verify(_ more: [String], store: String) throws -> Workbench.Answer {
            try bench.rtverify(
                [
                    "verify", "--from-network", "--item-hash", hash, "--api", url, "--rebuild", "--store",
                    "\(bench.folder)/\(store)",
                ] + more)
        }
        if getuid() == 0 {
            let warned = try verify([], store: "warned")
            XCTAssertEqual(warned.status, 64, warned.errors)
            XCTAssertTrue(warned.errors.contains("step: echo built > /step"), warned.errors)
            XCTAssertTrue(warned.errors.contains("Nothing was run"), warned.errors)
        }
        let rebuilt = try verify(["--yes", "--json"], store: "fresh")
        let json = try XCTUnwrap(
            JSONSerialization.jsonObject(with: Data(rebuilt.output.utf8)) as? [String: Any], rebuilt.errors)
        XCTAssertEqual(json["verdict"] as? String, "match")
        XCTAssertEqual(json["reproduced"] as? Bool, true)
        let found = try XCTUnwrap(json["rebuild"] as? [String: Any])
        XCTAssertEqual(found["lock_sha256"] as? String, lock)
        let notes = try XCTUnwrap(found["notes"] as? [String]).joined(separator: "\n")
        XCTAssertTrue(notes.contains("step: echo built > /step"), notes)
        // The test's own archive is signed by a key that no keyring of this host has: whether the lock follows can't be told.
        XCTAssertTrue(found["lock_verified"] is NSNull, "\(found)")
        XCTAssertEqual(rebuilt.status, 2)
        let people = try verify(["--yes"], store: "fresh")
        XCTAssertTrue(people.output.contains("rebuilt from the lock: the same bytes"), people.output)
        XCTAssertTrue(people.output.contains("its lock \(lock), which its maker wrote"), people.output)
    }

    /// Messages that contradict what they lead to, and one that names nothing.
    func testAContradictionIsNoRebuild() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        try bench.write("an image", to: "image")
        try bench.write("no bundle", to: "inputs")
        let (image, inputs) = (try bench.sha256("image"), try bench.sha256("inputs"))
        let stored = TestMessage(TestMessage.store(inputs, owner: key.address), by: key)
        func named(_ inputs: String) -> TestMessage {
            let root = "bafybeidskjjd4zmr7oh6ku6wp72vvbxyibcli2r6if3ocdcy7jjjusvl2u"
            let source = #","metadata":{"rtverify":{"lock_sha256":"\#(image)","inputs_cid":"\#(root)","#
            return TestMessage(
                TestMessage.store(
                    image, owner: key.address, more: source + "\"inputs\":\"\(inputs)\",\"recipe\":2}}"), by: key)
        }
        let plain = TestMessage(TestMessage.store(image, owner: key.address), by: key)
        let (false_, missing) = (named(stored.itemHash), named(image))
        var node = TestNode(stored, plain, false_, missing)
        for name in [image, inputs] {
            node.routes["/api/v0/storage/raw/\(name)"] = [
                "file": "\(bench.folder)/\(name == image ? "image" : "inputs")"
            ]
        }
        try node.serving(bench) { url in
            for (message, words, status) in [
                (plain, "doesn't say what rebuilds the image", Int32(2)), (false_, "bundle", 1),
                (missing, "is not proven", 2),
            ] {
                let answer = try bench.rtverify([
                    "verify", "image", "--item-hash", message.itemHash, "--api", url, "--rebuild", "--yes", "--store",
                    "\(bench.folder)/s",
                ])
                XCTAssertEqual(answer.status, status, answer.errors)
                // The verdict on the image is shown all the same.
                XCTAssertTrue(answer.output.contains("match"), answer.output)
                XCTAssertTrue(answer.output.contains(words), "\(words): \(answer.output)")
                let other = try bench.rtverify([
                    "verify", "inputs", "--item-hash", message.itemHash, "--api", url, "--rebuild", "--yes", "--store",
                    "\(bench.folder)/s",
                ])
                XCTAssertEqual(other.status, 1, other.errors)
                XCTAssertTrue(other.output.contains("mismatch"), other.output)
            }
        }
    }
}

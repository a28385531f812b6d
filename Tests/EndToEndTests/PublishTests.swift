import ContentHash
import Foundation
import XCTest

/// `rtverify publish` against a node on loopback that behaves as Aleph's do, and against some that don't.
final class PublishTests: XCTestCase, @unchecked Sendable {
    private let key = TestKey(7)
    private var bench: Workbench!

    override func setUpWithError() throws {
        bench = try Workbench()
        try Data((0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 5) }).write(
            to: URL(fileURLWithPath: "\(bench.folder)/image"))
    }

    override func tearDown() { bench.remove() }

    /// Runs `body` beside a node, which gets its address.
    private func node(_ state: [String: Any] = [:], files: [String] = [], _ body: (String) throws -> Void) throws {
        let name = "state-\(UUID()).json"
        try bench.write(TestNode.json(state), to: name)
        try Server.running(
            ["publishing_node.py", "\(bench.folder)/\(name)"] + files.map { "\(bench.folder)/\($0)" }, body)
    }

    /// What a node was sent: uploads, and messages alone.
    private func log(_ url: String) throws -> [[String: Any]] {
        let answer = try bench.run([
            "python3", "-c",
            "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1] + '/log').read().decode())",
            url,
        ])
        return try XCTUnwrap(JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [[String: Any]])
    }

    @discardableResult
    private func prepare(
        _ folder: String, _ options: [String] = [], image: String = "image", status: Int32 = 0, line: UInt = #line
    ) throws -> Workbench.Answer {
        let answer = try bench.rtverify(
            ["publish", "prepare", image, "--address", key.address, "--offline", "--anyway", "-o", folder] + options)
        XCTAssertEqual(answer.status, status, answer.errors, line: line)
        return answer
    }

    private func signature(_ folder: String, by key: TestKey? = nil) throws -> String {
        "0x" + Hex.encode((key ?? self.key).sign(try bench.read("\(folder)/to-sign.txt")))
    }

    private func send(_ folder: String, _ url: String, _ options: [String] = ["--yes"]) throws -> Workbench.Answer {
        try bench.rtverify(
            ["publish", "send", folder, "--api", url, "--node-timeout", "5", "--signature", try signature(folder)]
                + options)
    }

    // MARK: Preparing

    func testTheSameIsPreparedEachTime() throws {
        let time = ["--time", "1790000000.25"]
        try prepare("a", time + ["--engine", "ipfs", "--ref", "latest \"é\""])
        try prepare("b", time + ["--engine", "ipfs", "--ref", "latest \"é\""])
        XCTAssertEqual(try bench.run(["diff", "-r", "a", "b"]).output, "")
        // Again into the same folder: it is there already. Another message isn't put over it.
        try prepare("a", time + ["--engine", "ipfs", "--ref", "latest \"é\""])
        try prepare("a", time, status: 2)
        let identity = try FileIdentity(path: "\(bench.folder)/image")
        let cid = try XCTUnwrap(identity.cid(.v0_2015)).description
        let address = try XCTUnwrap(
            JSONSerialization.jsonObject(with: Data(try bench.read("a/message.json").utf8)) as? [String: Any])["sender"]
        let sender = try XCTUnwrap(address as? String)
        XCTAssertEqual(sender.lowercased(), key.address)
        XCTAssertEqual(
            try bench.read("a/content.json"),
            #"{"address":"\#(sender)","time":1790000000.25,"item_type":"ipfs","item_hash":"\#(cid)","#
                + #""ref":"latest \"\u00e9\"","payment":{"chain":"ETH","type":"credit"}}"#)
        let hash = try bench.sha256("a/content.json")
        XCTAssertEqual(try bench.read("a/to-sign.txt"), "ETH\n\(sender)\nSTORE\n\(hash)")
        // The one spelling of the address with its checksum is taken; one letter's case is a mistyped address.
        try prepare("c", time + ["--address", sender, "--engine", "ipfs", "--ref", "latest \"é\""])
        XCTAssertEqual(try bench.sha256("c/content.json"), hash)
        let place = try XCTUnwrap(sender.dropFirst(2).firstIndex(where: \.isLetter))
        let letter = sender[place].isUppercase ? sender[place].lowercased() : sender[place].uppercased()
        let mistyped = try prepare(
            "d", ["--address", sender.replacingCharacters(in: place...place, with: letter)], status: 64)
        XCTAssertTrue(mistyped.errors.contains("mistyped"), mistyped.errors)
        XCTAssertFalse(bench.exists("d"))
        for wrong in [
            ["--chain", "eth"], ["--chain", "SOL"], ["--ref", hash.uppercased()], ["--ref", ""], ["--ref", "a,b"],
            ["--time", "-1"], ["--api", "http://a", "--api", "http://b"],
            ["--payment", "hold", "--time", "1798761600"], ["--payment", "superfluid"], ["--owner", "somebody"],
        ] { try prepare("d", wrong, status: 64) }
    }

    func testTheEngineFollowsFromTheSize() throws {
        _ = try bench.run(["truncate", "-s", "\(4 << 20)", "small"])
        _ = try bench.run(["truncate", "-s", "\(4 << 20 + 1)", "large"])
        try prepare("s", image: "small")
        try prepare("l", image: "large")
        XCTAssertTrue(
            try bench.read("s/content.json").contains(
                #""item_type":"storage","item_hash":"\#(try bench.sha256("small"))""#))
        XCTAssertTrue(try bench.read("l/content.json").contains(#""item_type":"ipfs","item_hash":"Qm"#))
        try node(["limits": ["storage": 100, "ipfs": 1000]]) { url in
            let answer = try bench.rtverify([
                "publish", "prepare", "small", "--address", key.address, "--anyway", "--api", url, "--json", "-o", "j",
            ])
            XCTAssertEqual(answer.status, 1, answer.errors)
            let json = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
            XCTAssertEqual(json["cost"] as? String, "0.25")
            XCTAssertEqual(json["payment"] as? String, "credit")
            XCTAssertEqual(json["engine"] as? String, "storage")
        }
    }

    func testAnImageThatNobodyVouchesForIsPreparedOnlyAnyway() throws {
        let archive = try TestArchive.locked(["late"])
        defer { archive.bench.remove() }
        let built = try archive.build(["--json"])
        XCTAssertEqual(built.status, 0, built.errors)
        let folder = archive.bench.folder
        func prepare(_ options: [String]) throws -> Workbench.Answer {
            try archive.bench.rtverify(
                ["publish", "prepare", "test.squashfs", "--address", key.address, "--offline", "--time", "1790000000"]
                    + options)
        }
        let unknown = try prepare([])
        XCTAssertEqual(unknown.status, 2, unknown.errors)
        XCTAssertTrue(unknown.errors.contains("no file in golden/ has it"), unknown.errors)
        XCTAssertFalse(archive.bench.exists("test.squashfs.publish"))
        _ = try archive.bench.run(["mkdir", "golden", "lockfiles"])
        try archive.bench.write(built.output, to: "golden/test.json")
        _ = try archive.bench.run(["cp", "test.lock", "lockfiles/test.lock"])
        let audit = try archive.bench.rtverify(["audit", "test.squashfs", "--lock", "test.lock"])
        XCTAssertEqual(audit.status, 0, audit.output)
        let known = try prepare([])
        XCTAssertEqual(known.status, 0, known.errors)
        XCTAssertTrue(known.output.contains("the image of golden/test.json"), known.output)
        // Another image, and one with a private key in it.
        _ = try archive.bench.run(["sh", "-c", "cat test.squashfs > other; echo >> other"])
        let other = try archive.bench.rtverify([
            "publish", "prepare", "other", "--address", key.address, "--offline", "--golden", "golden/test.json",
        ])
        XCTAssertEqual(other.status, 1, other.errors)
        XCTAssertTrue(other.errors.contains("it is not the image of golden/test.json"), other.errors)
        let made = try archive.bench.run([
            "sh", "-ec",
            "mkdir -p keyed/etc/ssl; openssl genrsa 2048 > keyed/etc/ssl/k.pem 2>/dev/null; mksquashfs keyed keyed.squashfs -quiet",
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        let sha256 = try archive.bench.sha256("keyed.squashfs")
        let size = try XCTUnwrap(
            FileManager.default.attributesOfItem(atPath: "\(folder)/keyed.squashfs")[.size] as? Int)
        try archive.bench.write(
            #"{"lock_sha256": "\#(sha256)", "size": \#(size), "sha256": "\#(sha256)", "cid": ""}"#,
            to: "golden/keyed.json")
        let keyed = try archive.bench.rtverify([
            "publish", "prepare", "keyed.squashfs", "--address", key.address, "--offline",
        ])
        XCTAssertEqual(keyed.status, 1, keyed.errors)
        XCTAssertTrue(keyed.errors.contains("fails the audit: private-key /etc/ssl/k.pem"), keyed.errors)
    }

    func testTheEarlierSpellingStillPrepares() throws {
        let answer = try bench.rtverify([
            "message", "--prepare", "image", "--address", key.address, "--time", "1700000000.25", "--offline",
            "--anyway",
            "--json",
        ])
        XCTAssertEqual(answer.status, 0, answer.errors)
        XCTAssertTrue(answer.errors.contains("is `rtverify publish prepare` now"), answer.errors)
        XCTAssertTrue(answer.output.contains(try bench.sha256("image")))
    }

    // MARK: Signing

    func testOnlyTheSendersSignatureIsSent() throws {
        try prepare("p")
        try node { url in
            func send(_ options: [String]) throws -> Workbench.Answer {
                try bench.rtverify(["publish", "send", "p", "--api", url, "--yes"] + options)
            }
            let unsigned = try send([])
            XCTAssertEqual(unsigned.status, 2)
            XCTAssertTrue(unsigned.errors.contains("isn't signed"), unsigned.errors)
            let stranger = try signature("p", by: TestKey(8))
            let forged = try send(["--signature", stranger])
            XCTAssertEqual(forged.status, 2, forged.errors)
            XCTAssertTrue(forged.errors.contains("--unchecked-signature"), forged.errors)
            XCTAssertEqual(try send(["--signature", "nonsense"]).status, 1)
            let secret = String(repeating: "5e", count: 32)
            for text in [secret, "0x\(secret)"] {
                let answer = try send(["--signature", text])
                XCTAssertEqual(answer.status, 1)
                XCTAssertTrue(answer.errors.contains("looks like a private key"), answer.errors)
                XCTAssertFalse(answer.errors.contains(secret))
            }
            // A command's standard input is the text, and nothing of ours is in what the shell reads.
            let good = try signature("p")
            let command = "test \"$(cat)\" = \"$(cat p/to-sign.txt)\" && test $# = 0 && echo ' \(good) '"
            for command in ["exit 3", "no-such-signer", "true", "exec 0<&-; sleep 0.2; exit 1"] {
                let failed = try send(["--sign-with", command])
                XCTAssertTrue([1, 2].contains(failed.status), "\(command): \(failed.status) \(failed.errors)")
            }
            XCTAssertEqual(try send(["--sign-with", "echo \(stranger)"]).status, 2)
            XCTAssertEqual(try log(url).count, 0)
            let signed = try send(["--sign-with", command])
            XCTAssertEqual(signed.status, 0, signed.errors)
            // Prepared with its signature, it needs none.
            let time = try XCTUnwrap(
                JSONSerialization.jsonObject(with: Data(try bench.read("p/message.json").utf8)) as? [String: Any])[
                    "time"]
            try prepare("q", ["--time", "\(try XCTUnwrap(time as? Double))", "--sign-with", "echo \(good)"])
            XCTAssertEqual(try bench.rtverify(["publish", "send", "q", "--api", url]).status, 0)
        }
    }

    func testSignaturesThatNobodyCanCheckAreSentWhenThatIsSaid() throws {
        try prepare("p", ["--chain", "TEZOS", "--address", "tz1VSUr8wwNhLAzempoch5d6hLRiTh8Cjcjb"])
        try node { url in
            func send(_ more: [String]) throws -> Workbench.Answer {
                try bench.rtverify(["publish", "send", "p", "--api", url, "--yes", "--signature", "edsig"] + more)
            }
            XCTAssertEqual(try send([]).status, 2)
            XCTAssertEqual(try log(url).count, 0)
            // Whatever the chain, and whatever is said: a key is no signature.
            for secret in [
                String(repeating: "5e", count: 32), "edsk3gUfUPyBSfrS9CCgmCiQsTCHGkviBDusMxDJstFtojtc1zcpsh",
            ] {
                let refused = try bench.rtverify([
                    "publish", "send", "p", "--api", url, "--yes", "--unchecked-signature", "--signature", secret,
                ])
                XCTAssertEqual(refused.status, 1)
                XCTAssertFalse(refused.errors.contains(secret), refused.errors)
            }
            XCTAssertEqual(try log(url).count, 0)
            let sent = try send(["--unchecked-signature"])
            XCTAssertEqual(sent.status, 0, sent.errors + sent.output)
            XCTAssertEqual(try log(url).count, 1)
        }
    }

    func testAFolderWithAPrivateKeyIsRefused() throws {
        let traces: [(String, String)] = [
            ("note.txt", String(repeating: "ab", count: 32)), ("k", String(repeating: "\u{1}", count: 32)),
            ("eth.key", "x"),
            ("words", "abandon ability able about above absent absorb abstract absurd abuse access accident\n"),
            ("pem", "-----BEGIN PRIVATE KEY-----\n"),
            ("wallet.json", #"{"crypto":{"ciphertext":"00","kdf":"scrypt"}}"#),
            ("signature", "0x" + String(repeating: "ab", count: 32) + "\n"),
            ("id.json", "[" + (0..<64).map(String.init).joined(separator: ",") + "]"),
        ]
        try prepare("p")
        try node { url in
            for (name, text) in traces {
                try bench.write(text, to: "p/\(name)")
                let answer = try send("p", url)
                XCTAssertEqual(answer.status, 2, name)
                XCTAssertTrue(answer.errors.contains("p/\(name) looks like a private key"), answer.errors)
                _ = try bench.run(["rm", "p/\(name)"])
            }
            // Nor is anything else sent along in silence, or read through a link.
            try bench.write("a note", to: "p/note")
            let note = try send("p", url)
            XCTAssertEqual(note.status, 2)
            XCTAssertTrue(note.errors.contains("p/note is no file of `rtverify publish prepare`"), note.errors)
            _ = try bench.run(["sh", "-c", "rm p/note; mv p/message.json kept; ln -s ../kept p/message.json"])
            XCTAssertEqual(try send("p", url).status, 2)
            _ = try bench.run(["mv", "kept", "p/message.json"])
            XCTAssertEqual(try log(url).count, 0)
            XCTAssertEqual(try send("p", url).status, 0)
        }
    }

    // MARK: Sending

    func testEveryAnswerOfANodeIsUnderstood() throws {
        let cases: [(state: [String: any Sendable], status: Int32, words: String, uploads: Int)] = [
            ([:], 0, "published", 1), (["posts": ["pending"]], 0, "published", 1),
            (["posts": ["stuck"]], 2, "it is pending", 1),
            (["posts": ["rejected"]], 1, "the owner doesn't hold enough tokens (error code 5)", 1),
            (["posts": ["late-rejected"]], 1, "error code 5", 1), (["posts": ["poor"]], 1, "hasn't enough to pay", 1),
            (["posts": ["large"], "limits": NSNull()], 1, "too large", 1),
            (["posts": ["other"]], 1, "File hash does not match", 1),
            (["posts": ["forbidden"]], 1, "isn't allowed", 1),
            (["posts": ["old"]], 2, "takes no file with its message", 1),
            (["posts": ["busy", "ok"]], 0, "published", 2),
            (["posts": ["moved"]], 2, "leads to https://node.example", 1),
            (["posts": ["drop-head", "ok"]], 0, "published", 2), (["posts": ["drop-middle", "ok"]], 0, "published", 2),
            (["posts": ["drop-end"]], 0, "published", 1), (["posts": ["drop-late"]], 0, "published", 1),
            (["posts": ["drop-middle"]], 2, "the network knows nothing of it", 3),
            (["posts": ["liar"]], 2, "the network knows nothing of it", 1),
            (["posts": ["html"]], 2, "the network knows nothing of it", 1), (["serves": "other"], 2, "undecided", 1),
            (["serves": "nothing"], 2, "undecided", 1),
            (["limits": ["storage": 1000, "ipfs": 1000]], 1, "takes 1000", 0),
            (["price": NSNull()], 0, "not known", 1), (["limits": NSNull()], 0, "published", 1),
            (["posts": ["hold"]], 1, "refused since 2027", 1), (["posts": ["duplicate"]], 0, "published", 1),
            (["posts": ["rejected-500"]], 1, "error code 5", 1), (["posts": ["busy-0"]], 2, "is busy", 2),
            (["posts": ["retrying"]], 2, "calls it 'retrying'", 1),
        ]
        for index in cases.indices { try prepare("p\(index)", index % 2 == 0 ? ["--engine", "ipfs"] : []) }
        // Most of it is waiting.
        DispatchQueue.concurrentPerform(iterations: 6) { lane in
            for index in stride(from: lane, to: cases.count, by: 6) {
                let one = cases[index]
                do { try answer("p\(index)", one.state, one.status, one.words, uploads: one.uploads) } catch {
                    XCTFail("\(one.state): \(error)")
                }
            }
        }
    }

    private func answer(_ folder: String, _ state: [String: Any], _ status: Int32, _ words: String, uploads: Int) throws
    {
        try node(state) { url in
            let answer = try send(folder, url, ["--yes", "--wait", "3"])
            let said = answer.output + answer.errors
            XCTAssertEqual(answer.status, status, "\(state): \(said)")
            XCTAssertTrue(said.contains(words), "\(state): \(said)")
            let sent = try log(url).filter { ($0["path"] as? String)?.hasSuffix("add_file") == true }
            XCTAssertEqual(sent.count, uploads, "\(state): \(said)")
            if status == 0 {
                // What is there isn't sent again.
                XCTAssertEqual(try send(folder, url, []).status, 0)
                XCTAssertEqual(try log(url).count, uploads)
            } else {
                XCTAssertFalse(answer.output.contains("published"), answer.output)
            }
        }
    }

    func testWhatTheNodeHasIsNotSentAgain() throws {
        try prepare("p", ["--engine", "ipfs"])
        // The file lies there: the message is enough.
        try node(files: ["image"]) { url in
            let answer = try send("p", url)
            XCTAssertEqual(answer.status, 0, answer.errors)
            XCTAssertEqual(try log(url).map { $0["path"] as? String }, ["/api/v0/messages"])
        }
        let hash = try bench.sha256("p/content.json")
        for (status, expected) in [("forgotten", Int32(1)), ("removed", 1)] {
            try node(["known": [hash: status]]) { url in
                let answer = try send("p", url)
                XCTAssertEqual(answer.status, expected, answer.errors)
                XCTAssertTrue(answer.errors.contains("prepare it anew"), answer.errors)
                XCTAssertEqual(try send("p", url, ["--dry-run"]).status, 1)
                XCTAssertEqual(try log(url).count, 0)
                XCTAssertEqual(try bench.rtverify(["publish", "status", "p", "--api", url]).status, 1)
                XCTAssertEqual(try bench.rtverify(["publish", "status", hash, "--api", url]).status, 1)
            }
        }
        // One that was rejected may be sent again when the reason is gone.
        try node(["known": [hash: "rejected"]]) { url in
            let answer = try send("p", url)
            XCTAssertEqual(answer.status, 0, answer.errors)
            XCTAssertTrue(answer.errors.contains("it was rejected before"), answer.errors)
        }
        // The node may show the former rejection for a while.
        try node(["known": [hash: "rejected"], "posts": ["late-news"]]) { url in
            let answer = try send("p", url)
            XCTAssertEqual(answer.status, 0, answer.errors)
            XCTAssertEqual(try log(url).count, 1)
        }
        let down = try send("p", "http://127.0.0.1:1")
        XCTAssertEqual(down.status, 2, down.errors)
        XCTAssertEqual(try bench.rtverify(["publish", "status", "p", "--api", "http://127.0.0.1:1"]).status, 2)
    }

    func testAConnectionThatBreaksAtAnyQuestionLosesNothing() throws {
        try prepare("p", ["--engine", "ipfs"])
        for (path, count) in [
            ("/api/v0/messages/", 1), ("/api/v0/messages/", 2), ("/api/v0/messages/", 3), ("/api/v0/storage/limits", 1),
            ("/api/v0/storage/raw/", 1), ("/api/v0/storage/raw/", 2), ("/api/v0/messages.json", 1),
        ] {
            try node(["drops": [path: count]]) { url in
                var statuses: [Int32] = []
                // Whoever is told that it isn't decided sends it again.
                repeat {
                    let answer = try send("p", url, ["--yes", "--wait", "20"])
                    statuses.append(answer.status)
                    XCTAssertTrue([0, 2].contains(answer.status), "\(path) \(count): \(answer.errors)")
                    XCTAssertEqual(answer.status == 0, answer.output.contains("published"), answer.output)
                } while statuses.last != 0 && statuses.count < 5
                XCTAssertEqual(statuses.last, 0, "\(path) \(count): \(statuses)")
                XCTAssertEqual(try log(url).count, 1, "\(path) \(count)")
            }
        }
    }

    func testNothingIsSentWithoutAWord() throws {
        try prepare("p")
        try node { url in
            let silent = try send("p", url, [])
            XCTAssertEqual(silent.status, 64, silent.errors)
            XCTAssertTrue(silent.errors.contains("Nothing was sent"), silent.errors)
            let dry = try send("p", url, ["--dry-run"])
            XCTAssertEqual(dry.status, 0, dry.errors)
            XCTAssertTrue(dry.errors.contains("price      0.25 (credit)"), dry.errors)
            let command = [Workbench.program, "publish", "send", "p", "--api", url, "--signature", try signature("p")]
            let script = """
                import os, pty, sys
                said = b""
                def read(fd):
                    global said
                    data = os.read(fd, 1024)
                    said += data
                    if said.endswith(b"[y/N] "): os.write(fd, sys.argv[1].encode() + b"\\n")
                    return data
                sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[2:], read)))
                """
            XCTAssertEqual(try bench.run(["python3", "-c", script, "n"] + command).status, 2)
            // Ctrl-C is an answer.
            XCTAssertEqual(try bench.run(["timeout", "20", "python3", "-c", script, "\u{3}"] + command).status, 130)
            XCTAssertEqual(try log(url).count, 0)
            let yes = try bench.run(["python3", "-c", script, "y"] + command)
            XCTAssertEqual(yes.status, 0, yes.output)
            XCTAssertEqual(try log(url).count, 1)
        }
    }

    func testWhatIsNotWhatWasPreparedIsNotSent() throws {
        try node { url in
            try prepare("p")
            let good = try signature("p")
            func send(_ folder: String = "p", _ more: [String] = []) throws -> Workbench.Answer {
                try bench.rtverify(["publish", "send", folder, "--api", url, "--yes", "--signature", good] + more)
            }
            for (file, from, to) in [
                ("content.json", "credit", "hold"), ("to-sign.txt", "STORE", "FORGET"),
                ("message.json", "credit", "hold"),
                ("message.json", "STORE", "POST"), ("publish.json", "size", "length"),
            ] {
                let text = try bench.read("p/\(file)")
                try bench.write(text.replacing(from, with: to), to: "p/\(file)")
                XCTAssertEqual(try send().status, 1, file)
                try bench.write(text, to: "p/\(file)")
            }
            _ = try bench.run(["mv", "image", "kept"])
            XCTAssertEqual(try send().status, 2)
            try bench.write("another", to: "image")
            let changed = try send()
            XCTAssertEqual(changed.status, 1, changed.errors)
            XCTAssertTrue(changed.errors.contains("is not what the message publishes"), changed.errors)
            XCTAssertEqual(try send("nowhere").status, 2)
            for time in ["1000000000", "4000000000"] {
                try prepare("old\(time)", ["--time", time], image: "kept")
                let answer = try self.send("old\(time)", url)
                XCTAssertEqual(answer.status, 1, answer.errors)
                XCTAssertTrue(answer.errors.contains("its time is more than"), answer.errors)
            }
            XCTAssertEqual(try log(url).count, 0)
            XCTAssertEqual(try send("p", ["--image", "kept"]).status, 0)
        }
    }

    func testAnInterruptedSendSaysWhatTheNetworkHas() throws {
        _ = try bench.run(["truncate", "-s", "30M", "big"])
        try prepare("p", image: "big")
        try node(["posts": ["slow", "ok"]]) { url in
            let script = """
                '\(Workbench.program)' publish send p --api \(url) --yes --signature \(try signature("p")) > out 2> err & p=$!
                for i in $(seq 100); do grep -q 'price' err && break; sleep 0.1; done; sleep 1; kill -INT $p; wait $p; echo $?; cat err
                """
            let answer = try bench.run(["bash", "-c", script])
            XCTAssertTrue(answer.output.hasPrefix("130\n"), answer.output)
            XCTAssertTrue(answer.output.contains("the network knows nothing of it"), answer.output)
            XCTAssertTrue(answer.output.contains("Sending it again is harmless"), answer.output)
            XCTAssertEqual(try send("p", url).status, 0)
        }
    }

    func testALargeImageIsSentInLittleMemory() throws {
        let size = 300 << 20
        _ = try bench.run(["truncate", "-s", "\(size)", "big"])
        let prepared = try bench.measured([
            "publish", "prepare", "big", "--address", key.address, "--offline", "--anyway", "-o", "p", "--json",
        ])
        XCTAssertEqual(prepared.answer.status, 0, prepared.answer.errors)
        let json = try XCTUnwrap(
            JSONSerialization.jsonObject(with: Data(prepared.answer.output.utf8)) as? [String: Any])
        let cid = try XCTUnwrap(json["content_hash"] as? String)
        try node(["posts": ["drain"], "backing": [cid: "\(bench.folder)/big"]]) { url in
            let sent = try bench.measured([
                "publish", "send", "p", "--api", url, "--yes", "--signature", try signature("p"),
            ])
            XCTAssertEqual(sent.answer.status, 0, sent.answer.errors + sent.answer.output)
            XCTAssertLessThan(sent.kibibytes, 64 * 1024)
            XCTAssertGreaterThan(try XCTUnwrap(try log(url).first?["bytes"] as? Int), size)
        }
    }
}

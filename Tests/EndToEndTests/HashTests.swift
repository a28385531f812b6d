import Foundation
import XCTest

final class HashTests: XCTestCase {
    private func bench(size: Int) throws -> Workbench {
        let bench = try Workbench()
        let made = try bench.run([
            "sh", "-c",
            "openssl enc -aes-128-ctr -pass pass:x -nosalt -pbkdf2 </dev/zero 2>/dev/null | head -c \(size) > file",
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        return bench
    }

    private func answers(_ text: String) throws -> [[String: Any]] {
        try XCTUnwrap(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
    }

    func testFilesPipesAndURLsHaveTheSameNames() throws {
        let bench = try bench(size: 5_000_001)
        defer { bench.remove() }
        let file = try bench.rtverify(["hash", "--profile", "all", "--json", "file"])
        XCTAssertEqual(file.status, 0, file.errors)
        let expected = try answers(file.output)[0]
        let cids = try XCTUnwrap(expected["cids"] as? [String: String])
        XCTAssertEqual(Set(cids.keys), ["unixfs-v0-2015", "unixfs-v1-2025", "kubo-cidv1-raw-leaves"])
        XCTAssertEqual(expected["sha256"] as? String, try bench.sha256("file"))
        let piped = try bench.run(
            ["sh", "-c", "cat file | '\(Workbench.program)' hash --profile all --json - file"])
        for answer in try answers(piped.output) { XCTAssertEqual(answer["cids"] as? [String: String], cids) }
        try Server.serving("\(bench.folder)", "short") { url in
            let remote = try bench.rtverify(["hash", "--profile", "all", "--json", "\(url)/file", "\(url)/missing"])
            XCTAssertEqual(remote.status, 2)
            XCTAssertTrue(remote.errors.contains("answered 404"), remote.errors)
            XCTAssertEqual(try answers(remote.output)[0]["cids"] as? [String: String], cids)
        }
        let own = try bench.rtverify(["hash", "--chunk-size", "262144", "--cid-version", "1", "--json", "file"])
        XCTAssertEqual(
            (try answers(own.output)[0]["cids"] as? [String: String])?["kubo-cidv1-raw-leaves"],
            cids["kubo-cidv1-raw-leaves"])
        XCTAssertEqual(try bench.rtverify(["hash", "--profile", "unixfs", "file"]).status, 64)
    }

    func testCertificatesAreChecked() throws {
        let bench = try bench(size: 300_000)
        defer { bench.remove() }
        let made = try bench.run([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "certificate.pem",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        try Server.serving("\(bench.folder)", "tls") { address in
            let url = address.replacing("http://127.0.0.1", with: "https://localhost") + "/file"
            let stranger = try bench.rtverify(["hash", url])
            XCTAssertEqual(stranger.status, 2)
            XCTAssertTrue(stranger.errors.contains("its certificate isn't one that this host trusts"), stranger.errors)
            let trusted = try bench.run(
                ["env", "SSL_CERT_FILE=certificate.pem", Workbench.program, "hash", "--json", url])
            XCTAssertEqual(trusted.status, 0, trusted.errors)
            XCTAssertEqual(try answers(trusted.output)[0]["sha256"] as? String, try bench.sha256("file"))
        }
    }

    func testMemoryDoesNotGrowWithTheFile() throws {
        let bench = try bench(size: 10)
        defer { bench.remove() }
        XCTAssertEqual(try bench.run(["truncate", "-s", "2G", "sparse"]).status, 0)
        for command in [
            ["hash", "--profile", "all"], ["verity"], ["verity", "-o", "tree"], ["car", "-o", "sparse.car"],
        ] {
            let (answer, kibibytes) = try bench.measured(command + ["sparse"])
            XCTAssertEqual(answer.status, 0, answer.errors)
            XCTAssertLessThan(kibibytes, 64 << 10, "\(command)")
        }
    }

    func testListsAreChecked() throws {
        let bench = try bench(size: 3_000_000)
        defer { bench.remove() }
        let cids = try XCTUnwrap(
            try answers(try bench.rtverify(["hash", "--profile", "all", "--json", "file"]).output)[0]["cids"]
                as? [String: String])
        let sha256 = try bench.sha256("file")
        try bench.write(([sha256] + cids.values).map { "\($0)  file\n" }.joined(), to: "good")
        let good = try bench.rtverify(["hash", "--check", "good"])
        XCTAssertEqual(good.status, 0, good.errors)
        XCTAssertEqual(good.output.split(separator: "\n").filter { $0.hasPrefix("file: OK") }.count, 4, good.output)
        try bench.write("\(sha256)  good\n\(sha256)  file\n\(sha256)  none\n", to: "bad")
        let bad = try bench.rtverify(["hash", "--check", "bad"])
        XCTAssertEqual(bad.status, 1)
        XCTAssertEqual(bad.output, "good: FAILED\nfile: OK\nnone: FAILED to read\n")
        let other = "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"
        try bench.write("\(other)  file\n", to: "undecided")
        let undecided = try bench.rtverify(["hash", "--check", "undecided"])
        XCTAssertEqual(undecided.status, 2)
        XCTAssertTrue(undecided.output.contains("UNDECIDED, none of unixfs-v0-2015"), undecided.output)
        try bench.write("nonsense\n", to: "malformed")
        XCTAssertEqual(try bench.rtverify(["hash", "--check", "malformed"]).status, 2)
    }

    func testAnotherReaderUnderstandsTheCAR() throws {
        let bench = try bench(size: 50_000_001)
        defer { bench.remove() }
        for (profile, parameters) in [("v0", []), ("v1", ["--profile", "unixfs-v1-2025"]), ("own", ["--width", "5"])] {
            let written = try bench.rtverify(["car", "file", "-o", "\(profile).car"] + parameters)
            XCTAssertEqual(written.status, 0, written.errors)
            let read = try bench.run(
                ["python3", "\(Workbench.sources)/Fixtures/read_car.py", "\(profile).car", "read"])
            XCTAssertEqual(read.status, 0, read.errors)
            XCTAssertEqual(try bench.sha256("read"), try bench.sha256("file"))
            let named = try bench.rtverify(["hash", "file"] + parameters)
            let root = try XCTUnwrap(written.output.split(separator: "\n").first { $0.contains("root") }).suffix(40)
            XCTAssertTrue(named.output.contains(root), named.output)
            let verified = try bench.run(
                ["sh", "-c", "'\(Workbench.program)' car --verify - -o back < \(profile).car && cmp back file"])
            XCTAssertEqual(verified.status, 0, verified.errors)
        }
        XCTAssertEqual(
            try bench.run(["sh", "-c", "printf X | dd of=v0.car bs=1 seek=1000000 conv=notrunc"]).status, 0)
        let broken = try bench.rtverify(["car", "--verify", "v0.car", "-o", "broken"])
        XCTAssertEqual(broken.status, 1)
        XCTAssertTrue(broken.errors.contains("is not the one of its CID"), broken.errors)
        XCTAssertFalse(bench.exists("broken"))
    }

    func testVerityIsWhatVeritysetupWrites() throws {
        let bench = try bench(size: 4096 * (128 * 128 + 1))
        defer { bench.remove() }
        let uuid = "01234567-89ab-cdef-0123-456789abcdef"
        for blocks in [1, 2, 128, 129, 1000, 128 * 128, 128 * 128 + 1] {
            XCTAssertEqual(try bench.run(["truncate", "-s", "\(4096 * blocks)", "file"]).status, 0)
            // Shrinking loses bytes and growing adds zeros: both are images as good as any.
            for (salt, id) in [("-", "00000000-0000-0000-0000-000000000000"), ("00ff10", uuid)] {
                XCTAssertEqual(try bench.run(["rm", "-f", "theirs", "ours"]).status, 0)
                let theirs = try bench.run([
                    "veritysetup", "format", "--salt=\(salt)", "--uuid=\(id)", "file", "theirs",
                ])
                XCTAssertEqual(theirs.status, 0, theirs.errors)
                let ours = try bench.rtverify(["verity", "file", "-o", "ours", "--salt", salt, "--uuid", id])
                XCTAssertEqual(ours.status, 0, ours.errors)
                let root = try XCTUnwrap(
                    theirs.output.split(separator: "\n").first { $0.hasPrefix("Root hash:") }?.split(separator: "\t")
                        .last?.trimmingCharacters(in: .whitespaces))
                XCTAssertTrue(ours.output.contains(root), "\(blocks) blocks, salt \(salt): \(ours.output)")
                XCTAssertEqual(try bench.run(["cmp", "theirs", "ours"]).output, "", "\(blocks) blocks, salt \(salt)")
            }
        }
        XCTAssertEqual(try bench.run(["truncate", "-s", "10000", "file"]).status, 0)
        let tail = try bench.rtverify(["verity", "file"])
        XCTAssertEqual(tail.status, 2)
        XCTAssertTrue(tail.errors.contains("no multiple of 4096"), tail.errors)
    }

    /// Every form that `sha256sum -c` takes.
    func testChecksumFilesOfEveryFormAreRead() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let odd = "back\\slash and) = (more"
        XCTAssertEqual(
            try bench.run(["sh", "-c", "echo x > file; printf y > \"$1\"", "sh", odd]).status, 0)
        let lists = """
            sha256sum file "$1" > plain; sha256sum --tag file "$1" > tagged; sha256sum -b file "$1" > binary
            sed 's/$/\\r/' plain > crlf; sed 's/^/   /' plain > indented
            sha256sum file | sed 's/^[0-9a-f]*/\\U&/' > upper
            """
        XCTAssertEqual(try bench.run(["sh", "-c", lists, "sh", odd]).status, 0)
        for list in ["plain", "tagged", "binary", "crlf", "upper", "indented"] {
            let theirs = try bench.run(["sha256sum", "-c", list])
            let ours = try bench.rtverify(["hash", "--check", list])
            XCTAssertEqual(ours.status, 0, "\(list): \(ours.output)\(ours.errors) (sha256sum: \(theirs.output))")
        }
        let upper = try bench.sha256("file").uppercased()
        XCTAssertEqual(try bench.rtverify(["verify", "file", "--content-hash", upper]).status, 0)
    }

    /// Known to kubo's `add --raw-leaves --cid-version=0`: raw leaves below nodes of version 0.
    func testRawLeavesBelowVersion0AreTried() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        // More than 174 leaves, so that nodes link to nodes: there the version of a link counts.
        XCTAssertEqual(try bench.run(["sh", "-c", "head -c 46000000 /dev/zero > file; echo x > small"]).status, 0)
        let options = ["--raw-leaves", "--cid-version", "0", "--chunk-size", "262144", "--width", "174"]
        let hashed = try bench.rtverify(["hash", "file"] + options)
        let cid = try XCTUnwrap(hashed.output.split(separator: "\n").last?.split(separator: " ").last)
        XCTAssertTrue(cid.hasPrefix("Qm"), String(cid))
        try bench.write("\(cid)  file\n", to: "list")
        let answer = try bench.rtverify(["hash", "--check", "list"])
        XCTAssertEqual(answer.status, 0, answer.output)
        XCTAssertTrue(answer.output.contains("kubo-cidv0-raw-leaves"), answer.output)
        XCTAssertTrue(try bench.rtverify(["hash", "small"] + options).output.contains("bafkrei"))
    }

    /// A CID that holds its block is checked; of a hash that isn't known here nothing is said.
    func testBlocksOfOtherKindsInACARAreNotCalledForged() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        XCTAssertEqual(try bench.run(["sh", "-c", "echo hello > file"]).status, 0)
        XCTAssertEqual(try bench.rtverify(["car", "file", "-o", "a.car"]).status, 0)
        let script = """
            import sys
            data = open("a.car", "rb").read()
            def section(cid, block): return bytes([len(cid) + len(block)]) + cid + block
            identity = section(bytes([1, 0x55, 0, 3]) + b"abc", b"abc")
            liar = section(bytes([1, 0x55, 0, 3]) + b"abc", b"abd")
            blake = section(bytes([1, 0x55, 0x1e, 32]) + b"x" * 32, b"what is it")
            open("identity.car", "wb").write(data + identity)
            open("liar.car", "wb").write(data + liar)
            open("blake.car", "wb").write(data + blake)
            """
        XCTAssertEqual(try bench.run(["python3", "-c", script]).status, 0)
        XCTAssertEqual(try bench.rtverify(["car", "--verify", "identity.car"]).status, 0)
        XCTAssertEqual(try bench.rtverify(["car", "--verify", "liar.car"]).status, 1)
        let other = try bench.rtverify(["car", "--verify", "blake.car"])
        XCTAssertEqual(other.status, 0, other.errors)
        XCTAssertTrue(other.output.contains("not checked: 1 section"), other.output)
    }
}

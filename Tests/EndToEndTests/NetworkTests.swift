import Foundation
import XCTest

/// Servers that answer as few do, proxies, logins, and files that are no files.
final class NetworkTests: XCTestCase {
    private func lying(_ archive: TestArchive, _ mode: String, log: String? = nil, _ body: (String) throws -> Void)
        throws
    {
        let logging = log.map { ["\(archive.bench.folder)/\($0)"] } ?? []
        try Server.running(["lie.py", "\(archive.bench.folder)/archive", mode] + logging, body)
    }

    /// Whatever a server answers, the build ends, says which server it was, and takes the next mirror.
    func testNoAnswerHangsOrEndsTheProgram() throws {
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        for (mode, words) in [
            ("port-redirect", "'65536' is no port"), ("slow", "bytes in 1 s"), ("slow-head", "timeout"),
            ("endless-head", "no HTTP"), ("endless-1xx", "timeout"), ("endless-body", "more than the expected"),
            ("half", "tried 4 times"), ("reset", "tried 4 times"),
        ] {
            try lying(archive, mode) { address in
                let started = Date()
                let (alone, _, kibibytes) = try bench.measured(
                    ["build", "--lock", "test.lock", "-o", "x.squashfs", "--store", "store-\(mode)", "--timeout", "1"]
                        + ["--only-mirror", "--mirror", address])
                XCTAssertEqual(alone.status, 2, "\(mode): \(alone.errors)")
                XCTAssertTrue(alone.errors.contains(words), "\(mode): \(alone.errors)")
                XCTAssertTrue(alone.errors.contains(address), "\(mode): \(alone.errors)")
                XCTAssertLessThan(kibibytes, 400_000, mode)
                // A bound that no working build comes near.
                XCTAssertLessThan(Date().timeIntervalSince(started), 120, mode)
                guard mode == "slow" || mode == "reset" else { return }
                let next = try archive.build(
                    ["--timeout", "1"], store: "next-\(mode)",
                    mirror: ["--only-mirror", "--mirror", address] + archive.mirror)
                XCTAssertEqual(next.status, 0, "\(mode): \(next.errors)")
            }
        }
        try lying(archive, "no-length") { address in
            let answer = try archive.build(store: "no-length", mirror: ["--only-mirror", "--mirror", address])
            XCTAssertEqual(answer.status, 0, answer.errors)
        }
        for url in ["http://127.0.0.1:99999", "http://[::1]:99999", "http://127.0.0.1:65536", "http://", "ftp://x/"] {
            let answer = try archive.build(store: "bad-url", mirror: ["--only-mirror", "--mirror", url])
            XCTAssertEqual(answer.status, 2, "\(url): \(answer.errors)")
            XCTAssertTrue(answer.errors.contains("could not be fetched"), answer.errors)
        }
        XCTAssertEqual(try bench.rtverify(["hash", "http://127.0.0.1:99999/x"]).status, 2)
        XCTAssertEqual(
            try archive.build(
                store: "no-proxy-port", mirror: ["--only-mirror", "--mirror", "http://mirror.test"]
            ).status, 2)
    }

    func testThrottlingIsWaitedForAndCondemnsNoServer() throws {
        let archive = try TestArchive.locked()
        defer { archive.bench.remove() }
        for mode in ["busy-long", "busy-past"] {
            try lying(archive, mode) { address in
                let answer = try archive.build(store: mode, mirror: ["--only-mirror", "--mirror", address])
                XCTAssertEqual(answer.status, 0, "\(mode): \(answer.errors)")
            }
        }
        try lying(archive, "busy-for-ever") { address in
            let answer = try archive.build(
                ["--timeout", "1"], store: "for-ever", mirror: ["--only-mirror", "--mirror", address])
            XCTAssertEqual(answer.status, 2)
            // The other files came all the same.
            XCTAssertTrue(answer.errors.contains("1 of 5 inputs"), answer.errors)
            XCTAssertTrue(answer.errors.contains("answered 429"), answer.errors)
        }
    }

    func testPlainHTTPGoesThroughAProxyWithoutATunnel() throws {
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        func build(_ store: String, _ environment: [String: String], mirror: String = "http://mirror.test")
            throws -> Workbench.Answer
        {
            try bench.rtverify(
                ["build", "--lock", "test.lock", "-o", "x.squashfs", "--only-mirror", "--mirror", mirror], store: store,
                environment: environment)
        }
        try lying(archive, "proxy", log: "log") { address in
            let built = try build("plain", ["http_proxy": address])
            XCTAssertEqual(built.status, 0, built.errors)
            let log = try bench.read("log")
            XCTAssertTrue(log.contains("GET http://mirror.test/pool/"), log)
            // What no_proxy names is asked itself: nobody has these names here.
            for exception in [
                "*", "mirror.test", ".test", "*.test", "mirror.test:80", "x, mirror.test", "MIRROR.test",
            ] {
                let direct = try build("direct", ["http_proxy": address, "no_proxy": exception])
                XCTAssertEqual(direct.status, 2, exception)
                XCTAssertTrue(direct.errors.contains("cannot connect"), "\(exception): \(direct.errors)")
                XCTAssertFalse(direct.errors.contains("proxy"), direct.errors)
            }
            for (mirror, exception) in [
                ("http://mirror.test", "mirror.test:81"), ("http://mirror.test", "irror.test"),
                ("http://10.1.2.3", "10.2.0.0/16"), ("http://[fd00::1]", "fd01::/16"),
            ] {
                let through = try build(
                    "through-\(exception.filter(\.isLetter))", ["http_proxy": address, "no_proxy": exception],
                    mirror: mirror)
                XCTAssertEqual(through.status, 0, "\(exception): \(through.errors)")
            }
            let network = try build(
                "network", ["http_proxy": address, "no_proxy": "127.9.0.0/16,10.0.0.0/8"], mirror: "http://10.1.2.3:1")
            XCTAssertEqual(network.status, 2)
            XCTAssertFalse(network.errors.contains("proxy"), network.errors)
            let secure = try build("secure", ["https_proxy": address], mirror: "https://mirror.test")
            XCTAssertEqual(secure.status, 2)
            XCTAssertTrue(secure.errors.contains("proxy 127.0.0.1"), secure.errors)
        }
        try lying(archive, "proxy-login", log: "logins") { address in
            let host = address.dropFirst("http://".count)
            let refused = try build("refused", ["http_proxy": address])
            XCTAssertEqual(refused.status, 2)
            XCTAssertTrue(refused.errors.contains("asks for a user and a password"), refused.errors)
            let built = try build("login", ["http_proxy": "http://user:pa%3Ass@\(host)"])
            XCTAssertEqual(built.status, 0, built.errors)
            let wrong = try build("wrong", ["http_proxy": "http://user:secret@\(host)"])
            XCTAssertEqual(wrong.status, 2)
            XCTAssertFalse(wrong.errors.contains("secret"), wrong.errors)
        }
        try lying(archive, "proxy-refuses") { address in
            let answer = try build("refuses", ["http_proxy": address])
            XCTAssertEqual(answer.status, 2)
            XCTAssertTrue(answer.errors.contains("ERR_DNS_FAIL"), answer.errors)
        }
        for bad in ["http://127.0.0.1:99999", "http://user:secret@:80"] {
            let answer = try build("bad", ["http_proxy": bad])
            XCTAssertEqual(answer.status, 2)
            XCTAssertTrue(answer.errors.contains("names no proxy"), answer.errors)
            XCTAssertFalse(answer.errors.contains("secret"), answer.errors)
        }
    }

    func testALoginGoesToItsServerAloneAndIsNeverShown() throws {
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        try lying(archive, "login", log: "log") { address in
            let host = address.dropFirst("http://".count)
            let built = try archive.build(
                store: "login", mirror: ["--only-mirror", "--mirror", "http://user:pa%3Ass@\(host)"])
            XCTAssertEqual(built.status, 0, built.errors)
            let wrong = try archive.build(
                store: "wrong", mirror: ["--only-mirror", "--mirror", "http://user:secret@\(host)"])
            XCTAssertEqual(wrong.status, 2)
            XCTAssertTrue(wrong.errors.contains("answered 401"), wrong.errors)
            XCTAssertFalse(wrong.errors.contains("secret"), wrong.errors)
            // Another server that sends here doesn't give it away.
            try bench.write("\(address)\n", to: "archive/elsewhere")
            _ = try bench.run(["truncate", "-s", "0", "log"])
            try lying(archive, "elsewhere") { other in
                let host = other.dropFirst("http://".count)
                let answer = try archive.build(
                    store: "elsewhere", mirror: ["--only-mirror", "--mirror", "http://user:pa%3Ass@\(host)"])
                XCTAssertEqual(answer.status, 2)
            }
            let log = try bench.read("log")
            XCTAssertFalse(log.contains("authorization="), log)
        }
    }

    /// Signs that mean something in a URL.
    func testNamesOfPackagesAreSpelledForURLs() throws {
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        let odd = "archive/pool/odd +~%3a#?_1.0_amd64.deb"
        let text = try bench.read("test.lock")
        // A file of the test's own under such a name: the lock's path is printable and has no blank.
        let name = "odd+~%3a_1.0_amd64.deb"
        XCTAssertEqual(try bench.run(["mv", "archive/pool/late_1.0_amd64.deb", "archive/pool/\(name)"]).status, 0, odd)
        try bench.write(text.replacing("pool/late_1.0_amd64.deb", with: "pool/\(name)"), to: "test.lock")
        try archive.serving("plain") { mirror in
            let answer = try archive.build(store: "odd", mirror: mirror)
            XCTAssertEqual(answer.status, 0, answer.errors)
        }
        XCTAssertEqual(try archive.build(store: "folder").status, 0)
    }

    func testWhatIsNoFileIsNeitherWaitedForNorReplaced() throws {
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        let expected = try bench.sha256("test.squashfs")
        let sha256 = try bench.sha256("archive/pool/late_1.0_amd64.deb")
        let object = "store/objects/\(sha256.prefix(2))/\(sha256)"
        for (what, make) in [
            ("a pipe", "mkfifo \(object)"), ("a folder", "mkdir \(object)"),
            ("an endless device", "ln -s /dev/zero \(object)"),
            ("a link to nothing", "ln -s nowhere \(object)"),
            (
                "a socket",
                "perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => shift, Listen => 1) or die' \(object)"
            ),
        ] {
            XCTAssertEqual(try bench.run(["sh", "-c", "rm -rf \(object); \(make)"]).status, 0, what)
            let answer = try archive.build(image: "again.squashfs")
            XCTAssertEqual(answer.status, 0, "\(what): \(answer.errors)")
            XCTAssertEqual(try bench.sha256("again.squashfs"), expected, what)
        }
        try bench.write("x", to: "file")
        XCTAssertEqual(
            try bench.run([
                "sh", "-c", "mkfifo pipe; ln -s pipe link; ln -s file good; ln -s nowhere dangling; mkdir folder",
            ]).status, 0)
        let long = String(repeating: "n", count: 256)
        for output in ["pipe", "link", "dangling", "folder", "/dev/null", "-", "", "folder/", long] {
            for command in [
                ["car", "file", "-o", output], ["build", "--lock", "test.lock", "--offline", "-o", output],
            ] {
                let answer = try bench.rtverify(command)
                XCTAssertEqual(answer.status, 2, "\(command): \(answer.errors)")
                XCTAssertFalse(
                    answer.errors.contains("install"), "it is said before anything is built: \(answer.errors)")
            }
        }
        XCTAssertEqual(try bench.run(["sh", "-c", "test -p pipe && test -c /dev/null && test -L good"]).status, 0)
        XCTAssertEqual(try bench.rtverify(["car", "file", "-o", "good"]).status, 0)
        XCTAssertEqual(try bench.run(["sh", "-c", "test -L good && test -s file"]).status, 0)
    }
}

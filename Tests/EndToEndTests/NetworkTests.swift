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

    /// Whole answers that are wrong in one way each: none is used, none ends the program, and another mirror serves.
    func testEveryWrongAnswerIsRefused() throws {
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build(image: "honest.squashfs").status, 0)
        // scripts/torture has them all; these are given up at once.
        let ways = [
            "one-bit", "zeros", "other-file", "page", "encoded", "more", "length-huge", "length-negative",
            "length-twice",
            "redirect-itself", "redirect-file", "redirect-nonsense", "status-410", "chunks-broken",
        ]
        // Where the right bytes come after all (encoded, with more behind them), they are the right bytes.
        for way in ways {
            try lying(archive, way) { address in
                let other = try archive.build(
                    ["--timeout", "2"], store: "other-\(way)",
                    mirror: ["--only-mirror", "--mirror", address, "--mirror", "\(bench.folder)/archive"])
                XCTAssertEqual(other.status, 0, "\(way): \(other.errors)")
                XCTAssertEqual(try bench.sha256("test.squashfs"), try bench.sha256("honest.squashfs"), way)
            }
        }
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
                let (alone, kibibytes) = try bench.measured(
                    ["build", "--lock", "test.lock", "-o", "x.squashfs", "--store", "store-\(mode)", "--timeout", "1"]
                        + ["--only-mirror", "--mirror", address])
                XCTAssertEqual(alone.status, 2, "\(mode): \(alone.errors)")
                XCTAssertTrue(alone.errors.contains(words), "\(mode): \(alone.errors)")
                XCTAssertTrue(alone.errors.contains(address), "\(mode): \(alone.errors)")
                XCTAssertLessThan(kibibytes, 400_000, mode)
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

    /// What this host's apt says of mirrors, logins and proxies, in a mount namespace where /etc/apt is the test's own.
    func testTheHostsAptIsFollowed() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can have another /etc/apt") }
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        var count = 0
        func run(_ command: String, sources: String, more: [String: String] = [:]) throws -> Workbench.Answer {
            count += 1
            _ = try bench.run(["sh", "-c", "rm -rf apt && mkdir -p apt/apt.conf.d apt/auth.conf.d apt/sources.list.d"])
            try bench.write(sources + "\n", to: "apt/sources.list")
            for (name, text) in more { try bench.write(text + "\n", to: "apt/\(name)") }
            return try bench.run(
                [
                    "unshare", "--mount", "sh", "-c",
                    "mount --bind apt /etc/apt && exec '\(Workbench.program)' \(command) --store store-\(count)",
                ], environment: ["HOME": bench.folder, "http_proxy": "", "all_proxy": ""])
        }
        let build = "build --lock test.lock -o x.squashfs --snapshot http://127.0.0.1:9"
        try lying(archive, "honest") { address in
            let host = address.dropFirst("http://".count)
            try bench.write("# a list\n\(address)\tpriority:1\nhttp://127.0.0.1:9 priority:2\n", to: "archive/list")
            for sources in [
                "deb [signed-by=/x] \(address) bookworm main", "deb mirror+file:/etc/apt/list bookworm main",
                "deb mirror+file:///etc/apt/list bookworm main", "deb mirror://\(host)/list bookworm main",
                "deb mirror+http://\(host)/list bookworm main",
            ] {
                let built = try run(build, sources: sources, more: ["list": try bench.read("archive/list")])
                XCTAssertEqual(built.status, 0, "\(sources): \(built.errors)")
            }
            let fields = "Types: deb\nURIs: \(address)\nSuites: bookworm\nComponents: main"
            let built = try run(build, sources: "", more: ["sources.list.d/debian.sources": fields])
            XCTAssertEqual(built.status, 0, built.errors)
        }
        try lying(archive, "login") { address in
            let host = address.dropFirst("http://".count)
            for (entry, status) in [("http://\(host)", Int32(0)), (String(host), 2), ("http://127.0.0.1:9", 2)] {
                let built = try run(
                    build, sources: "deb \(address) bookworm main",
                    more: ["auth.conf.d/a.conf": "machine \(entry)\nlogin user\npassword pa:ss"])
                XCTAssertEqual(built.status, status, "\(entry): \(built.errors)")
                XCTAssertFalse(built.errors.contains("pa:ss"), built.errors)
            }
            // An archive of other people that wants a login has it from there too, and no lock says it.
            let entry = "[[archive]]\nname = \"own\"\nurl = \"\(address)\"\nsuite = \"test\"\ncomponents = [\"main\"]\n"
            try archive.manifest(["late"], more: entry + "key = \"keyring.gpg\"\n")
            for (login, status) in [("machine http://\(host)\nlogin user\npassword pa:ss", Int32(0)), ("", 2)] {
                let locked = try run(
                    "lock runtime.toml -o own.lock --keyring keyring.gpg --only-mirror --mirror archive", sources: "",
                    more: ["auth.conf.d/a.conf": login])
                XCTAssertEqual(locked.status, status, locked.errors)
                XCTAssertFalse(locked.errors.contains("pa:ss"), locked.errors)
                XCTAssertFalse(try bench.read("own.lock").contains("user"))
            }
            try archive.manifest(["late"])
        }
        try lying(archive, "proxy", log: "proxied") { address in
            for text in [
                "Acquire::http::Proxy \"\(address)\";", "Acquire { http { Proxy::mirror.test \"\(address)\"; }; };",
            ] {
                let built = try run(
                    build, sources: "deb http://mirror.test bookworm main", more: ["apt.conf.d/90": text])
                XCTAssertEqual(built.status, 0, "\(text): \(built.errors)")
            }
        }
        // Another distribution's apt: the snapshot archive serves lock and build, and it is said what to name.
        let other = "deb http://127.0.0.1:9/ubuntu noble main universe"
        try lying(archive, "snapshot") { address in
            let locked = try run(
                "lock runtime.toml -o other.lock --keyring keyring.gpg --snapshot \(address)", sources: other)
            XCTAssertEqual(locked.status, 0, locked.errors)
            XCTAssertEqual(try bench.read("other.lock"), try bench.read("test.lock"))
            let built = try run("build --lock other.lock -o x.squashfs --snapshot \(address)", sources: other)
            XCTAssertEqual(built.status, 0, built.errors)
        }
        let failed = try run("lock runtime.toml -o no.lock --snapshot http://127.0.0.1:9", sources: other)
        XCTAssertEqual(failed.status, 2)
        XCTAssertTrue(failed.errors.contains("--mirror"), failed.errors)
        let diagnosis = try run("doctor", sources: other)
        XCTAssertTrue(diagnosis.output.contains("its apt is another distribution's"), diagnosis.output)
        XCTAssertTrue(diagnosis.output.contains("name one with --mirror URL"), diagnosis.output)
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

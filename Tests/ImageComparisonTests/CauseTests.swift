import FileTree
import ImageComparison
import XCTest

/// Which known cause explains a difference.
final class CauseTests: XCTestCase {
    private func cause(
        _ path: String, _ kind: ComparisonReport.Kind = .content, _ a: String = "", _ b: String = ""
    ) -> String? {
        Cause.first(for: Evidence(path: path, kind: kind, contents: (Array(a.utf8), Array(b.utf8))))?.name
    }

    func testContentsSayWhatMadeThem() {
        for (a, b, name) in [
            ("built 2026-11-24 10:15:00", "built 2026-11-25 11:16:01", "time-in-file"),
            ("date: 24 Nov 2026 10:15:00", "date: 25 Nov 2026 11:16:01", "time-in-file"),
            ("epoch 1795480473", "epoch 1795566873", "time-in-file"),
            ("id 0f8fad5b-d9cb-469f-a165-70867728950e", "id 7c9e6679-7425-40de-944b-e07fc1f90ae7", "random-uuid"),
            ("seed 0123456789abcdef01", "seed fedcba987654321000", "random-number"),
            ("from /build/a-1/x.c", "from /tmp/b/x.c", "build-path"),
            ("b\na\nc", "a\nb\nc", "file-order"),
        ] { XCTAssertEqual(cause("/usr/share/x", .content, a, b), name, "\(a) / \(b)") }
        for (a, b) in [("one", "two"), ("count 24", "count 25"), ("1.2.3", "1.2.4"), ("same", "same longer")] {
            XCTAssertNil(cause("/usr/share/x", .content, a, b), "\(a) / \(b)")
        }
    }

    func testAPlaceExplainsWhatIsThereAndNoTimeAlone() {
        XCTAssertEqual(cause("/var/log/x", .onlyInA), "log")
        XCTAssertEqual(cause("/dev/null", .onlyInB), "device-nodes")
        XCTAssertEqual(cause("/var/lib/dpkg/status"), "package-database")
        XCTAssertEqual(cause("/etc/ssh/ssh_host_rsa_key", .onlyInA), "ssh-host-key")
        for path in ["/var/log/x", "/dev/null", "/run/x", "/var/lib/apt/lists", "/etc/machine-id"] {
            XCTAssertEqual(cause(path, .time), "time-stamp", path)
        }
    }

    func testAptsSourcesDifferByTheStateThatTheyNameAlone() {
        func sources(_ time: String, _ suite: String = "bookworm") -> String {
            "deb [check-valid-until=no] https://snapshot.debian.org/archive/debian/\(time)/ \(suite) main\n"
        }
        let path = "/etc/apt/sources.list"
        XCTAssertEqual(
            cause(path, .content, sources("20261124T021215Z"), sources("20261125T031216Z")), "archive-state")
        XCTAssertNil(cause(path, .content, sources("20261124T021215Z"), sources("20261125T031216Z", "trixie")))
    }

    func testByteCodeAndGzipAreKnownByTheirHeads() {
        func code(_ time: UInt8) -> [UInt8] { [0xa7, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0, time, 0, 0, 0, 1, 0, 0, 0, 0xe3] }
        func gzip(_ time: UInt8) -> [UInt8] {
            [0x1f, 0x8b, 8, 0, time, 0, 0, 0, 0, 3] + [UInt8](repeating: 0, count: 10)
        }
        func cause(_ path: String, _ make: (UInt8) -> [UInt8]) -> String? {
            Cause.first(for: Evidence(path: path, kind: .content, contents: (make(1), make(2))))?.name
        }
        XCTAssertEqual(cause("/a/__pycache__/x.cpython-311.pyc", code), "python-byte-code-time")
        XCTAssertEqual(cause("/a/x.gz", gzip), "gzip-header")
        XCTAssertEqual(self.cause("/a/__pycache__/x.pyc", .onlyInA), "python-byte-code")
    }

    func testFieldsSayWhoBuilt() {
        func entry(_ mode: Int, _ uid: Int, attributes: [TreeEntry.Attribute] = []) -> TreeEntry {
            TreeEntry(
                path: Array("x".utf8), kind: .file(size: 1), mode: mode, uid: uid, gid: uid, time: 0,
                attributes: attributes)
        }
        func cause(_ kind: ComparisonReport.Kind, _ a: TreeEntry, _ b: TreeEntry) -> String? {
            Cause.first(for: Evidence(path: "/x", kind: kind, a: a, b: b))?.name
        }
        XCTAssertEqual(cause(.mode, entry(0o644, 0), entry(0o600, 0)), "umask")
        XCTAssertNil(cause(.mode, entry(0o644, 0), entry(0o4644, 0)))
        XCTAssertEqual(cause(.owner, entry(0o644, 0), entry(0o644, 1000)), "builder-owns")
        XCTAssertNil(cause(.owner, entry(0o644, 1), entry(0o644, 2)))
        let note = TreeEntry.Attribute(name: Array("user.a".utf8), value: [1])
        XCTAssertEqual(cause(.attributes, entry(0o644, 0, attributes: [note]), entry(0o644, 0)), "lost-attributes")
    }

    func testEveryCauseSaysWhyAndWhatToDo() {
        XCTAssertEqual(Set(Cause.all.map(\.name)).count, Cause.all.count)
        for cause in Cause.all {
            XCTAssertFalse(cause.reason.isEmpty || cause.remedy.isEmpty, cause.name)
            XCTAssertTrue(cause.name.allSatisfy { $0.isLowercase || $0 == "-" }, cause.name)
        }
    }

    func testByteCodeGoesWithItsSource() {
        func source(_ path: String) -> String? {
            Owners.source(of: Array(path.utf8)).map { String(decoding: $0, as: UTF8.self) }
        }
        XCTAssertEqual(source("usr/lib/x/__pycache__/a.cpython-311.opt-1.pyc"), "usr/lib/x/a.py")
        XCTAssertEqual(source("usr/lib/x/__pycache__"), "usr/lib/x")
        for path in ["usr/lib/x/a.pyc", "__pycache__", "x/__pycache__/a.txt", ""] { XCTAssertNil(source(path), path) }
    }
}

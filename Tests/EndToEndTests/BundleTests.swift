import Foundation
import XCTest

/// A lock and all its inputs as one file: what comes out of it, what is wrong with it, and who may serve it.
final class BundleTests: XCTestCase {
    /// A lock of the test's archive with files of the user's own, one of them of several blocks, and its bundle.
    private func bundled() throws -> (archive: TestArchive, root: String) {
        let archive = try TestArchive()
        let bench = archive.bench
        let made = try bench.run([
            "python3", "-c", "import random; random.seed(1)\nopen('large', 'wb').write(random.randbytes(3500000))",
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        XCTAssertEqual(
            try bench.run(["sh", "-c", "mkdir app && echo one > app/one && tail -c 1500000 large > app/two"]).status, 0)
        try archive.manifest(
            ["late"],
            more: """
                [[file]]
                source = "large"
                target = "/srv/large"
                [[file]]
                source = "app/"
                target = "/srv/app"
                [init]
                command = "/bin/true"
                """)
        let locked = try archive.lock()
        XCTAssertEqual(locked.status, 0, locked.errors)
        let built = try archive.build(image: "first.squashfs")
        XCTAssertEqual(built.status, 0, built.errors)
        let exported = try bench.rtverify(["store", "export", "--lock", "test.lock", "-o", "b.car", "--offline"])
        XCTAssertEqual(exported.status, 0, exported.errors)
        XCTAssertTrue(
            exported.errors.contains("the key \(archive.fingerprint), which the lock lets sign, is none"),
            exported.errors)
        return (archive, try Self.root(exported))
    }

    private static func root(_ answer: Workbench.Answer) throws -> String {
        let line = answer.output.split(separator: "\n").first { $0.hasPrefix("  root ") }
        return String(try XCTUnwrap(line, answer.output + answer.errors).split(separator: " ")[1])
    }

    /// A folder with nothing beside the lock.
    private func elsewhere(_ bench: Workbench) throws -> String {
        let folder = "\(bench.folder)/elsewhere"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        XCTAssertEqual(try bench.run(["cp", "test.lock", "elsewhere/"]).status, 0)
        return folder
    }

    func testABundleAloneRebuildsTheImageAndVerifiesTheLock() throws {
        let (archive, root) = try bundled()
        let bench = archive.bench
        defer { bench.remove() }
        // Laid out on disk it is the same, and another program makes the same CAR of that.
        let folder = try bench.rtverify(
            ["store", "export", "--lock", "test.lock", "-o", "b", "--format", "dir", "--offline"])
        XCTAssertEqual(try Self.root(folder), root, folder.errors)
        let own = try bench.run(["python3", "\(Workbench.sources)/Fixtures/make_bundle.py", "b", "own.car"])
        XCTAssertEqual(own.output, "\(root)\n", own.errors)
        XCTAssertEqual(try bench.sha256("own.car"), try bench.sha256("b.car"))
        let piped = try bench.run([
            "sh", "-c", "'\(Workbench.program)' store export --lock test.lock --offline --store store -o - > piped.car",
        ])
        XCTAssertEqual(piped.status, 0, piped.errors)
        XCTAssertEqual(try bench.sha256("piped.car"), try bench.sha256("b.car"))
        XCTAssertEqual(try bench.read("b/image.lock"), try bench.read("test.lock"))
        let place = try elsewhere(bench)
        for (index, mirror) in ["b.car", "b"].enumerated() {
            let given = ["--offline", "--only-mirror", "--mirror", "\(bench.folder)/\(mirror)"]
            let built = try bench.rtverify(
                ["build", "--lock", "test.lock", "-o", "again.squashfs"] + given, store: "empty-\(index)", in: place)
            XCTAssertEqual(built.status, 0, built.errors)
            XCTAssertEqual(try bench.sha256("elsewhere/again.squashfs"), try bench.sha256("first.squashfs"))
            let verified = try bench.rtverify(
                ["lock", "verify", "--fetch", "test.lock", "--keyring", "\(bench.folder)/keyring.gpg"] + given,
                store: "empty-\(index)", in: place)
            XCTAssertEqual(verified.status, 0, verified.errors)
        }
        try imports(archive, root)
    }

    private func imports(_ archive: TestArchive, _ root: String) throws {
        let bench = archive.bench
        let program = Workbench.program
        try make("reversed", bench)
        for (index, bundle) in ["b.car", "- < b.car", "b", "reversed.car"].enumerated() {
            let taken = try bench.run([
                "sh", "-c", "'\(program)' store import --store taken-\(index) --lock taken.lock --json \(bundle)",
            ])
            XCTAssertEqual(taken.status, 0, taken.errors)
            XCTAssertEqual(try bench.read("taken.lock"), try bench.read("test.lock"))
            let built = try bench.rtverify(
                ["build", "--lock", "test.lock", "-o", "again.squashfs", "--offline", "--only-mirror"],
                store: "taken-\(index)", in: "\(bench.folder)/elsewhere")
            XCTAssertEqual(built.status, 0, built.errors)
            XCTAssertEqual(try bench.sha256("elsewhere/again.squashfs"), try bench.sha256("first.squashfs"))
            let again = try bench.rtverify(
                ["store", "export", "--lock", "test.lock", "-o", "c.car", "--offline"], store: "taken-\(index)")
            XCTAssertEqual(try Self.root(again), root)
        }
        guard getuid() == 0 else { return }
        let user = try TestUser(bench)
        defer { user.remove() }
        let answer = try user.run(
            "'\(bench.folder)/program' store import '\(bench.folder)/b.car' --store s --quiet >&2 && '\(bench.folder)/program' build "
                + "--lock '\(bench.folder)/test.lock' --store s --offline --only-mirror -o u.squashfs --quiet >&2 && sha256sum u.squashfs"
        )
        XCTAssertEqual(String(answer.output.prefix(64)), try bench.sha256("first.squashfs"), answer.errors)
    }

    private func make(_ way: String, _ bench: Workbench, of folder: String = "b") throws {
        let made = try bench.run(
            ["python3", "\(Workbench.sources)/Fixtures/make_bundle.py", folder, "\(way).car", way])
        XCTAssertEqual(made.status, 0, made.errors)
    }

    /// Each is refused with the object named, and nothing wrong gets into the store.
    func testWhatIsWrongWithABundleIsSaid() throws {
        let (archive, _) = try bundled()
        let bench = archive.bench
        defer { bench.remove() }
        let large = "objects/\(try bench.sha256("large").prefix(2))/\(try bench.sha256("large")) (large)"
        let folder = try bench.rtverify(
            ["store", "export", "--lock", "test.lock", "-o", "b", "--format", "dir", "--offline"])
        XCTAssertEqual(folder.status, 0, folder.errors)
        for (way, words) in [
            ("byte", "is not the one of its CID"), ("missing", "is missing"), ("twice", "is there twice"),
        ] {
            try make(way, bench)
            let answer = try bench.rtverify(["store", "import", "\(way).car"], store: "bad")
            XCTAssertEqual(answer.status, 1, way + answer.errors)
            XCTAssertTrue(answer.errors.contains("\(large) is wrong") && answer.errors.contains(words), answer.errors)
        }
        for (way, words) in [
            ("cut", "is no bundle: the section at byte"), ("loose", "has a block of SHA-256"),
        ] {
            try make(way, bench)
            let answer = try bench.rtverify(["store", "import", "\(way).car"], store: "bad")
            XCTAssertEqual(answer.status, 1, way + answer.errors)
            XCTAssertTrue(answer.errors.contains(words), answer.errors)
        }
        try strangers(bench)
        let checked = try bench.rtverify(["store", "verify"], store: "bad")
        XCTAssertEqual(checked.status, 0, checked.output)
    }

    private func strangers(_ bench: Workbench) throws {
        let stranger = "objects/ab/ab\(String(repeating: "0", count: 62))"
        XCTAssertEqual(try bench.run(["sh", "-c", "mkdir -p b/objects/ab && echo x > b/\(stranger)"]).status, 0)
        try make("stranger", bench)
        for bundle in ["b", "stranger.car"] {
            let answer = try bench.rtverify(["store", "import", bundle], store: "bad")
            XCTAssertEqual(answer.status, 1, bundle + answer.errors)
            XCTAssertTrue(
                answer.errors.contains("\(bundle) has \(stranger), which its lock doesn't name"), answer.errors)
        }
        let lacking = "objects/\(try bench.sha256("large").prefix(2))/\(try bench.sha256("large"))"
        XCTAssertEqual(
            try bench.run([
                "sh", "-c",
                "rm b/\(stranger); rmdir --ignore-fail-on-non-empty b/objects/ab; mkdir b/keys && echo x > b/keys/mine.pgp",
            ]).status, 0)
        try make("key", bench)
        let key = try bench.rtverify(["store", "import", "key.car"], store: "bad")
        XCTAssertEqual(key.status, 1, key.errors)
        XCTAssertTrue(key.errors.contains("key.car has keys/mine.pgp, which its lock doesn't name"), key.errors)
        XCTAssertEqual(try bench.run(["rm", "-r", "b/keys", "b/\(lacking)"]).status, 0)
        XCTAssertEqual(try bench.run(["find", "b", "-type", "d", "-empty", "-delete"]).status, 0)
        try make("lacking", bench)
        for bundle in ["b", "lacking.car"] {
            let answer = try bench.rtverify(["store", "import", bundle], store: "bad")
            XCTAssertEqual(answer.status, 1, bundle + answer.errors)
            XCTAssertTrue(
                answer.errors.contains("\(bundle) lacks \(lacking) (large), which its lock names"), answer.errors)
        }
        for (file, status, words) in [("test.lock", Int32(1), "is no bundle"), ("nowhere.car", 2, "No such file")] {
            let answer = try bench.rtverify(["store", "import", file], store: "bad")
            XCTAssertEqual(answer.status, status, answer.errors)
            XCTAssertTrue(answer.errors.contains(words), answer.errors)
        }
    }

    /// Web servers of objects, and gateways as they are.
    func testMirrorsOfObjectsServeABuild() throws {
        let (archive, root) = try bundled()
        let bench = archive.bench
        defer { bench.remove() }
        let place = try elsewhere(bench)
        func build(_ mirrors: [String], _ name: String) throws -> Workbench.Answer {
            try bench.rtverify(
                ["build", "--lock", "test.lock", "-o", "again.squashfs", "--only-mirror", "--timeout", "5"] + mirrors,
                store: "store-\(name)", in: place)
        }
        // One that lacks some has the others.
        let half = try bench.run(["sh", "-c", "cp -r store half && rm $(find half/objects -type f | sort | head -5)"])
        XCTAssertEqual(half.status, 0, half.errors)
        try Server.serving("\(bench.folder)/half", "") { url in
            let refused = try build(["--mirror", url], "half")
            XCTAssertEqual(refused.status, 2, refused.errors)
            let number = refused.errors.firstMatch(of: #/(\d+) of (\d+) inputs could not be fetched/#)
            XCTAssertLessThanOrEqual(try XCTUnwrap(number.flatMap { Int($0.1) }, refused.errors), 5, refused.errors)
        }
        // A store is one already.
        try Server.serving("\(bench.folder)/store", "") { url in
            let built = try build(["--mirror", url], "web")
            XCTAssertEqual(built.status, 0, built.errors)
            XCTAssertEqual(try bench.sha256("elsewhere/again.squashfs"), try bench.sha256("first.squashfs"))
        }
        for way in ["whole", "blocks", "paths", "redirect", "busy", "late", "gone"] {
            try Server.running(["gateway.py", "\(bench.folder)/b.car", way]) { url in
                let mirrors =
                    way == "whole"
                    ? ["--mirror", "ipfs://\(root)", "--gateway", url] : ["--mirror", "\(url)/ipfs/\(root)"]
                let built = try build(mirrors, way)
                XCTAssertEqual(built.status, 0, way + built.errors)
                XCTAssertEqual(try bench.sha256("elsewhere/again.squashfs"), try bench.sha256("first.squashfs"), way)
            }
        }
        for way in ["page", "lies"] {
            try Server.running(["gateway.py", "\(bench.folder)/b.car", way]) { url in
                let refused = try build(["--mirror", "\(url)/ipfs/\(root)"], way)
                XCTAssertEqual(refused.status, 2, way + refused.errors)
                XCTAssertTrue(refused.errors.contains("The lock is intact"), refused.errors)
                // Beside it an honest one is enough.
                let built = try build(["--mirror", "\(url)/ipfs/\(root)", "--mirror", "\(bench.folder)/b.car"], way)
                XCTAssertEqual(built.status, 0, way + built.errors)
            }
        }
    }

    /// A gateway's CAR as a bundle.
    func testAGatewaysCARIsImported() throws {
        let (archive, root) = try bundled()
        let bench = archive.bench
        defer { bench.remove() }
        for (way, status) in [("whole", Int32(0)), ("reversed", 0), ("cut", 1), ("page", 1)] {
            try Server.running(["gateway.py", "\(bench.folder)/b.car", way]) { url in
                let taken = try bench.rtverify(
                    ["store", "import", "\(url)/ipfs/\(root)?format=car", "--timeout", "5"], store: "gateway-\(way)")
                XCTAssertEqual(taken.status, status, way + taken.errors)
                if status == 0 { XCTAssertEqual(try Self.root(taken), root) }
            }
        }
    }
}

import Foundation
import XCTest

final class BadInputTests: XCTestCase {
    func testMirrorsThatServeBadlyAreUndecidedAndNamed() throws {
        let archive = try TestArchive.locked()
        defer { archive.bench.remove() }
        for (mode, words) in [
            ("wrong", "wrong bytes"), ("missing", "answered 404"), ("hang", "timeout"), ("truncated", "tried 4 times"),
        ] {
            try archive.serving(mode) { mirror in
                let answer = try archive.build(
                    mode == "hang" ? ["--timeout", "1"] : [], store: "store-\(mode)", mirror: mirror)
                XCTAssertEqual(answer.status, 2, mode)
                XCTAssertTrue(answer.errors.lowercased().contains(words), "\(mode): \(answer.errors)")
                XCTAssertTrue(answer.errors.contains("could not be fetched"), "\(mode): \(answer.errors)")
                XCTAssertFalse(archive.bench.exists("test.squashfs"), mode)
            }
        }
    }

    func testBusyServersAreWaitedForAndBrokenTransfersResumed() throws {
        let archive = try TestArchive.locked()
        defer { archive.bench.remove() }
        for mode in ["busy", "short"] {
            try archive.serving(mode) { mirror in
                let answer = try archive.build(store: "store-\(mode)", mirror: mirror)
                XCTAssertEqual(answer.status, 0, "\(mode): \(answer.errors)")
            }
        }
    }

    func testAWrongMirrorIsReportedAndTheNextOneTried() throws {
        let archive = try TestArchive.locked()
        defer { archive.bench.remove() }
        try archive.serving("wrong") { mirror in
            let answer = try archive.build(
                store: "new-store", mirror: mirror + ["--mirror", "\(archive.bench.folder)/archive"])
            XCTAssertEqual(answer.status, 0, answer.errors)
            XCTAssertTrue(answer.errors.contains("wrong bytes"), answer.errors)
        }
    }

    func testOfflineListsWhatIsMissing() throws {
        let archive = try TestArchive.locked()
        defer { archive.bench.remove() }
        let answer = try archive.build(["--offline"], store: "empty", mirror: [])
        XCTAssertEqual(answer.status, 2)
        XCTAssertTrue(answer.errors.contains("pool/late_1.0_amd64.deb"), answer.errors)
    }

    func testAChangedStoreObjectIsNeverUsed() throws {
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        let expected = try bench.sha256("test.squashfs")
        let sha256 = try bench.sha256("archive/pool/late_1.0_amd64.deb")
        let object = "store/objects/\(sha256.prefix(2))/\(sha256)"
        XCTAssertEqual(
            try bench.run(["sh", "-c", "chmod u+w \(object) && printf X | dd of=\(object) conv=notrunc bs=1 seek=200"])
                .status, 0)
        let offline = try archive.build(["--offline"], image: "other.squashfs", mirror: ["--only-mirror"])
        XCTAssertEqual(offline.status, 2)
        XCTAssertTrue(offline.errors.contains("has changed on disk"), offline.errors)
        XCTAssertFalse(bench.exists("other.squashfs"))
        let again = try archive.build()
        XCTAssertEqual(again.status, 0, again.errors)
        XCTAssertEqual(try bench.sha256("test.squashfs"), expected)
    }

    func testAToolchainWithoutOneLibraryNeverTakesTheHosts() throws {
        let archive = try TestArchive.locked()
        defer { archive.bench.remove() }
        let text = try archive.bench.read("test.lock")
        let blocks = text.components(separatedBy: "\n[[toolchain]]\n")
        XCTAssertEqual(blocks.count, 3)
        let kept = [blocks[0]] + blocks.dropFirst().filter { !$0.contains("\"liblzo2-2\"") }
        XCTAssertEqual(kept.count, 2)
        try archive.bench.write(kept.joined(separator: "\n[[toolchain]]\n"), to: "test.lock")
        let answer = try archive.build()
        XCTAssertEqual(answer.status, 2)
        XCTAssertTrue(answer.errors.contains("liblzo2"), answer.errors)
    }

    func testBadLocksChangeNothing() throws {
        let archive = try TestArchive.locked()
        defer { archive.bench.remove() }
        let text = try archive.bench.read("test.lock")
        for (name, bad) in [
            ("cut short", String(text.prefix(text.count / 2))), ("malformed", text + "\n= ="),
            ("newer", text.replacing("version = 2\n", with: "version = 9\n", maxReplacements: 1)),
            ("empty", ""),
        ] {
            try archive.bench.write(bad, to: "test.lock")
            let answer = try archive.build()
            XCTAssertEqual(answer.status, 2, name)
            XCTAssertTrue(answer.errors.contains("test.lock"), answer.errors)
            XCTAssertFalse(archive.bench.exists("test.squashfs"), name)
        }
    }

    func testAWrongCommandLineExitsWith64() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        XCTAssertEqual(try bench.rtverify(["build"]).status, 64)
        XCTAssertEqual(try bench.rtverify(["hash"]).status, 64)
        XCTAssertEqual(try bench.rtverify(["hash", "missing"]).status, 2)
        XCTAssertEqual(try bench.rtverify(["doctor", "--json"]).status, 0)
    }
}

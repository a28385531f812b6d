import Foundation
import XCTest

final class LockTests: XCTestCase {
    func testLockingTwiceGivesTheSameBytesWithAnyKeyring() throws {
        let archive = try TestArchive()
        defer { archive.bench.remove() }
        try archive.manifest(["late", "special"])
        let first = try archive.lock()
        XCTAssertEqual(first.status, 0, first.errors)
        let other = try archive.bench.rtverify(
            ["lock", "runtime.toml", "-o", "second.lock", "--keyring", "\(archive.bench.folder)/keyring-both.gpg"]
                + archive.mirror, store: "another-store", environment: ["TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8"])
        XCTAssertEqual(other.status, 0, other.errors)
        XCTAssertEqual(try archive.bench.read("test.lock"), try archive.bench.read("second.lock"))
        // A package comes a stage after what its preinst needs.
        let text = try archive.bench.read("test.lock")
        XCTAssertTrue(text.contains("stage = 2"), text)
    }

    func testAPackageIsAskedForByItsVersionOrSuite() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        try archive.manifest(["late=1.0", "early:amd64", "special/test"])
        let locked = try archive.lock()
        XCTAssertEqual(locked.status, 0, locked.errors)
        let text = try bench.read("test.lock")
        XCTAssertTrue(text.contains("version = 4\n"), text)
        XCTAssertTrue(text.contains("    \"early\",\n    \"late=1.0\",\n    \"special/test\",\n"), text)
        func verify(_ text: String) throws -> Workbench.Answer {
            try bench.write(text, to: "other.lock")
            return try bench.rtverify(["lock", "verify", "other.lock", "--keyring", "keyring.gpg"])
        }
        XCTAssertEqual(try verify(text).status, 0)
        let other = try verify(text.replacing("\"late=1.0\"", with: "\"late=2.0\""))
        XCTAssertEqual(other.status, 1, other.errors)
        XCTAssertTrue(other.errors.contains("late=2.0 is asked for, and 1.0 of test is locked"), other.errors)
        // An older format has no such wish.
        let old = try verify(text.replacing("version = 4", with: "version = 2"))
        XCTAssertEqual(old.status, 2, old.errors)
        XCTAssertTrue(old.errors.contains("what comes with 4"), old.errors)
        XCTAssertEqual(try archive.build().status, 0)

        func refused(_ wish: String) throws -> String {
            try archive.manifest([wish])
            let answer = try archive.lock(output: "refused.lock")
            XCTAssertEqual(answer.status, 2, answer.errors)
            return answer.errors
        }
        XCTAssertTrue(try refused("late=9").contains("no version 9 of 'late'; there is 1.0 (test)"))
        XCTAssertTrue(try refused("nothing=9").contains("no package 'nothing' in test"))
        let suite = try refused("late/other")
        XCTAssertTrue(suite.contains("names the suite 'other', which the base doesn't have: it has test"), suite)
        XCTAssertTrue(try refused("late:arm64").contains("packages.install"))
    }

    func testAReleaseIsRefusedUnlessAnAllowedKeySignedIt() throws {
        let archive = try TestArchive()
        defer { archive.bench.remove() }
        try archive.manifest(["late"])
        try archive.signAnew(["--unsigned-by-allowed"])
        let answer = try archive.bench.rtverify(
            ["lock", "runtime.toml", "--keyring", "\(archive.bench.folder)/keyring-both.gpg"] + archive.mirror)
        XCTAssertEqual(answer.status, 2)
        XCTAssertTrue(answer.errors.contains("allowed are \(archive.fingerprint)"), answer.errors)

        try archive.signAnew([])
        let path = "archive/dists/test/InRelease"
        try archive.bench.write(
            try archive.bench.read(path).replacing("Codename: test", with: "Codename: evil"), to: path)
        let bad = try archive.lock()
        XCTAssertEqual(bad.status, 2)
        XCTAssertTrue(bad.errors.contains("bad signature"), bad.errors)
        XCTAssertFalse(archive.bench.exists("test.lock"))
    }

    func testAnExpiredReleaseIsRefusedUnlessToldOtherwise() throws {
        let archive = try TestArchive()
        defer { archive.bench.remove() }
        try archive.manifest(["late"])
        try archive.signAnew(["--expired"])
        let refused = try archive.lock()
        XCTAssertEqual(refused.status, 2)
        XCTAssertTrue(refused.errors.contains("--allow-expired"), refused.errors)
        XCTAssertEqual(try archive.lock(["--allow-expired"]).status, 0)
    }

    func testVerifyFindsAPackageThatDoesNotFollowFromItsIndex() throws {
        let archive = try TestArchive()
        defer { archive.bench.remove() }
        try archive.manifest(["late"])
        XCTAssertEqual(try archive.lock().status, 0)
        let arguments = ["--keyring", "\(archive.bench.folder)/keyring.gpg"]
        let good = try archive.bench.rtverify(["lock", "verify", "test.lock"] + arguments)
        XCTAssertEqual(good.status, 0, good.errors)
        let text = try archive.bench.read("test.lock")
        let line = try XCTUnwrap(text.split(separator: "\n").last { $0.hasPrefix("sha256 = ") })
        try archive.bench.write(
            text.replacing(line, with: "sha256 = \"\(String(repeating: "0", count: 64))\""), to: "bad.lock")
        let bad = try archive.bench.rtverify(["lock", "verify", "bad.lock"] + arguments)
        XCTAssertEqual(bad.status, 1)
        XCTAssertTrue(bad.errors.contains("the index says"), bad.errors)
        try archive.bench.write(text.replacing("stage = 2", with: "stage = 1"), to: "stages.lock")
        let stages = try archive.bench.rtverify(["lock", "verify", "stages.lock"] + arguments)
        XCTAssertEqual(stages.status, 1)
        XCTAssertTrue(stages.errors.contains("late: stage 1"), stages.errors)
    }

    func testVerifyFindsWhatIsMissingAndAnInitOfAnotherCommand() throws {
        let archive = try TestArchive()
        defer { archive.bench.remove() }
        try archive.manifest(["late"], more: "[init]\ncommand = \"true\"\n")
        XCTAssertEqual(try archive.lock().status, 0)
        let text = try archive.bench.read("test.lock")
        func verify(_ text: String) throws -> Workbench.Answer {
            try archive.bench.write(text, to: "other.lock")
            return try archive.bench.rtverify(
                ["lock", "verify", "other.lock", "--keyring", "\(archive.bench.folder)/keyring.gpg"])
        }
        XCTAssertEqual(try verify(text).status, 0)
        // Line ends as git may have them.
        XCTAssertEqual(try verify(text.replacingOccurrences(of: "\n", with: "\r\n")).status, 0)
        let started = try verify(text.replacingOccurrences(of: "command = \"true\"", with: "command = \"false\""))
        XCTAssertEqual(started.status, 1)
        XCTAssertTrue(started.errors.contains("init: its sha256"), started.errors)
        let entries = text.components(separatedBy: "\n[[package]]\n").filter { !$0.hasPrefix("name = \"early\"") }
        let less = try verify(
            entries.joined(separator: "\n[[package]]\n").replacing("stage = 2", with: "stage = 1"))
        XCTAssertEqual(less.status, 1)
        XCTAssertTrue(less.errors.contains("late depends on early, which isn't locked"), less.errors)
    }

    func testCheckSaysWhetherManifestAndLockBelongTogether() throws {
        let archive = try TestArchive()
        defer { archive.bench.remove() }
        try archive.manifest(["late"])
        XCTAssertEqual(try archive.lock().status, 0)
        func check() throws -> Int32 {
            try archive.bench.rtverify(["lock", "check", "runtime.toml", "-o", "test.lock"]).status
        }
        XCTAssertEqual(try check(), 0)
        try archive.bench.write("# only a comment\n" + (try archive.bench.read("runtime.toml")), to: "runtime.toml")
        XCTAssertEqual(try check(), 0)
        try archive.manifest(["late", "special"])
        XCTAssertEqual(try check(), 1)
    }

    /// What was a flag is a subcommand: the flag works, and says so.
    func testTheEarlierSpellingsOfLockStillWork() throws {
        let archive = try TestArchive()
        defer { archive.bench.remove() }
        try archive.manifest(["late"])
        XCTAssertEqual(try archive.lock().status, 0)
        let lock = try archive.bench.read("test.lock")
        for (earlier, name, words) in [
            ("--check", "check", ["runtime.toml", "-o", "test.lock"]),
            ("--upgrade", "upgrade", ["runtime.toml", "-o", "test.lock"]),
            ("--verify", "verify", ["test.lock", "--keyring", "keyring.gpg"]),
        ] {
            let today = try archive.bench.rtverify(["lock", name] + words)
            XCTAssertEqual(today.status, 0, today.errors)
            for order in [
                ["lock", earlier] + words, ["lock"] + words + [earlier], ["lock", "resolve", earlier] + words,
            ] {
                let answer = try archive.bench.rtverify(order)
                XCTAssertEqual(answer.status, 0, answer.errors)
                XCTAssertEqual(answer.output, today.output)
                XCTAssertTrue(
                    answer.errors.contains("`rtverify lock \(earlier)` is `rtverify lock \(name)` now"), answer.errors)
            }
        }
        XCTAssertEqual(try archive.bench.read("test.lock"), lock)
        let both = try archive.bench.rtverify(["lock", "--check", "--verify", "runtime.toml"])
        XCTAssertEqual(both.status, 64, both.errors)
    }

    func testUpdateMovesOnlyWhatIsNamedAndNeverBack() throws {
        let archive = try TestArchive()
        defer { archive.bench.remove() }
        try archive.manifest(["early", "special"], more: "[init]")
        XCTAssertEqual(try archive.lock(output: "old.lock").status, 0)
        try archive.signAnew(["--bump", "--date", "1700001000"])
        // As an earlier rtverify locked it: recipe 1, with the first init.
        let script = try String(contentsOfFile: "\(Workbench.checkout)/guest/init_1.sh", encoding: .utf8)
        try archive.bench.write(script.replacing("@COMMAND@", with: "''", maxReplacements: 1), to: "init")
        let first = "sha256 = \"\(try archive.bench.sha256("init"))\""
        let newest = try archive.bench.read("old.lock")
        let init_ = try XCTUnwrap(newest.firstMatch(of: #/\[init\]\n(sha256 = "[0-9a-f]{64}")/#)).1
        XCTAssertNotEqual(first, String(init_))
        try archive.bench.write(
            newest.replacing(init_, with: first).replacing("recipe = 2\n", with: "recipe = 1\n"), to: "old.lock")
        _ = try archive.bench.run(["cp", "old.lock", "test.lock"])
        func update(_ packages: [String]) throws -> Workbench.Answer {
            try archive.bench.rtverify(
                ["lock", "update", "runtime.toml"] + packages
                    + ["-o", "test.lock", "--keyring", "\(archive.bench.folder)/keyring.gpg"] + archive.mirror)
        }
        let one = try update(["early"])
        XCTAssertEqual(one.status, 0, one.errors)
        XCTAssertTrue(one.output.contains("upgraded early 1.0 -> 2.0"), one.output)
        XCTAssertFalse(one.output.contains("upgraded special"), one.output)
        let held = try archive.bench.read("test.lock")
        XCTAssertTrue(held.contains("recipe = 1\n") && held.contains(first), held)
        let all = try update([])
        XCTAssertTrue(all.output.contains("upgraded special 1.0 -> 2.0"), all.output + all.errors)
        let moved = try archive.bench.read("test.lock")
        XCTAssertTrue(moved.contains("recipe = 2\n") && moved.contains(init_), moved)
        let diff = try archive.bench.rtverify(["lock", "diff", "old.lock", "test.lock"])
        XCTAssertEqual(diff.status, 1)
        XCTAssertTrue(diff.output.contains("upgraded early 1.0 -> 2.0"), diff.output)
        let before = try archive.bench.read("test.lock")
        try archive.signAnew(["--date", "1600000000"])
        let back = try update([])
        XCTAssertEqual(back.status, 2)
        XCTAssertTrue(back.errors.contains("older than the locked one"), back.errors)
        XCTAssertEqual(try archive.bench.read("test.lock"), before)
    }
}

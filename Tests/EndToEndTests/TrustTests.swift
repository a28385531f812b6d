import Foundation
import XCTest

/// What may pass for an archive's word, and what may not.
final class TrustTests: XCTestCase {
    /// Each way of signing a Release, and what is said of it: while locking, and of a lock that was made with it.
    func testASignatureCountsOnlyWhenItsKeyIsGoodNow() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        let made = try bench.run(["python3", "\(Workbench.sources)/Fixtures/make_signatures.py", bench.folder])
        XCTAssertEqual(made.status, 0, made.errors)
        func lock(_ name: String, _ options: [String] = [], keyring: String = "keyring.gpg") throws -> Workbench.Answer
        {
            let folder = "signatures/\(name)"
            XCTAssertEqual(try bench.run(["cp", "\(folder)/InRelease", "archive/dists/test/InRelease"]).status, 0)
            try archive.manifest(["late"], keys: [try bench.read("\(folder)/fingerprint")])
            return try bench.rtverify(
                ["lock", "runtime.toml", "-o", "\(name).lock", "--keyring", "\(bench.folder)/\(folder)/\(keyring)"]
                    + archive.mirror + options)
        }
        for name in ["good", "subkey"] {
            let answer = try lock(name)
            XCTAssertEqual(answer.status, 0, "\(name): \(answer.errors)")
        }
        for (name, words) in [
            ("revoked", "has been revoked"), ("revoked-subkey", "has been revoked"), ("sha1", "SHA-1 or weaker"),
            ("too-late", "after it had expired"), ("older", "before the Release's Date"),
            ("expired", "--allow-expired"),
        ] {
            let answer = try lock(name)
            XCTAssertEqual(answer.status, 2, name)
            XCTAssertTrue(answer.errors.contains(words), "\(name): \(answer.errors)")
            XCTAssertFalse(bench.exists("\(name).lock"))
        }
        for name in ["revoked", "revoked-subkey", "sha1", "too-late", "older"] {
            XCTAssertEqual(try lock(name, ["--allow-expired"]).status, 2, name)
        }
        let allowed = try lock("expired", ["--allow-expired"])
        XCTAssertEqual(allowed.status, 0, allowed.errors)
        XCTAssertTrue(allowed.errors.contains("has expired"), allowed.errors)
        let verified = try bench.rtverify(
            ["lock", "verify", "expired.lock", "--keyring", "signatures/expired/keyring.gpg"])
        XCTAssertEqual(verified.status, 0, verified.errors)
        XCTAssertTrue(verified.output.contains("have since: test (20240601T"), verified.output)
    }

    func testKeysAreKnownByTheirContents() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        try archive.manifest(["late"])
        let prepared = try bench.run([
            "sh", "-c",
            """
            set -e
            export GNUPGHOME=$PWD/gnupg
            gpg -q --armor --export archive@example.org > armored.gpg
            gpg -q --armor --export other@example.org > both && cat armored.gpg >> both
            sed 's/$/\\r/' both > crlf.txt
            mkdir folder && cp both folder/keys && echo nonsense > folder/README
            echo nonsense > nonsense.gpg
            """,
        ])
        XCTAssertEqual(prepared.status, 0, prepared.errors)
        func lock(_ keyring: String) throws -> Workbench.Answer {
            try bench.rtverify(["lock", "runtime.toml", "-o", "k.lock", "--keyring", keyring] + archive.mirror)
        }
        for keyring in ["keyring.gpg", "armored.gpg", "both", "crlf.txt", "folder"] {
            let answer = try lock(keyring)
            XCTAssertEqual(answer.status, 0, "\(keyring): \(answer.errors)")
        }
        for keyring in ["missing.gpg", "nonsense.gpg"] {
            let answer = try lock(keyring)
            XCTAssertEqual(answer.status, 2)
            XCTAssertTrue(answer.errors.contains(keyring), answer.errors)
        }
    }

    func testAReleaseIsOfTheSuiteThatWasAskedFor() throws {
        let archive = try TestArchive()
        defer { archive.bench.remove() }
        try archive.manifest(["late"])
        for (fields, words) in [
            ("Suite: other\nCodename: other\n", "is that of other, other"), ("", "that it doesn't name"),
            ("Suite: stable\nCodename: test-security\n", "is that of stable, test-security"),
        ] {
            try archive.signAnew(["--suite", fields])
            let answer = try archive.lock()
            XCTAssertEqual(answer.status, 2, fields)
            XCTAssertTrue(answer.errors.contains(words), answer.errors)
        }
        for fields in ["Suite: test\nCodename: next\n", "Suite: stable\nCodename: test\n", "Codename: test\n"] {
            try archive.signAnew(["--suite", fields])
            XCTAssertEqual(try archive.lock().status, 0, fields)
        }
    }

    /// The parts of a lock between its tables' headers, changed.
    private func edited(_ text: String, _ change: (inout [String]) -> Void) -> String {
        var parts = text.components(separatedBy: "\n\n")
        change(&parts)
        return parts.joined(separator: "\n\n")
    }

    func testAPackageThatWasAddedOrTakenAwayIsFound() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        try archive.manifest(["late", "special"])
        XCTAssertEqual(try archive.lock(output: "more.lock").status, 0)
        try archive.manifest(["late"])
        XCTAssertEqual(try archive.lock().status, 0)
        let (text, more) = (try bench.read("test.lock"), try bench.read("more.lock"))
        let special = try XCTUnwrap(
            more.components(separatedBy: "\n\n").first { $0.contains("[[package]]\nname = \"special\"") })
        func verify(_ text: String) throws -> Workbench.Answer {
            try bench.write(text, to: "edited.lock")
            return try bench.rtverify(["lock", "verify", "edited.lock", "--keyring", "keyring.gpg"])
        }
        XCTAssertEqual(try verify(text).status, 0)
        let added = try verify(
            edited(text) { $0.insert(special, at: $0.firstIndex { $0.hasPrefix("[[toolchain]]") }!) })
        XCTAssertEqual(added.status, 1)
        XCTAssertTrue(added.errors.contains("special: nothing that is asked for depends on it"), added.errors)
        let tool = special.replacing("[[package]]", with: "[[toolchain]]")
            .split(separator: "\n").filter { !$0.hasPrefix("stage") }.joined(separator: "\n")
        let tools = try verify(text + "\n" + tool + "\n")
        XCTAssertEqual(tools.status, 1)
        XCTAssertTrue(tools.errors.contains("toolchain special: nothing"), tools.errors)
        let missing = try verify(text.replacing("install = [\"late\"]", with: "install = [\"late\", \"slow\"]"))
        XCTAssertEqual(missing.status, 1)
        XCTAssertTrue(missing.errors.contains("slow is asked for, and isn't locked"), missing.errors)
        // What was asked for is the manifest's.
        try bench.write(
            text.replacing("install = [\"late\"]", with: "install = [\"early\", \"late\"]"), to: "edited.lock")
        let check = ["lock", "check", "runtime.toml", "-o", "edited.lock"]
        XCTAssertEqual(try bench.rtverify(check).status, 1)

        // A lock of format 1 doesn't say, and never passes.
        let old = edited(text) { $0.removeAll { $0.hasPrefix("[packages]") } }
            .replacing("version = 2", with: "version = 1").replacing("variant = \"essential\"\n", with: "")
        let unknown = try verify(old)
        XCTAssertEqual(unknown.status, 2, unknown.errors)
        XCTAssertTrue(unknown.errors.contains("lock upgrade"), unknown.errors)
        XCTAssertEqual(try bench.rtverify(check).status, 2)
        let upgrade = ["lock", "upgrade", "runtime.toml", "-o", "edited.lock"]
        let upgraded = try bench.rtverify(upgrade)
        XCTAssertEqual(upgraded.status, 0, upgraded.errors)
        XCTAssertEqual(try bench.read("edited.lock"), text)
        try archive.manifest(["late", "special"])
        try bench.write(old, to: "edited.lock")
        XCTAssertEqual(try bench.rtverify(upgrade).status, 1)
        XCTAssertEqual(try bench.read("edited.lock"), old)
    }

    func testAnUpdateOfOnePackageMovesNeitherTheToolchainNorOthers() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        try archive.manifest(["early", "special"])
        XCTAssertEqual(try archive.lock(output: "old.lock").status, 0)
        try archive.signAnew(["--bump", "--bump-packer", "--date", "1700001000"])
        func update(_ packages: [String]) throws -> [String] {
            _ = try bench.run(["cp", "old.lock", "test.lock"])
            let answer = try bench.rtverify(
                ["lock", "update", "runtime.toml"] + packages
                    + ["-o", "test.lock", "--keyring", "\(bench.folder)/keyring.gpg"] + archive.mirror)
            XCTAssertEqual(answer.status, 0, answer.errors)
            return try bench.lockDifference("old.lock", "test.lock").packages.map { "\($0.list) \($0.name)" }
        }
        XCTAssertEqual(try update(["early"]), ["package early"])
        XCTAssertEqual(try update(["liblzo2-2"]), ["toolchain liblzo2-2"])
        XCTAssertEqual(
            try update([]),
            ["package early", "package special", "toolchain liblzo2-2", "toolchain squashfs-tools-ng"])
    }

    /// A name is a name: neither a pattern nor a sign to remove or install.
    func testNamesOfPackagesAreNotAptsPatterns() throws {
        let archive = try TestArchive()
        defer { archive.bench.remove() }
        for name in ["late-", "late+", "l.te", "s.o", "lat"] {
            try archive.manifest([name])
            let answer = try archive.lock()
            XCTAssertEqual(answer.status, 2, name)
            XCTAssertTrue(answer.errors.contains("no package '\(name)'"), answer.errors)
        }
    }

    func testSizesThatAreUntrueAreWrongEverywhere() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        try archive.manifest(["late"])
        XCTAssertEqual(try archive.lock().status, 0)
        XCTAssertEqual(try archive.build().status, 0)
        let text = try bench.read("test.lock")
        let size = try XCTUnwrap(text.split(separator: "\n").last { $0.hasPrefix("size = ") })
        let number = try XCTUnwrap(Int(size.dropFirst("size = ".count)))
        for wrong in [0, 1, number - 1, number + 1, 30_000_000_000] {
            try bench.write(text.replacing(size, with: "size = \(wrong)"), to: "test.lock")
            for store in ["store", "cold"] {
                let answer = try archive.build(store: store, image: "wrong.squashfs")
                XCTAssertEqual(answer.status, 2, "\(wrong) \(store)")
                XCTAssertTrue(answer.errors.contains("\(wrong)"), answer.errors)
            }
        }
        let release = try XCTUnwrap(text.split(separator: "\n").first { $0.hasPrefix("inrelease-size = ") })
        for (wrong, status) in [("9223372036854775807", 2), ("30000000000", 2), ("1", 2)] {
            try bench.write(text.replacing(release, with: "inrelease-size = \(wrong)"), to: "test.lock")
            let answer = try bench.rtverify(["lock", "verify", "test.lock", "--keyring", "keyring.gpg"])
            XCTAssertEqual(answer.status, Int32(status), wrong)
        }
    }
}

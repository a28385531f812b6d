import Foundation
import XCTest

/// Tarball bases, files of the web, templates, and the way from an image back to its lock.
final class BaseTests: XCTestCase {
    /// The test archive, and a manifest whose base is a tarball of a shell.
    private func tarball(source: String, more: String = "") throws -> TestArchive {
        let archive = try TestArchive()
        let bench = archive.bench
        let made = try bench.run([
            "sh", "-c",
            """
            set -e
            mkdir -p system/bin system/dev system/proc system/run system/sys system/tmp system/etc/ssh system/srv
            cp /bin/busybox system/bin/busybox 2>/dev/null || cp "$(command -v busybox)" system/bin/busybox
            ln -s busybox system/bin/sh
            echo key > system/etc/ssh/ssh_host_ed25519_key
            echo kept > system/srv/kept
            ln system/srv/kept system/srv/linked
            mknod system/dev/null c 1 3 2>/dev/null || true
            tar -C system -czf system.tar.gz .
            """,
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        try archive.manifest([])
        let toolchain = try bench.read("runtime.toml").split(separator: "[toolchain]")[1]
        try bench.write(
            "[runtime]\nname = \"test\"\n[base]\nsystem = \"tarball\"\nsource = \(source)\n\(more)\n[toolchain]\(toolchain)",
            to: "runtime.toml")
        return archive
    }

    func testATarballIsABaseThatStepsRunIn() throws {
        let archive = try tarball(
            source: "\"system.tar.gz\"",
            more: "[[step]]\nrun = \"busybox id -u > /srv/who; busybox hostname >> /srv/who\"")
        let bench = archive.bench
        defer { bench.remove() }
        let locked = try archive.lock()
        XCTAssertEqual(locked.status, 0, locked.errors)
        XCTAssertTrue(try bench.read("test.lock").contains(try bench.sha256("system.tar.gz")))
        XCTAssertEqual(
            try bench.rtverify(["lock", "check", "runtime.toml", "-o", "test.lock"]).status, 0)
        let built = try archive.build(["--check"])
        XCTAssertEqual(built.status, 0, built.errors)
        let unpacked = try bench.run(["unsquashfs", "-q", "-n", "-d", "unpacked", "test.squashfs"])
        XCTAssertEqual(unpacked.status, 0, unpacked.errors)
        XCTAssertEqual(try bench.read("unpacked/srv/who"), "0\nlocalhost\n")
        XCTAssertEqual(try bench.run(["stat", "-c", "%h", "unpacked/srv/kept"]).output, "2\n")
        XCTAssertFalse(bench.exists("unpacked/etc/ssh/ssh_host_ed25519_key"), "a key that would be everybody's")
        XCTAssertFalse(bench.exists("unpacked/.rtverify"))
    }

    func testFilesOfTheWebAreTakenByTheirHash() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        try bench.write("of the web\n", to: "archive/file")
        let hash = try bench.sha256("archive/file")
        try Server.serving("\(bench.folder)/archive", "plain") { address in
            func manifest(_ sha256: String) throws {
                try archive.manifest(
                    ["late"],
                    more:
                        "[[file]]\nsource = { url = \"\(address)/file\", sha256 = \"\(sha256)\" }\ntarget = \"/srv/file\"\n"
                )
            }
            try manifest(String(repeating: "0", count: 64))
            let wrong = try archive.lock()
            XCTAssertEqual(wrong.status, 2)
            XCTAssertTrue(wrong.errors.contains("\(address)/file: wrong bytes"), wrong.errors)
            try manifest(hash)
            let locked = try archive.lock()
            XCTAssertEqual(locked.status, 0, locked.errors)
            XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "test.lock"]).status, 0)
            // Another machine's store: the file is fetched again from its URL.
            let built = try archive.build(store: "other")
            XCTAssertEqual(built.status, 0, built.errors)
        }
        XCTAssertEqual(
            try bench.run(["unsquashfs", "-cat", "test.squashfs", "srv/file"]).output, "of the web\n")
        // From here on only the store has it.
        XCTAssertEqual(try archive.build(["--offline"], store: "other", image: "b.squashfs").status, 0)
        XCTAssertEqual(try bench.sha256("test.squashfs"), try bench.sha256("b.squashfs"))
    }

    func testAnImageLeadsBackToItsLock() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        try archive.manifest(
            ["late"], more: "[init]\ncommand = \"true\"\n[[step]]\nrun = \"echo mine > /usr/share/mine\"\n")
        XCTAssertEqual(try archive.lock().status, 0)
        let built = try archive.build()
        XCTAssertEqual(built.status, 0, built.errors)
        func draft(_ options: [String] = []) throws -> Workbench.Answer {
            try bench.rtverify(
                ["lock", "draft", "test.squashfs", "-o", "draft.lock", "--keyring", "keyring.gpg"]
                    + ["--suite", "test", "--key", archive.fingerprint] + archive.mirror + options)
        }
        let drafted = try draft()
        XCTAssertEqual(drafted.status, 0, drafted.errors)
        XCTAssertTrue(try bench.read("draft.lock").contains("#   /usr/share/mine\n"), drafted.output)
        func assertTheSameLock() throws {
            let difference = try bench.rtverify(["lock", "diff", "test.lock", "draft.lock"])
            let expected = ["manifest-sha256", "steps", "release", "name"]
            let others = difference.output.split(separator: "\n").filter { line in
                !expected.contains { line.hasPrefix("\($0):") }
            }
            XCTAssertEqual(others, [], difference.output)
        }
        try assertTheSameLock()
        // A version that has left the archive, and is in an older state of it.
        let moved = try bench.run([
            "sh", "-c",
            "mkdir -p snapshot/debian && cp -a archive snapshot/debian/20231114T221320Z && rm archive/pool/early_1.0*",
        ])
        XCTAssertEqual(moved.status, 0, moved.errors)
        try archive.signAnew(["--bump", "--date", "1700001000"])
        let newer = try draft()
        XCTAssertEqual(newer.status, 1, newer.errors)
        XCTAssertTrue(newer.output.contains("found nowhere: early 1.0"), newer.output)
        let older = try draft(["--snapshot", "\(bench.folder)/snapshot"])
        XCTAssertEqual(older.status, 0, older.errors)
        XCTAssertTrue(older.output.contains("test at 20231114T221320Z"), older.output)
        try assertTheSameLock()
    }

    /// An image whose apt names no time was made from a mirror: from the last Release before the image, which the snapshot
    /// archive has some hours later than the mirrors had it.
    func testADraftIsOfTheLastReleaseBeforeTheImage() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        func prepare(_ script: String) throws {
            let done = try bench.run(["sh", "-e", "-c", script])
            XCTAssertEqual(done.status, 0, done.errors)
        }
        // The snapshot archive at 1700003600, when the image was made; six hours later; twelve hours later.
        try prepare("mkdir -p snapshot/debian && cp -a archive snapshot/debian/20231114T231320Z")
        // The real one answers for every time, that of the Release too, where the index is fetched.
        try prepare("ln -s 20231114T231320Z snapshot/debian/20231114T221320Z")
        try archive.signAnew(["--bump", "--date", "1700001000"])
        try prepare("cp -a archive snapshot/debian/20231115T051320Z")
        try archive.manifest(["early"])
        XCTAssertEqual(try archive.lock().status, 0)
        let built = try archive.build()
        XCTAssertEqual(built.status, 0, built.errors)
        try prepare("rm archive/pool/early_2.0*")
        try archive.signAnew(["--date", "1700009000"])
        try prepare(
            """
            cp -a archive snapshot/debian/20231115T111320Z
            unsquashfs -q -n -d image test.squashfs && rm image/etc/apt/sources.list
            mksquashfs image other.squashfs -comp zstd -Xcompression-level 9 -mkfs-time 1700003600 -quiet -no-progress
            """)
        func draft() throws -> Workbench.Answer {
            try bench.rtverify(
                ["lock", "draft", "other.squashfs", "-o", "draft.lock", "--keyring", "keyring.gpg"]
                    + ["--suite", "test", "--key", archive.fingerprint, "--snapshot", "\(bench.folder)/snapshot"]
                    + archive.mirror)
        }
        let drafted = try draft()
        XCTAssertEqual(drafted.status, 0, drafted.errors + drafted.output)
        XCTAssertTrue(drafted.output.contains("test at 20231114T223000Z\n"), drafted.output)
        let difference = try bench.lockDifference("test.lock", "draft.lock")
        XCTAssertEqual(difference.packages.map(\.name), [])
        XCTAssertEqual(difference.others.filter { $0.hasPrefix("archive ") }, [])

        // What the image's apt names counts more, in either format; what it has of third parties doesn't.
        try prepare("mkdir image/etc/apt/sources.list.d")
        try bench.write(
            "Types: deb\nURIs: https://example.org/archive/debian/20231114T231320Z/\nSuites: test\nComponents: main\n",
            to: "image/etc/apt/sources.list.d/test.sources")
        try bench.write(
            "deb [arch=amd64 trusted=yes signed-by=/x] https://example.org/debian bookworm stable\n",
            to: "image/etc/apt/sources.list.d/other.list")
        try prepare("rm other.squashfs && mksquashfs image other.squashfs -mkfs-time 1700003600 -quiet -no-progress")
        let named = try draft()
        XCTAssertTrue(named.output.contains("test at 20231114T221320Z\n"), named.output + named.errors)
    }

    /// The state of a suite at a time, from a stand-in for the snapshot archive; the pool that served it is empty by then.
    func testALockIsOfATimeThatIsAskedFor() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        func prepare(_ script: String) throws {
            let done = try bench.run(["sh", "-e", "-c", script])
            XCTAssertEqual(done.status, 0, done.errors)
        }
        try archive.manifest(["early"])
        // The Release's Date is 2023-11-14T22:13:20Z; the snapshot archive took it an hour later, and answers for every time.
        try prepare("mkdir -p snapshot/debian && cp -a archive snapshot/debian/20231114T231320Z")
        try prepare("for t in 20231114T221320Z 20231115T000000Z; do ln -s 20231114T231320Z snapshot/debian/$t; done")
        try archive.signAnew(["--bump", "--date", "1700100000"])
        try prepare("rm archive/pool/early_1.0*")
        XCTAssertEqual(try archive.lock(output: "new.lock").status, 0)
        XCTAssertTrue(try bench.read("new.lock").contains("20231116T020000Z"))
        let snapshot = ["--snapshot", "\(bench.folder)/snapshot"]
        let at = try archive.lock(["--at", "2023-11-15T00:00:00Z"] + snapshot)
        XCTAssertEqual(at.status, 0, at.errors)
        let lock = try bench.read("test.lock")
        XCTAssertTrue(lock.contains("snapshot = \"20231114T221320Z\""), lock)
        XCTAssertTrue(lock.contains("source-date-epoch = 1700000000"), lock)
        XCTAssertEqual(try archive.build(snapshot).status, 0)
        // Nothing of after the time will do, whatever the archive answers with.
        try prepare("ln -s 20231114T231320Z snapshot/debian/20231114T220000Z")
        let before = try archive.lock(["--at", "2023-11-14T22:00:00Z"] + snapshot)
        XCTAssertEqual(before.status, 2, before.errors)
        XCTAssertTrue(before.errors.contains("test has no state of 20231114T220000Z"), before.errors)
        for (time, words) in [("yesterday", "is no time"), ("2999-01-01", "still to come")] {
            let wrong = try archive.lock(["--at", time])
            XCTAssertEqual(wrong.status, 64, wrong.errors)
            XCTAssertTrue(wrong.errors.contains(words), wrong.errors)
        }
        // Expired, or gone: the error names what helps.
        try archive.signAnew(["--expired"])
        let expired = try archive.lock()
        XCTAssertEqual(expired.status, 2, expired.errors)
        XCTAssertTrue(expired.errors.contains("--at TIME"), expired.errors)
        try prepare("rm -r archive/dists")
        let missing = try archive.lock()
        XCTAssertEqual(missing.status, 2, missing.errors)
        XCTAssertTrue(missing.errors.contains("no mirror has test; pass --at TIME"), missing.errors)
    }

    /// A release that has ended is locked as it was last, or as it is locked already, where its suites have gone.
    func testAReleaseThatHasEndedIsLockedAsItWasLast() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        func prepare(_ script: String) throws {
            let done = try bench.run(["sh", "-e", "-c", script])
            XCTAssertEqual(done.status, 0, done.errors)
        }
        try archive.manifest(["early"])
        try bench.write(
            try bench.read("runtime.toml").replacingOccurrences(
                of: "system = \"debian\"\nrelease = \"test\"", with: "system = \"debian\"\nrelease = \"buster\""),
            to: "runtime.toml")
        try prepare("mkdir -p snapshot/debian && cp -a archive snapshot/debian/20240630T235959Z")
        try prepare("ln -s 20240630T235959Z snapshot/debian/20231114T221320Z")
        let snapshot = ["--snapshot", "\(bench.folder)/snapshot"]
        // While its suites are there, nothing is said.
        let there = try archive.lock(snapshot, output: "there.lock")
        XCTAssertEqual(there.status, 0, there.errors)
        XCTAssertFalse(there.errors.contains("support ended"), there.errors)
        try archive.signAnew(["--expired", "--bump"])
        let toolchain = try bench.read("runtime.toml")
        // The toolchain's suite, of no release that has ended, is another archive's of the same name here.
        try bench.write(
            toolchain.replacingOccurrences(
                of: "[toolchain]\nrelease = \"test\"", with: "[toolchain]\nrelease = \"buster\""),
            to: "runtime.toml")
        // Two servers: a mirror whose suite has expired and whose pool is empty, and one that plays the snapshot archive.
        try prepare("rm -r archive/pool && mkdir archive/pool")
        var ended = Workbench.Answer(status: -1, output: "", errors: "")
        try Server.serving("\(bench.folder)/archive", "") { mirror in
            try Server.serving("\(bench.folder)/snapshot", "") { snapshots in
                let servers = ["--only-mirror", "--mirror", mirror, "--snapshot", snapshots]
                ended = try bench.rtverify(
                    ["lock", "runtime.toml", "-o", "test.lock", "--keyring", "keyring.gpg"] + servers)
                let built = try bench.rtverify(
                    ["build", "--lock", "test.lock", "-o", "test.squashfs"] + servers, store: "another")
                XCTAssertEqual(built.status, 0, built.errors)
            }
        }
        XCTAssertEqual(ended.status, 0, ended.errors)
        XCTAssertTrue(ended.errors.contains("buster's support ended on 2024-06-30, and test expired on"), ended.errors)
        XCTAssertTrue(ended.errors.contains("locked at its last state, of 20231114T221320Z"), ended.errors)
        XCTAssertTrue(try bench.read("test.lock").contains("version = \"1.0\""))
        // What is locked already is of a later time than the end of support.
        try prepare("rm -r archive/dists")
        let lock = try bench.read("test.lock")
        let gone = try bench.rtverify(
            ["lock", "update", "runtime.toml", "-o", "test.lock", "--keyring", "keyring.gpg"] + archive.mirror
                + snapshot)
        XCTAssertEqual(gone.status, 0, gone.errors)
        XCTAssertTrue(gone.errors.contains("is on no mirror any more"), gone.errors)
        XCTAssertEqual(try bench.read("test.lock"), lock)
    }

    func testTemplatesAreTheRuntimesAndLock() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        for template in [
            "debian-12-minimal", "aleph-debian-12-python", "aleph-debian-11-python-node", "alpine-minimal",
            "python-volume", "tarball", "empty",
        ] {
            let made = try bench.rtverify(["init", "--template", template, "runtimes/my-\(template)"])
            XCTAssertEqual(made.status, 0, made.errors)
            let text = try bench.read("runtimes/my-\(template)/runtime.toml")
            XCTAssertTrue(text.contains("name = \"my-\(template)\""), text)
            let runtime = template == "python-volume" ? "example-python-volume" : template
            let path = "\(Workbench.checkout)/runtimes/\(runtime)/runtime.toml"
            if let own = try? String(contentsOfFile: path, encoding: .utf8) {
                XCTAssertEqual(text.replacingOccurrences(of: "my-\(template)", with: runtime), own)
            }
            let again = try bench.rtverify(["init", "--template", template, "runtimes/my-\(template)"])
            XCTAssertEqual(again.status, 2)
            XCTAssertTrue(again.errors.contains("runtime.toml"), again.errors)
        }
        XCTAssertEqual(try bench.rtverify(["init", "--template", "nonsense", "x"]).status, 64)
        let archive = try TestArchive()
        defer { archive.bench.remove() }
        try archive.manifest([])
        let toolchain = try archive.bench.read("runtime.toml").split(separator: "[toolchain]")[1]
        let empty = try bench.read("runtimes/my-empty/runtime.toml")
        try bench.write(empty + "\n[toolchain]\(toolchain)", to: "runtimes/my-empty/runtime.toml")
        let locked = try bench.rtverify(
            [
                "lock", "runtimes/my-empty/runtime.toml", "-o", "e.lock", "--keyring",
                "\(archive.bench.folder)/keyring.gpg",
            ]
                + archive.mirror)
        XCTAssertEqual(locked.status, 0, locked.errors)
        let built = try bench.rtverify(["build", "--lock", "e.lock", "-o", "e.squashfs"] + archive.mirror)
        XCTAssertEqual(built.status, 0, built.errors)
        XCTAssertTrue(
            try bench.run(["unsquashfs", "-cat", "e.squashfs", "bin/hello"]).output.contains(
                "Hello from a reproducible"))
    }
}

import Foundation
import XCTest

/// Archives of other people: each has one key, one server on loopback, and the packages that a manifest lets it give.
final class ThirdPartyTests: XCTestCase {
    /// An archive of Debian's kind, and beside it others.
    private final class Place {
        let archive: TestArchive
        var bench: Workbench { archive.bench }

        init() throws { archive = try TestArchive() }

        func make(_ name: String, _ suite: String, _ more: String...) throws {
            let script = "\(Workbench.sources)/Fixtures/make_third_party.py"
            let made = try bench.run(["python3", script, "\(bench.folder)/\(name)", suite] + more)
            XCTAssertEqual(made.status, 0, made.errors)
        }

        /// A manifest's `[[archive]]`.
        func entry(
            _ name: String, at url: String, suite: String = "stable", key: String? = nil, more: String = ""
        ) -> String {
            """
            [[archive]]
            name = "\(name)"
            url = "\(url)"
            suite = "\(suite)"
            key = "\(key ?? "\(name).asc")"
            \(suite.hasSuffix("/") ? "" : "components = [\"main\"]")
            \(more)

            """
        }

        /// The lock's package entries: `NAME VERSION ARCHIVE`.
        func packages(_ lock: String = "test.lock") throws -> [String] {
            try bench.read(lock).components(separatedBy: "\n[[").filter { $0.hasPrefix("package]]") }.map { block in
                ["name", "version", "archive"].compactMap { key in
                    block.split(separator: "\n").first { $0.hasPrefix("\(key) = ") }?.split(separator: "\"")[1]
                }.joined(separator: " ")
            }
        }

        func verify(_ lock: String = "test.lock") throws -> Workbench.Answer {
            try bench.rtverify(["lock", "verify", lock, "--keyring", "\(bench.folder)/keyring.gpg"])
        }
    }

    func testPackagesOfAnotherArchiveAreLockedVerifiedAndBuilt() throws {
        let place = try Place()
        let bench = place.bench
        defer { bench.remove() }
        try place.make("one", "stable")
        try Server.serving("\(bench.folder)/one", "") { url in
            try place.archive.manifest(["tool", "late"], more: place.entry("one", at: "\(url)/"))
            let locked = try place.archive.lock()
            XCTAssertEqual(locked.status, 0, locked.errors)
            XCTAssertTrue(
                locked.errors.contains("one (\(url) stable) gives what Debian has too: early;"), locked.errors)
            // Of two archives with one version apt takes Debian's, which is named first.
            XCTAssertEqual(try place.packages(), ["base 1.0 test", "early 3.0 one", "late 1.0 test", "tool 1.0 one"])
            XCTAssertTrue(try bench.read("test.lock").contains("version = 5\n"))
            XCTAssertTrue(try bench.read("test.lock").contains("url = \"\(url)\"\nkey = \"one.asc\"\n"))
            XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "test.lock"]).status, 0)
            let built = try place.archive.build(["--check"])
            XCTAssertEqual(built.status, 0, built.errors)
        }
        // The server is gone: what is locked is derived from the store alone.
        let verified = try place.verify()
        XCTAssertEqual(verified.status, 0, verified.errors)
        let fingerprint = try bench.read("one.fingerprint")
        XCTAssertTrue(
            verified.output.contains("signed by \(fingerprint), gives early, tool"), verified.output + verified.errors)
        XCTAssertEqual(
            try bench.run(["unsquashfs", "-q", "-n", "-d", "tree", "test.squashfs", "etc", "usr/share"]).status, 0)
        XCTAssertEqual(try bench.read("tree/etc/apt/keyrings/one.asc"), try bench.read("one.asc"))
        XCTAssertTrue(
            try bench.read("tree/etc/apt/sources.list.d/one.list").hasPrefix(
                "deb [signed-by=/etc/apt/keyrings/one.asc] http://127.0.0.1:"))
        XCTAssertEqual(try bench.read("tree/usr/share/one/tool"), "tool 1.0 of one\n")
        if getuid() == 0 {
            XCTAssertEqual(try TestUser.imageHash(of: "test.lock", bench), try bench.sha256("test.squashfs"))
        }
        try checkForgeries(place, fingerprint)
    }

    /// What a lock can't say of such an archive.
    private func checkForgeries(_ place: Place, _ fingerprint: String) throws {
        let bench = place.bench
        let text = try bench.read("test.lock")
        for (old, new, reason) in [
            ("overrides = [\"early\"]\n", "", "'overrides' isn't what it gives although Debian has it: early"),
            (
                "\"\(fingerprint)\"", "\"\(place.archive.fingerprint)\"",
                "one.asc holds the keys \(fingerprint), and not"
            ),
            ("url = \"http:", "url = \"http://user:word@example.org\"\n# ", "'archive[0].url'"),
            ("version = 5", "version = 4", "what comes with 5"),
            ("key = \"one.asc\"", "prefer = 2000\nkey = \"one.asc\"", "'archive[0].prefer' is 2000"),
        ] {
            XCTAssertTrue(text.contains(old), old)
            try bench.write(text.replacing(old, with: new), to: "forged.lock")
            let answer = try place.verify("forged.lock")
            XCTAssertNotEqual(answer.status, 0, old)
            XCTAssertTrue(answer.errors.contains(reason), answer.errors)
        }
        // Another key than the manifest's file.
        try bench.write(try bench.read("two.asc", or: "one.asc") + "\n", to: "one.asc")
        XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "test.lock"]).status, 1)
    }

    func testWhatAnArchiveGivesIsLimitedAndPreferred() throws {
        let place = try Place()
        let bench = place.bench
        defer { bench.remove() }
        try place.make("one", "stable")
        try Server.serving("\(bench.folder)/one", "") { url in
            func lock(_ packages: [String], _ more: String = "") throws -> Workbench.Answer {
                try place.archive.manifest(packages, more: place.entry("one", at: url, more: more))
                return try place.archive.lock()
            }
            // apt's own rules: the newest, and Debian's where both have it.
            XCTAssertEqual(try lock(["early", "late"]).status, 0)
            XCTAssertEqual(try place.packages(), ["base 1.0 test", "early 3.0 one", "late 1.0 test"])
            XCTAssertEqual(try lock(["early", "late"], "prefer = 100").status, 0)
            XCTAssertEqual(try place.packages(), ["base 1.0 test", "early 1.0 test", "late 1.0 test"])
            try bench.write(try bench.read("test.lock"), to: "old.lock")
            XCTAssertEqual(try lock(["early", "late"], "prefer = 990").status, 0)
            XCTAssertEqual(try place.packages(), ["base 1.0 test", "early 3.0 one", "late 1.0 one"])
            XCTAssertEqual(try place.verify().status, 0)
            let difference = try bench.lockDifference("old.lock", "test.lock").others.joined(separator: "\n")
            XCTAssertTrue(
                difference.contains(
                    "archive one (\(url) stable) gives what Debian has too: [] -> [\"early\", \"late\"]"),
                difference)
            XCTAssertTrue(difference.contains("archive one (\(url) stable) prefer: 100 -> 990"), difference)
            // What it marks as essential is nobody's wish; and of what it may not give nothing is taken.
            let limited = try lock(["late"], "prefer = 990\npackages = [\"tool\"]")
            XCTAssertEqual(limited.status, 0, limited.errors)
            XCTAssertEqual(try place.packages(), ["base 1.0 test", "early 1.0 test", "late 1.0 test"])
            let short = try lock(["tool"], "packages = [\"tool\"]")
            XCTAssertEqual(short.status, 2)
            XCTAssertTrue(short.errors.contains("tool : Depends: early (>= 2.0)"), short.errors)
            // By the archive's name, and by its suite.
            for wish in ["early/one", "early/stable"] {
                XCTAssertEqual(try lock([wish], "prefer = 100").status, 0)
                XCTAssertEqual(try place.packages(), ["base 1.0 test", "early 3.0 one"], wish)
                XCTAssertEqual(try place.verify().status, 0)
            }
            // What its Release says of itself is apt's to heed: of such an archive nothing is taken by itself (NotAutomatic).
            try place.make("one", "stable", "not-automatic")
            XCTAssertEqual(try lock(["early"]).status, 0)
            XCTAssertEqual(try place.packages(), ["base 1.0 test", "early 1.0 test"])
            XCTAssertEqual(try lock(["early"], "prefer = 990").status, 0)
            XCTAssertEqual(try place.packages(), ["base 1.0 test", "early 3.0 one"])
            let missing = try lock(["early=9"])
            XCTAssertTrue(
                missing.errors.contains("no version 9 of 'early'; there are 1.0 (test), 3.0 (one)"), missing.errors)
        }
    }

    /// What isn't named stays what it was: by its bytes, as another archive may have another package of that version; and what
    /// an archive gives although Debian has it is said anew.
    func testAnUpdateHoldsWhatItIsOfWhereItIsFrom() throws {
        let place = try Place()
        let bench = place.bench
        defer { bench.remove() }
        // Signed apart from its Release, as older tools do.
        try place.make("one", "stable", "detached")
        try Server.serving("\(bench.folder)/one", "") { url in
            func manifest(_ more: String) throws {
                try place.archive.manifest(["late", "tool"], more: place.entry("one", at: url, more: more))
            }
            try manifest("prefer = 990")
            let locked = try place.archive.lock()
            XCTAssertEqual(locked.status, 0, locked.errors)
            let before = ["base 1.0 test", "early 3.0 one", "late 1.0 one", "tool 1.0 one"]
            XCTAssertEqual(try place.packages(), before)
            let late = try bench.sha256("one/pool/late_1.0_amd64.deb")
            try place.make("one", "stable", "detached", "2.0")
            func update(_ name: String) throws -> Workbench.Answer {
                try bench.rtverify(
                    ["lock", "update", "runtime.toml", name, "-o", "test.lock", "--keyring", "keyring.gpg"]
                        + place.archive.mirror)
            }
            let first = try update("early")
            XCTAssertEqual(first.status, 0, first.errors)
            XCTAssertEqual(
                try place.packages(), before.dropLast() + ["tool 1.0 one@20231114T221500Z"])
            XCTAssertTrue(try bench.read("test.lock").contains(late))
            let verified = try place.verify()
            XCTAssertEqual(verified.status, 0, verified.errors)
            XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "test.lock"]).status, 0)
            // With another limit it is another archive: what came from it moves, and that is said.
            try manifest("packages = [\"tool\", \"early\"]")
            let narrower = try update("early")
            XCTAssertEqual(narrower.status, 0, narrower.errors)
            XCTAssertTrue(
                narrower.errors.contains("is not as it was in the manifest: what came from it moves"), narrower.errors)
            XCTAssertEqual(try place.packages(), ["base 1.0 test", "early 3.0 one", "late 1.0 test", "tool 2.0 one"])
            XCTAssertEqual(try place.verify().status, 0)
            XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "test.lock"]).status, 0)
            // An empty store: keys come from beside the manifest, the rest from the servers.
            let anew = try bench.rtverify(
                ["lock", "verify", "--fetch", "test.lock", "--keyring", "keyring.gpg"] + place.archive.mirror,
                store: "empty")
            XCTAssertEqual(anew.status, 0, anew.errors)
            XCTAssertEqual(try bench.run(["rm", "one.asc"]).status, 0)
            let missing = try bench.rtverify(
                ["lock", "verify", "test.lock", "--keyring", "keyring.gpg"], store: "none")
            XCTAssertEqual(missing.status, 2)
            XCTAssertTrue(missing.errors.contains("the lock's file 'one.asc'"), missing.errors)
        }
    }

    func testTwoArchivesMayHaveSuitesOfOneNameAndBeFlat() throws {
        let place = try Place()
        let bench = place.bench
        defer { bench.remove() }
        // One is called as Debian's suite is.
        try place.make("one", "test")
        try place.make("two", "/", "", "2.0")
        try Server.serving("\(bench.folder)/one", "") { first in
            try Server.serving("\(bench.folder)/two", "") { second in
                let entries =
                    place.entry("1st.example", at: first, suite: "test", key: "one.gpg")
                    + place.entry("two", at: second, suite: "/", more: "packages = [\"tool\"]")
                // By a name that apt would take for a version.
                try place.archive.manifest(["tool", "early/1st.example"], more: entries)
                let locked = try place.archive.lock()
                XCTAssertEqual(locked.status, 0, locked.errors)
                XCTAssertEqual(try place.packages(), ["base 1.0 test", "early 3.0 1st.example", "tool 2.0 two"])
                let verified = try place.verify()
                XCTAssertEqual(verified.status, 0, verified.errors)
                let built = try place.archive.build()
                XCTAssertEqual(built.status, 0, built.errors)
                let sources = try bench.run([
                    "unsquashfs", "-cat", "test.squashfs", "etc/apt/sources.list.d/1st.example.list",
                    "etc/apt/sources.list.d/two.list",
                ])
                XCTAssertEqual(
                    sources.output,
                    "deb [signed-by=/etc/apt/keyrings/1st.example.gpg] \(first) test main\n"
                        + "deb [signed-by=/etc/apt/keyrings/two.asc] \(second) /\n")
                // Only what is named moves, and no archive goes back.
                try place.make("one", "test", "", "1.5")
                try place.make("two", "/", "", "3.0")
                let update = ["lock", "update", "runtime.toml", "-o", "test.lock", "--keyring", "keyring.gpg"]
                for (name, tool) in [("early", "tool 2.0 two@20231114T221640Z"), ("tool", "tool 3.0 two")] {
                    let part = try bench.rtverify(update + [name] + place.archive.mirror)
                    XCTAssertEqual(part.status, 0, part.errors)
                    XCTAssertEqual(try place.packages(), ["base 1.0 test", "early 3.0 1st.example", tool])
                    XCTAssertEqual(try place.verify().status, 0)
                    XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "test.lock"]).status, 0)
                    XCTAssertEqual(try place.archive.build().status, 0)
                }
                try place.make("two", "/", "", "2.0")
                let back = try bench.rtverify(update + place.archive.mirror)
                XCTAssertEqual(back.status, 2, back.errors)
                XCTAssertTrue(back.errors.contains("two (\(second) /) is of"), back.errors)
            }
        }
    }

    func testAKeyHoldsForItsOwnArchiveOnly() throws {
        let place = try Place()
        let bench = place.bench
        defer { bench.remove() }
        try place.make("one", "stable")
        try place.make("two", "stable")
        let fingerprint = try bench.read("one.fingerprint")
        try Server.serving("\(bench.folder)/one", "") { url in
            func lock(_ key: String, _ options: [String] = [], more: String = "") throws -> Workbench.Answer {
                try place.archive.manifest(["tool"], more: place.entry("one", at: url, key: key) + more)
                return try place.archive.lock(options)
            }
            let other = try lock("two.asc")
            XCTAssertEqual(other.status, 2)
            XCTAssertTrue(
                other.errors.contains("the Release of one (\(url) stable) is not trusted: its keys ("), other.errors)
            XCTAssertTrue(other.errors.contains("not in two.asc, which holds"), other.errors)
            // Debian's key isn't looked at for it.
            XCTAssertEqual(try lock("keyring.gpg").status, 2)
            // Nor is its own for Debian's.
            let both = try bench.run(["sh", "-c", "cat one.gpg >> keyring-one.gpg; cat keyring.gpg >> keyring-one.gpg"])
            XCTAssertEqual(both.status, 0)
            try place.archive.manifest(["late"], more: place.entry("one", at: url), keys: [fingerprint])
            let foreign = try place.archive.lock(["--keyring", "\(bench.folder)/keyring-one.gpg"])
            XCTAssertTrue(foreign.errors.contains("the Release of test is not trusted"), foreign.errors)
            // A fingerprint, whose key is in a keyring.
            XCTAssertTrue(try lock(fingerprint).errors.contains("--keyring"), "no keyring has it")
            let known = try lock(fingerprint, ["--keyring", "\(bench.folder)/one.asc"])
            XCTAssertEqual(known.status, 0, known.errors)
            XCTAssertFalse(try bench.read("test.lock").contains("key-sha256"))
            XCTAssertEqual(try place.archive.build().status, 0)
            let again = try bench.rtverify(
                ["lock", "verify", "test.lock", "--keyring", "one.asc", "--keyring", "keyring.gpg"])
            XCTAssertEqual(again.status, 0, again.errors)
            let list = try bench.run(["unsquashfs", "-cat", "test.squashfs", "etc/apt/sources.list.d/one.list"])
            XCTAssertEqual(list.output, "deb [signed-by=\(fingerprint)] \(url) stable main\n")

            try bench.write("no key\n", to: "bad.asc")
            XCTAssertTrue(try lock("bad.asc").errors.contains("bad.asc holds no OpenPGP public key"))
            for (form, reason) in [
                ("unsigned", "its keys ("), ("expired", "server may be replaying an old state"), ("renamed", ""),
            ] {
                try place.make("one", "stable", form)
                let answer = try lock("one.asc")
                XCTAssertEqual(answer.status, reason.isEmpty ? 0 : 2, answer.errors)
                XCTAssertTrue(reason.isEmpty || answer.errors.contains(reason), answer.errors)
                // apt takes it all the same.
                if form == "renamed" { XCTAssertTrue(answer.errors.contains("calls itself other"), answer.errors) }
            }
        }
    }

    func testPackagesOfOnesOwnAreInstalledWithWhatTheyNeed() throws {
        let place = try Place()
        let bench = place.bench
        defer { bench.remove() }
        // Built elsewhere, as their makers would.
        try place.make("one", "/")
        XCTAssertEqual(try bench.run(["cp", "-r", "one/pool", "dist"]).status, 0)
        func manifest(_ packages: [String], _ files: [String]) throws {
            try place.archive.manifest(packages)
            let names = files.map { "\"dist/\($0).deb\"" }.joined(separator: ", ")
            try bench.write(
                try bench.read("runtime.toml").replacing("[toolchain]", with: "files = [\(names)]\n[toolchain]"),
                to: "runtime.toml")
        }
        // Debian has the very same version of `late`; it is the user's own that is asked for.
        try manifest(["common"], ["late_1.0_amd64", "tool_1.0_amd64", "early_3.0_amd64"])
        let locked = try place.archive.lock()
        XCTAssertEqual(locked.status, 0, locked.errors)
        XCTAssertEqual(try place.packages(), ["base 1.0 test", "common 1.0 test", "early 3.0", "late 1.0", "tool 1.0"])
        XCTAssertTrue(try bench.read("test.lock").contains("version = 5\n"))
        // Nothing is signed about them: that is said.
        let verified = try place.verify()
        XCTAssertEqual(verified.status, 0, verified.errors)
        XCTAssertTrue(verified.output.contains("test.lock: 4 packages follow from 1 signed archives"), verified.output)
        XCTAssertTrue(
            verified.output.contains(
                "late 1.0 is the user's own, dist/late_1.0_amd64.deb, sha256 "
                    + "\(try bench.sha256("dist/late_1.0_amd64.deb")); Debian has that package too"), verified.output)
        XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "test.lock"]).status, 0)
        let built = try place.archive.build(["--check"])
        XCTAssertEqual(built.status, 0, built.errors)
        XCTAssertEqual(
            try bench.run(["unsquashfs", "-cat", "test.squashfs", "usr/share/one/late"]).output, "late 1.0 of one\n")
        // A build elsewhere takes them from beside the manifest, and from nowhere else.
        XCTAssertEqual(try place.archive.build(store: "other", image: "other.squashfs").status, 0)
        XCTAssertEqual(try bench.sha256("other.squashfs"), try bench.sha256("test.squashfs"))
        let moved = try bench.rtverify(
            ["lock", "update", "runtime.toml", "common", "-o", "test.lock", "--keyring", "keyring.gpg"]
                + place.archive.mirror)
        XCTAssertEqual(moved.status, 0, moved.errors)

        try bench.write(
            try bench.read("test.lock").replacing("version = \"3.0\"", with: "version = \"3.1\""), to: "forged.lock")
        XCTAssertTrue(
            try place.verify("forged.lock").errors.contains("early 3.1 amd64 is not in dist/early_3.0_amd64.deb"))
        XCTAssertEqual(try bench.run(["cp", "dist/late_1.0_amd64.deb", "dist/early_3.0_amd64.deb"]).status, 0)
        XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "test.lock"]).status, 1)
        let gone = try place.archive.build(store: "third", image: "third.squashfs")
        XCTAssertEqual(gone.status, 2)
        XCTAssertTrue(gone.errors.contains("the lock's file 'dist/early_3.0_amd64.deb'"), gone.errors)

        try manifest(["tool=2.0"], ["tool_1.0_amd64"])
        let both = try place.archive.lock(output: "no.lock")
        XCTAssertTrue(
            both.errors.contains("'packages.install' asks for 'tool=2.0', and 'packages.files' has a file of that"),
            both.errors)
        try bench.write("no package\n", to: "dist/text.deb")
        for (files, reason) in [
            (["late_1.0_amd64", "early_3.0_amd64"], "is another file of the package late"),
            (["tool_1.0_amd64"], "tool : Depends: early (>= 2.0)"),
            (["tool_9.0_arm64"], "dist/tool_9.0_arm64.deb is for arm64; the machines are amd64"),
            (["text"], "dist/text.deb is not a Debian package"),
            (["nothing"], "dist/nothing.deb, which the manifest names"),
            (["../late"], "'packages.files' is 'dist/../late.deb'"),
        ] {
            try manifest([], files)
            let answer = try place.archive.lock(output: "no.lock")
            XCTAssertEqual(answer.status, 2, "\(files)")
            XCTAssertTrue(answer.errors.contains(reason), answer.errors)
        }
    }

    func testAnArchiveIsWrittenAsItCanBe() throws {
        let archive = try TestArchive()
        defer { archive.bench.remove() }
        try archive.bench.write("", to: "a.asc")
        for (lines, reason) in [
            ("url = \"https://user:word@example.org\"", "auth.conf"),
            ("url = \"ftp://example.org\"", "'archive[0].url' is 'ftp://example.org'; expected an http(s) URL"),
            ("url = \"https://example.org\"\nsuite = \"a\"", "has no 'components'"),
            ("url = \"https://example.org\"\nsuite = \"/\"\ncomponents = [\"main\"]", "is a flat repository"),
            ("url = \"https://example.org\"\nname = \"test\"", "two archives are called 'test'"),
            ("url = \"https://example.org\"\nprefer = 1001", "1 to 1000"),
            ("url = \"https://example.org\"\npackages = []", "names of Debian packages"),
            ("url = \"https://example.org\"\nkye = \"a\"", "did you mean 'archive[0].key'"),
        ] {
            let suite = lines.contains("suite = ") ? "" : "suite = \"a\"\ncomponents = [\"main\"]\n"
            try archive.manifest(["late"], more: "[[archive]]\n\(lines)\n\(suite)key = \"a.asc\"\n")
            let answer = try archive.lock()
            XCTAssertEqual(answer.status, 2, lines)
            XCTAssertTrue(answer.errors.contains(reason), answer.errors)
        }
        try archive.manifest(
            ["late"],
            more: "[[archive]]\nurl = \"http://127.0.0.1:9\"\nsuite = \"/\"\nkey = \"keyring.gpg\"\n")
        let gone = try archive.lock()
        XCTAssertEqual(gone.status, 2)
        XCTAssertTrue(gone.errors.contains("the archive 127.0.0.1-9 (http://127.0.0.1:9 /) can't be had"), gone.errors)
    }
}

extension Workbench {
    fileprivate func read(_ path: String, or other: String) throws -> String {
        try read(exists(path) ? path : other)
    }
}

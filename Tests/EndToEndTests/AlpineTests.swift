import Foundation
import XCTest

/// Alpine bases, from the real minirootfs (which lies beside the checkout) and packages that the test makes and signs.
final class AlpineTests: XCTestCase {
    private static let programs = """
        int puts(const char *);
        int main(void) { puts("hello"); return 0; }
        """

    /// A mirror with the real minirootfs and a repository of ours, beside an archive that the packer comes from.
    private func mirror(_ options: [String] = []) throws -> TestArchive {
        try AlpineMirror.require()
        let archive = try TestArchive()
        let bench = archive.bench
        try bench.write(Self.programs, to: "hello.c")
        let made = try bench.run([
            "sh", "-c",
            """
            set -e
            mkdir -p 'mirror/v3.20/releases/x86_64'
            cp '\(AlpineMirror.folder)/\(AlpineMirror.minirootfs)' 'mirror/\(AlpineMirror.minirootfs)'
            gcc -static -O1 -o mirror/hello-static hello.c
            musl-gcc -O1 -o mirror/hello-musl hello.c
            python3 '\(Workbench.sources)/Fixtures/make_apks.py' mirror test.rsa.pub
            cp mirror/test.rsa.pub .
            """,
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        if !options.isEmpty { try sign(bench, options) }
        try archive.alpineManifest()
        return archive
    }

    private func sign(_ bench: Workbench, _ options: [String]) throws {
        let signed = try bench.run(
            ["python3", "\(Workbench.sources)/Fixtures/make_apks.py", "mirror", "test.rsa.pub"] + options)
        XCTAssertEqual(signed.status, 0, signed.errors)
    }

    private func lock(_ archive: TestArchive, _ options: [String] = []) throws -> Workbench.Answer {
        try archive.lock(["--mirror", "mirror"] + options, output: "alpine.lock")
    }

    private func build(
        _ archive: TestArchive, _ options: [String] = [], lock: String = "alpine.lock", image: String = "a.squashfs"
    ) throws -> Workbench.Answer {
        try archive.bench.rtverify(
            ["build", "--lock", lock, "-o", image, "--mirror", "mirror"] + archive.mirror + options)
    }

    private func draft(_ archive: TestArchive, _ options: [String] = []) throws -> Workbench.Answer {
        try archive.bench.rtverify(
            ["lock", "draft", "a.squashfs", "-o", "draft.lock", "--keyring", "keyring.gpg"]
                + ["--suite", "test", "--key", archive.fingerprint, "--mirror", "mirror"] + archive.mirror + options)
    }

    func testPackagesAreInstalledAsApkAddDoes() throws {
        let archive = try mirror()
        let bench = archive.bench
        defer { bench.remove() }
        let locked = try lock(archive)
        XCTAssertEqual(locked.status, 0, locked.errors)
        let text = try bench.read("alpine.lock")
        XCTAssertTrue(text.contains("release = \"3.20.3\""))
        for name in ["rtv-programs-2.1-r3.apk", "rtv-library-1.0-r0.apk"] {
            XCTAssertTrue(text.contains(try bench.sha256("mirror/v3.20/main/x86_64/\(name)")), name)
        }
        XCTAssertFalse(text.contains("rtv-unwanted"))
        let again = try lock(archive)
        XCTAssertEqual(again.status, 0, again.errors)
        XCTAssertEqual(try bench.read("alpine.lock"), text)

        let built = try build(archive, ["--check"])
        XCTAssertEqual(built.status, 0, built.errors)
        let audit = try bench.rtverify(["audit", "--runtime", "a.squashfs"])
        XCTAssertEqual(audit.status, 0, audit.output)
        if getuid() == 0 {
            XCTAssertEqual(try TestUser.imageHash(of: "alpine.lock", bench), try bench.sha256("a.squashfs"))
            try compareWithApk(bench)
        }
    }

    func testVersionsAreAskedForAndSignaturesMayBeOverSHA256() throws {
        let archive = try mirror(["--sha256"])
        let bench = archive.bench
        defer { bench.remove() }
        let manifest = try bench.read("runtime.toml")
        func locked(_ wish: String) throws -> Workbench.Answer {
            try bench.write(manifest.replacingOccurrences(of: "rtv-programs", with: wish), to: "runtime.toml")
            return try lock(archive)
        }
        for (wish, version) in [("rtv-programs~2.1", "4"), ("rtv-programs=2.1-r3", "4"), ("rtv-programs", "2")] {
            let answer = try locked(wish)
            XCTAssertEqual(answer.status, 0, answer.errors)
            XCTAssertTrue(try bench.read("alpine.lock").contains("version = \(version)\n"), wish)
        }
        XCTAssertEqual(try locked("rtv-programs=2.1-r3").status, 0)
        let verified = try bench.rtverify(["lock", "verify", "alpine.lock", "--offline", "--keyring", "keyring.gpg"])
        XCTAssertEqual(verified.status, 0, verified.errors)
        let built = try build(archive)
        XCTAssertEqual(built.status, 0, built.errors)
        XCTAssertTrue(
            try bench.run(["unsquashfs", "-cat", "a.squashfs", "etc/apk/world"]).output.contains(
                "rtv-programs=2.1-r3\n"))
        let impossible = try locked("rtv-programs=9.9-r9")
        XCTAssertEqual(impossible.status, 2, impossible.errors)
        XCTAssertTrue(impossible.errors.contains("rtv-programs-2.1-r3"), impossible.errors)
        // A byte of the index: the signature is over all of it.
        let index = "mirror/v3.20/main/x86_64/APKINDEX.tar.gz"
        let broken = try bench.run([
            "python3", "-c",
            "p='\(index)'; b=bytearray(open(p,'rb').read()); b[-9]^=1; open(p,'wb').write(b)",
        ])
        XCTAssertEqual(broken.status, 0, broken.errors)
        let bad = try locked("rtv-programs")
        XCTAssertEqual(bad.status, 2, bad.errors)
        try bench.write("ADBd\u{0}apk 3's", to: index)
        let newer = try locked("rtv-programs")
        XCTAssertEqual(newer.status, 2, newer.errors)
        XCTAssertTrue(newer.errors.contains("APKINDEX.tar.gz is of apk 3's format (ADB)"), newer.errors)
    }

    /// A repository of other people, with a key of its own: by its tag, or as one of those that apk chooses from.
    func testARepositoryOfOtherPeopleHasItsKeyAndTag() throws {
        let archive = try mirror()
        let bench = archive.bench
        defer { bench.remove() }
        let script = "\(Workbench.sources)/Fixtures/make_apks.py"
        let made = try bench.run([
            "sh", "-c",
            "mkdir other && cp mirror/hello-* other && python3 '\(script)' other other.rsa.pub --newer && cp other/other.rsa.pub .",
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        let plain = try bench.read("runtime.toml")
        try Server.serving("\(bench.folder)/other", "") { address in
            let url = "\(address)/v3.20/main"
            func locked(_ wishes: String, _ lines: String) throws -> Workbench.Answer {
                let entry = "[[repository]]\nurl = \"\(url)/\"\n\(lines)\n[init]"
                try bench.write(
                    plain.replacing("\"rtv-programs\"", with: wishes).replacing("[init]", with: entry),
                    to: "runtime.toml")
                return try lock(archive)
            }
            func library() throws -> String? {
                let blocks = try bench.read("alpine.lock").components(separatedBy: "\n[[")
                return blocks.first { $0.contains("name = \"rtv-library\"\nversion") }
            }
            // Nothing comes from it that isn't asked for by its tag.
            XCTAssertEqual(try locked("\"rtv-programs\"", "tag = \"new\"\nkey = \"other.rsa.pub\"").status, 0)
            XCTAssertTrue(try library()?.contains("version = \"1.0-r0\"\nrepository = \"main\"") == true)
            let tagged = try locked("\"rtv-programs\", \"rtv-library@new\"", "tag = \"new\"\nkey = \"other.rsa.pub\"")
            XCTAssertEqual(tagged.status, 0, tagged.errors)
            XCTAssertTrue(
                try library()?.contains("version = \"2.0-r0\"\nrepository = \"new\"\npath = \"\(url)/x86_64/rtv-")
                    == true)
            XCTAssertTrue(try bench.read("alpine.lock").contains("version = 5\n"))
            try checkTagged(archive, url)
            // One without a tag is one of those that apk takes the newest from.
            XCTAssertEqual(try locked("\"rtv-programs\"", "name = \"another\"\nkey = \"other.rsa.pub\"").status, 0)
            XCTAssertTrue(try library()?.contains("version = \"2.0-r0\"\nrepository = \"another\"") == true)
            let verified = try bench.rtverify(
                ["lock", "verify", "alpine.lock", "--offline", "--keyring", "keyring.gpg"])
            XCTAssertEqual(verified.status, 0, verified.errors)
            let built = try build(archive)
            XCTAssertEqual(built.status, 0, built.errors)
            for (wishes, lines, reason) in [
                (
                    "\"rtv-programs\"", "key = \"test.rsa.pub\"",
                    "it is signed by other.rsa.pub; trusted are test.rsa.pub"
                ),
                ("\"rtv-programs\"", "", "it is signed by other.rsa.pub; trusted are test.rsa.pub"),
                ("\"rtv-library@old\"", "tag = \"new\"\nkey = \"other.rsa.pub\"", "no [[repository]] has that tag"),
                ("\"rtv-programs\"", "name = \"main\"", "two repositories are called 'main'"),
            ] {
                let answer = try locked(wishes, lines)
                XCTAssertEqual(answer.status, 2, lines)
                XCTAssertTrue(answer.errors.contains(reason), answer.errors)
            }
        }
    }

    private func checkTagged(_ archive: TestArchive, _ url: String) throws {
        let bench = archive.bench
        XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "alpine.lock"]).status, 0)
        let verified = try bench.rtverify(["lock", "verify", "alpine.lock", "--offline", "--keyring", "keyring.gpg"])
        XCTAssertEqual(verified.status, 0, verified.errors)
        let built = try build(archive, ["--check"])
        XCTAssertEqual(built.status, 0, built.errors)
        func file(_ path: String) throws -> String { try bench.run(["unsquashfs", "-cat", "a.squashfs", path]).output }
        XCTAssertTrue(
            try file("etc/apk/repositories").hasSuffix(
                "/main\nhttps://dl-cdn.alpinelinux.org/alpine/v3.20/community\n@new \(url)\n"))
        XCTAssertTrue(try file("etc/apk/world").contains("rtv-library@new\n"))
        XCTAssertEqual(try file("etc/apk/keys/other.rsa.pub"), try bench.read("other.rsa.pub"))
        if getuid() == 0 {
            XCTAssertEqual(try TestUser.imageHash(of: "alpine.lock", bench), try bench.sha256("a.squashfs"))
        }
        // apk itself takes the image for what its world asks for.
        let apk = try bench.run([
            "unshare", "--mount", "sh", "-c",
            "unsquashfs -q -n -d tagged a.squashfs && chroot tagged apk audit --system && chroot tagged apk --no-network info -e rtv-library@new rtv-programs",
        ])
        XCTAssertFalse(apk.errors.contains("tag"), apk.errors)
        let text = try bench.read("alpine.lock")
        for (old, new) in [
            ("tag = \"new\"", "tag = \"other\""), ("\(url)/x86_64/APKINDEX", "http://127.0.0.1:9/x86_64/APKINDEX"),
        ] {
            try bench.write(text.replacing(old, with: new), to: "forged.lock")
            XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "forged.lock"]).status, 1, old)
        }
    }

    /// What apk itself makes of the minirootfs and the same repository.
    private func compareWithApk(_ bench: Workbench) throws {
        let script = """
            set -e
            unsquashfs -q -n -d ours a.squashfs
            mkdir theirs && tar -xzf 'mirror/\(AlpineMirror.minirootfs)' -C theirs
            mkdir theirs/repository && cp -r mirror/v3.20/main/x86_64 theirs/repository/
            cp test.rsa.pub theirs/etc/apk/keys/
            chroot theirs /sbin/apk add --no-network --no-cache --repository /repository --repositories-file /dev/null \
                rtv-programs >/dev/null
            for file in lib/apk/db/installed lib/apk/db/triggers etc/apk/world usr/bin/hello-static var/lib/rtv/state; do
                cmp ours/$file theirs/$file
            done
            tar -tf ours/lib/apk/db/scripts.tar > ours.scripts; tar -tf theirs/lib/apk/db/scripts.tar > theirs.scripts
            cmp ours.scripts theirs.scripts
            chroot ours /usr/bin/hello-static
            chroot ours /usr/bin/hello-musl
            chroot ours /sbin/apk info -e rtv-programs
            chroot ours /sbin/apk audit --system
            """
        let answer = try bench.run(["sh", "-c", script])
        XCTAssertEqual(answer.status, 0, answer.errors + answer.output)
        // The two programs, the package's name, and no file that isn't as its package has it.
        XCTAssertEqual(answer.output, "hello\nhello\nrtv-programs\n")
    }

    func testLocksOfPackagesAreVerifiedUpdatedAndDrafted() throws {
        let archive = try mirror()
        let bench = archive.bench
        defer { bench.remove() }
        let locked = try lock(archive)
        XCTAssertEqual(locked.status, 0, locked.errors)
        let verified = try bench.rtverify(["lock", "verify", "alpine.lock", "--offline", "--keyring", "keyring.gpg"])
        XCTAssertEqual(verified.status, 0, verified.errors)
        XCTAssertTrue(
            verified.output.contains("test.rsa.pub"), "a key that isn't Alpine's is named: \(verified.output)")
        XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "alpine.lock"]).status, 0)
        let text = try bench.read("alpine.lock")
        try bench.write(text.replacingOccurrences(of: "2.1-r3\"", with: "2.1-r4\""), to: "wrong.lock")
        let wrong = try bench.rtverify(["lock", "verify", "wrong.lock", "--offline", "--keyring", "keyring.gpg"])
        XCTAssertEqual(wrong.status, 1)
        XCTAssertTrue(wrong.errors.contains("rtv-programs"), wrong.errors)
        let updated = try lock(archive, ["--update"])
        XCTAssertEqual(updated.status, 0, updated.errors)
        XCTAssertTrue(updated.output.contains("nothing changed"), updated.output)
        try bench.write(text, to: "old.lock")
        try bench.write(text.replacingOccurrences(of: "2.1-r3\"", with: "2.0-r0\""), to: "older.lock")
        let difference = try bench.rtverify(["lock", "diff", "older.lock", "old.lock"])
        XCTAssertTrue(difference.output.contains("upgraded rtv-programs 2.0-r0 -> 2.1-r3"), difference.output)

        let named = try lock(archive, ["--update", "rtv-programs"])
        XCTAssertEqual(named.status, 2)
        XCTAssertTrue(named.errors.contains("update without naming packages"), named.errors)

        // Back from the image, whose packages are in a repository that the minirootfs's keys don't cover.
        XCTAssertEqual(try build(archive).status, 0)
        let unknown = try draft(archive)
        XCTAssertEqual(unknown.status, 2, unknown.output)
        XCTAssertTrue(unknown.errors.contains("it is signed by test.rsa.pub"), unknown.errors)
        let drafted = try draft(archive, ["--keyring", "test.rsa.pub"])
        XCTAssertEqual(drafted.status, 0, drafted.errors)
        let found = try bench.rtverify(["lock", "diff", "alpine.lock", "draft.lock"])
        XCTAssertEqual(
            found.output.split(separator: "\n").filter { !$0.hasPrefix("manifest-sha256") }.joined(), "", found.output)
        XCTAssertEqual(try build(archive, lock: "draft.lock", image: "b.squashfs").status, 0)
        XCTAssertEqual(try bench.sha256("a.squashfs"), try bench.sha256("b.squashfs"))

        // The lock is the manifest's as it stands, not only by the hash of the manifest in it.
        let edited = text.replacingOccurrences(of: "\"rtv-programs\"]", with: "\"rtv-library\"]")
        XCTAssertNotEqual(edited, text)
        try bench.write(edited, to: "edited.lock")
        XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "edited.lock"]).status, 1)
    }

    func testAnImageOfTheMinirootfsAloneLeadsBackToItsLock() throws {
        let archive = try mirror()
        let bench = archive.bench
        defer { bench.remove() }
        try archive.alpineManifest(release: "3.20.3", more: "", rest: "[init]\ncommand = \"it's\"")
        let locked = try lock(archive)
        XCTAssertEqual(locked.status, 0, locked.errors)
        XCTAssertEqual(try build(archive).status, 0)
        let draft = try self.draft(archive)
        XCTAssertEqual(draft.status, 0, draft.errors)
        let difference = try bench.rtverify(["lock", "diff", "alpine.lock", "draft.lock"])
        XCTAssertEqual(
            difference.output.split(separator: "\n").filter { !$0.hasPrefix("manifest-sha256") }.joined(), "",
            difference.output)
        XCTAssertEqual(try build(archive, lock: "draft.lock", image: "b.squashfs").status, 0)
        XCTAssertEqual(try bench.sha256("a.squashfs"), try bench.sha256("b.squashfs"))
    }

    func testWhatIsNotSignedOrNotTheIndexsIsRefused() throws {
        for (options, words) in [
            (["--unsigned"], "is not signed"), (["--other-key"], "bad signature by test.rsa.pub"),
        ] {
            let archive = try mirror(options)
            let bench = archive.bench
            defer { bench.remove() }
            let answer = try lock(archive)
            XCTAssertEqual(answer.status, 2)
            XCTAssertTrue(answer.errors.contains(words), answer.errors)
            XCTAssertFalse(bench.exists("alpine.lock"))
        }
        let archive = try mirror()
        let bench = archive.bench
        defer { bench.remove() }
        // The minirootfs doesn't know the test's key.
        try archive.alpineManifest(more: "")
        let unknown = try lock(archive)
        XCTAssertEqual(unknown.status, 2)
        XCTAssertTrue(unknown.errors.contains("it is signed by test.rsa.pub; trusted are alpine-devel"), unknown.errors)
        try archive.alpineManifest()
        let apk = "mirror/v3.20/main/x86_64/rtv-library-1.0-r0.apk"
        let spoilt = try bench.run([
            "python3", "-c",
            "import sys; p=sys.argv[1]; b=bytearray(open(p,'rb').read()); b[-20]^=1; open(p,'wb').write(b)",
            apk,
        ])
        XCTAssertEqual(spoilt.status, 0)
        let changed = try lock(archive)
        XCTAssertEqual(changed.status, 2)
        XCTAssertTrue(changed.errors.contains("rtv-library"), changed.errors)
        try archive.alpineManifest(more: "sha256 = \"\(String(repeating: "0", count: 64))\"\nkeys = [\"test.rsa.pub\"]")
        let other = try lock(archive)
        XCTAssertEqual(other.status, 2)
        XCTAssertTrue(other.errors.contains("where the manifest says 0000"), other.errors)
    }
}

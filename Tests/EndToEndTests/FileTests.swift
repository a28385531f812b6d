import Foundation
import XCTest

/// Folders, links and owners that a manifest puts into an image.
final class FileTests: XCTestCase {
    /// A folder with all that one may hold, beside a manifest.
    private func prepared(base: String, more: String) throws -> TestArchive {
        let archive = try TestArchive()
        let bench = archive.bench
        let made = try bench.run([
            "sh", "-e", "-c",
            """
            mkdir -p app/bin app/empty app/.git "app/a b" system/bin system/etc system/usr/lib
            cp "$(command -v busybox)" system/bin/busybox; ln -s busybox system/bin/sh; ln -s usr/lib system/lib
            printf 'root:x:0:0::/:/bin/sh\\napp:x:1234:1:::\\n' > system/etc/passwd
            printf 'root:x:0:\\nteam:x:4321:\\n' > system/etc/group
            tar -C system -cf system.tar .
            echo run > app/bin/run; chmod 700 app/bin/run; echo text > "app/a b/text"; chmod 600 "app/a b/text"
            ln -s ../../../etc/passwd app/out; echo secret > app/.git/config
            mkdir -p root/lib/app root/etc; echo lib > root/lib/app/lib; echo issue > root/etc/issue
            """,
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        try archive.manifest([])
        let toolchain = try bench.read("runtime.toml").split(separator: "[toolchain]")[1]
        try bench.write(
            "[runtime]\nname = \"test\"\n[base]\n\(base)\n\(more)\n[toolchain]\(toolchain)", to: "runtime.toml")
        return archive
    }

    private static let tarball = "system = \"tarball\"\nsource = \"system.tar\""
    private static let app = """
        [[file]]
        source = "app/"
        target = "/opt/app"
        owner = "app"
        group = "team"
        exclude = [".git"]

        """

    func testAFolderIsCopiedWithLinksModesAndOwners() throws {
        let archive = try prepared(
            base: Self.tarball,
            more: Self.app + """
                [[file]]
                source = "root/"
                target = "/"
                [[file]]
                source = "system.tar"
                target = "/srv/one"
                mode = "4755"
                owner = 5
                [[link]]
                target = "/usr/local/bin/run"
                to = "../../../opt/app/bin/run"
                [[folder]]
                target = "/srv/data"
                mode = "2770"
                group = "team"
                [[folder]]
                target = "/srv/data/deep/er"
                [[link]]
                target = "/srv/data/deep/link"
                to = "x"
                [[step]]
                run = "stat -c %A /opt/app/bin/run > /srv/seen"
                """)
        let bench = archive.bench
        defer { bench.remove() }
        let locked = try archive.lock()
        XCTAssertEqual(locked.status, 0, locked.errors)
        XCTAssertTrue(locked.output.contains("what app/, root/ holds"), locked.output)
        XCTAssertTrue(try bench.read("test.lock").hasPrefix("# Written by `rtverify lock`; not meant"))
        XCTAssertTrue(try bench.read("test.lock").contains("version = 4\n"))
        XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "test.lock"]).status, 0)
        let verified = try bench.rtverify(["lock", "verify", "test.lock", "--keyring", "keyring.gpg"])
        XCTAssertEqual(verified.status, 0, verified.errors)
        let built = try archive.build(["--check"])
        XCTAssertEqual(built.status, 0, built.errors)
        let listed = try bench.run(["unsquashfs", "-lln", "test.squashfs"])
        XCTAssertEqual(listed.status, 0, listed.errors)
        let lines = listed.output.split(separator: "\n").map { line in
            line.split(separator: " ", omittingEmptySubsequences: true)
        }.filter { $0.count > 5 }.map { "\($0[0]) \($0[1]) \($0[5...].joined(separator: " "))" }
        for expected in [
            "drwxr-xr-x 1234/4321 squashfs-root/opt/app", "-rwxr-xr-x 1234/4321 squashfs-root/opt/app/bin/run",
            "-rw-r--r-- 1234/4321 squashfs-root/opt/app/a b/text", "drwxr-xr-x 1234/4321 squashfs-root/opt/app/empty",
            "lrwxrwxrwx 1234/4321 squashfs-root/opt/app/out -> ../../../etc/passwd",
            // Through the image's own link, which stays.
            "-rw-r--r-- 0/0 squashfs-root/usr/lib/app/lib", "lrwxrwxrwx 0/0 squashfs-root/lib -> usr/lib",
            "-rw-r--r-- 0/0 squashfs-root/etc/issue", "-rwsr-xr-x 5/0 squashfs-root/srv/one",
            "lrwxrwxrwx 0/0 squashfs-root/usr/local/bin/run -> ../../../opt/app/bin/run",
            "drwxrws--- 0/4321 squashfs-root/srv/data",
            // What a folder hands down to what is made in it is nobody's wish.
            "drwxr-xr-x 0/0 squashfs-root/srv/data/deep", "drwxr-xr-x 0/0 squashfs-root/srv/data/deep/er",
            "lrwxrwxrwx 0/0 squashfs-root/srv/data/deep/link -> x", "drwxr-xr-x 0/0 squashfs-root/etc",
        ] { XCTAssertTrue(lines.contains(expected), "\(expected)\n\(listed.output)") }
        XCTAssertFalse(listed.output.contains(".git"))
        XCTAssertTrue(
            try bench.run(["unsquashfs", "-cat", "test.squashfs", "srv/seen"]).output.hasPrefix("-rwxr-xr-x"))
        try anotherMachine(archive)
    }

    /// A store that knows nothing: the folder is beside the manifest, as it was or not; and a user's build.
    private func anotherMachine(_ archive: TestArchive) throws {
        let bench = archive.bench
        // Another order of the folder's entries, another time, modes that git doesn't keep.
        XCTAssertEqual(
            try bench.run(["sh", "-c", "cp -r app other && rm -r app && mv other app && chmod 755 app/bin/run"]).status,
            0)
        let again = try archive.build(store: "other", image: "b.squashfs")
        XCTAssertEqual(again.status, 0, again.errors)
        XCTAssertEqual(try bench.sha256("test.squashfs"), try bench.sha256("b.squashfs"))
        if getuid() == 0 {
            let user = try TestUser(bench)
            defer { user.remove() }
            let users = try user.run(
                "'\(bench.folder)/program' build --no-cache --lock '\(bench.folder)/test.lock' -o user.squashfs --offline "
                    + "--store '\(bench.folder)/user-store'", copying: "store")
            XCTAssertEqual(users.status, 0, users.errors)
            XCTAssertEqual(
                try bench.sha256("test.squashfs"),
                try user.run("sha256sum user.squashfs").output.split(separator: " ").first.map(String.init))
        }
        try bench.write("more\n", to: "app/more")
        let changed = try bench.rtverify(["lock", "check", "runtime.toml", "-o", "test.lock"])
        XCTAssertEqual(changed.status, 1, changed.errors)
        let missing = try archive.build(store: "third", image: "c.squashfs")
        XCTAssertEqual(missing.status, 2)
        XCTAssertTrue(missing.errors.contains("the lock's folder 'app/'"), missing.errors)
        try bench.write(
            try bench.read("runtime.toml").replacing("to = \"x\"", with: "to = \"y\"").replacing(
                "owner = 5\n", with: ""),
            to: "runtime.toml")
        XCTAssertEqual(try archive.lock(output: "next.lock").status, 0)
        XCTAssertEqual(
            try bench.rtverify(
                ["build", "--lock", "next.lock", "-o", "next.squashfs", "--store", "store"] + archive.mirror
            ).status, 0)
        let notes = try bench.rtverify(
            ["compare", "--release", "test.squashfs", "next.squashfs", "--lock", "test.lock", "--lock", "next.lock"])
        for line in ["app/", "/srv/one", "/srv/data/deep/link"] {
            XCTAssertTrue(notes.output.contains(line), notes.output)
        }
        let list = try bench.run(["sh", "-c", "cat $(grep -l '^#mtree' store/objects/*/*)"]).output
        let hash = try bench.sha256("app/bin/run")
        XCTAssertTrue(list.contains("./bin/run type=file mode=0755 size=4 sha256digest=\(hash)\n"), list)
    }

    func testWhatCannotBeIsOneLine() throws {
        let archive = try prepared(base: Self.tarball, more: Self.app)
        let bench = archive.bench
        defer { bench.remove() }
        let manifest = try bench.read("runtime.toml")
        func locked(_ from: String, _ to: String) throws -> Workbench.Answer {
            try bench.write(manifest.replacingOccurrences(of: from, with: to), to: "runtime.toml")
            return try archive.lock()
        }
        let folder = try locked("source = \"app/\"", "source = \"app\"")
        XCTAssertEqual(folder.status, 2, folder.errors)
        XCTAssertTrue(folder.errors.contains("'file[0].exclude' is for a folder"), folder.errors)
        let plain = try locked(
            Self.app.trimmingCharacters(in: .newlines), "[[file]]\nsource = \"app\"\ntarget = \"/opt/app\"")
        XCTAssertEqual(plain.status, 2, plain.errors)
        XCTAssertTrue(
            plain.errors.contains("is a folder; to copy what it holds, write source = \"app/\""), plain.errors)
        let unknown = try locked("\"team\"", "\"nobody-here\"")
        XCTAssertEqual(unknown.status, 0, unknown.errors)
        let built = try archive.build()
        XCTAssertEqual(built.status, 2, built.errors)
        XCTAssertTrue(built.errors.contains("putting the manifest's files into the image failed"), built.errors)
        XCTAssertTrue(built.errors.contains("  /opt/app: the image has no group 'nobody-here'"), built.errors)
        let missing = try locked("source = \"app/\"", "source = \"none/\"")
        XCTAssertEqual(missing.status, 2, missing.errors)
        XCTAssertTrue(missing.errors.contains("cannot read the folder"), missing.errors)
        XCTAssertEqual(try bench.run(["mkfifo", "app/pipe"]).status, 0)
        let pipe = try locked("never", "")
        XCTAssertEqual(pipe.status, 2, pipe.errors)
        XCTAssertTrue(pipe.errors.contains("app/pipe: it is neither a file nor a folder nor a link"), pipe.errors)
        for answer in [plain, missing, pipe] {
            let lines = answer.errors.split(separator: "\n")
            XCTAssertGreaterThanOrEqual(
                lines.firstIndex { $0.hasPrefix("rtverify: ") } ?? 0, lines.count - 2, answer.errors)
        }
    }

    /// Holes are neither read nor sent to the packer, and the image is that of the same bytes without holes.
    func testAFileWithHolesIsPackedAsOneWithout() throws {
        let archive = try prepared(base: Self.tarball, more: "")
        let bench = archive.bench
        defer { bench.remove() }
        let manifest = try bench.read("runtime.toml")
        func image(_ name: String, _ step: String, _ more: String = "") throws -> Workbench.Answer {
            let added = "[[step]]\nrun = \"\"\"\nb=/bin/busybox; $b mkdir -p /srv; cd /srv\n\(step)\"\"\"\n\(more)\n"
            try bench.write(
                manifest.replacingOccurrences(of: "[toolchain]", with: added + "[toolchain]"), to: "runtime.toml")
            let locked = try archive.lock()
            XCTAssertEqual(locked.status, 0, locked.errors)
            return try archive.build(image: name)
        }
        // A hole at the start, between and at the end, none of whole blocks; and a file that is a hole.
        let sparse = """
            $b truncate -s 5000001 a; $b seq 1 40000 > s; $b dd if=s of=a bs=1 seek=2000000 conv=notrunc 2>/dev/null
            $b dd if=s of=a bs=4096 seek=900 conv=notrunc 2>/dev/null; $b truncate -s 3145729 b
            [ "$($b du -k a | $b cut -f1)" -lt 2000 ]

            """
        let dense = """
            $b seq 1 40000 > s; n=$($b stat -c %s s); z() { $b dd if=/dev/zero bs="$1" count=1 2>/dev/null; }
            { z 2000000; $b cat s; z $((900 * 4096 - 2000000 - n)); $b cat s; z $((5000001 - 900 * 4096 - n)); } > a
            z 3145729 > b
            [ "$($b du -k a | $b cut -f1)" -ge 4800 ]

            """
        for (name, step) in [("sparse.squashfs", sparse), ("dense.squashfs", dense)] {
            let built = try image(name, step)
            XCTAssertEqual(built.status, 0, built.errors)
        }
        XCTAssertEqual(try bench.sha256("sparse.squashfs"), try bench.sha256("dense.squashfs"))
        let large = try image("large.squashfs", "$b truncate -s 200G lastlog\n")
        XCTAssertEqual(large.status, 2, large.errors)
        XCTAssertTrue(large.errors.contains("/srv/lastlog"), large.errors)
        XCTAssertTrue(large.errors.contains("more than [image] largest-file"), large.errors)
        let limit = "[image]\nlargest-file = \"4MiB\""
        XCTAssertTrue(try image("large.squashfs", sparse, limit).errors.contains("/srv/a"))
    }

    /// Recipe 2: what a step wrote stays, but for identities; recipe 1 writes it anew, as it did.
    func testWhatAStepWroteStaysUnlessItIsAnIdentity() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        let step = """
            cd /etc; echo 10.0.0.1 db >> hosts; echo web > hostname; rm -f resolv.conf; ln -s /run/stub resolv.conf
            echo 0123456789abcdef0123456789abcdef > id; rm -f machine-id; ln -s id machine-id; mkdir -p ssh; echo key > ssh/ssh_host_x_key
            """
        func image(_ step: String, recipe: Int) throws -> (files: [String: String], errors: String) {
            try archive.manifest(["late"], more: step.isEmpty ? "" : "[[step]]\nrun = \"\"\"\n\(step)\n\"\"\"\n")
            XCTAssertEqual(try archive.lock().status, 0)
            try bench.write(
                try bench.read("test.lock").replacing("recipe = 2\n", with: "recipe = \(recipe)\n"), to: "test.lock")
            let built = try archive.build()
            XCTAssertEqual(built.status, 0, built.errors)
            XCTAssertEqual(try bench.run(["rm", "-rf", "u"]).status, 0)
            XCTAssertEqual(try bench.run(["unsquashfs", "-q", "-n", "-d", "u", "test.squashfs"]).status, 0)
            let names = ["hosts", "hostname", "resolv.conf", "machine-id"]
            let shown = try names.map { name in
                let link = try bench.run(["readlink", "u/etc/\(name)"]).output
                return (name, link.isEmpty ? try bench.read("u/etc/\(name)") : link)
            }
            XCTAssertFalse(bench.exists("u/etc/ssh/ssh_host_x_key"))
            return (Dictionary(uniqueKeysWithValues: shown), built.errors)
        }
        let kept = try image(step, recipe: 2)
        XCTAssertEqual(
            kept.files, ["hosts": "10.0.0.1 db\n", "hostname": "web\n", "resolv.conf": "/run/stub\n", "machine-id": ""])
        for line in [
            "/etc/machine-id: emptied: each machine makes its own",
            "/etc/ssh/ssh_host_x_key: removed: it would be everybody's host key",
        ] { XCTAssertEqual(kept.errors.components(separatedBy: line).count, 2, kept.errors) }
        let former = try image(step, recipe: 1)
        XCTAssertEqual(former.files["hostname"], "localhost\n")
        XCTAssertTrue(former.files["hosts"]?.hasPrefix("127.0.0.1\tlocalhost\n") == true)
        XCTAssertTrue(former.errors.contains("/etc/hostname: replaced: recipe 1 writes it anew"), former.errors)
        // Where nobody wrote any of it both are the same, and nothing is said.
        let (one, two) = (try image("", recipe: 1), try image("echo uninitialized > /etc/machine-id", recipe: 2))
        XCTAssertFalse((one.errors + two.errors).contains("/etc/"), one.errors + two.errors)
        XCTAssertEqual(two.files["machine-id"], "uninitialized\n")
        XCTAssertEqual(one.files.filter { $0.key != "machine-id" }, two.files.filter { $0.key != "machine-id" })
    }

    func testAVolumeIsWhatItsFolderHolds() throws {
        let archive = try prepared(
            base: "system = \"empty\"", more: "[[file]]\nsource = \"app/\"\ntarget = \"/\"\nexclude = [\".git\"]")
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.lock().status, 0)
        let built = try archive.build()
        XCTAssertEqual(built.status, 0, built.errors)
        let listed = try bench.run(["unsquashfs", "-l", "test.squashfs"]).output
        XCTAssertEqual(
            listed.split(separator: "\n").filter { $0.hasPrefix("squashfs-root/") }.sorted().map(String.init),
            ["a b", "a b/text", "bin", "bin/run", "empty", "out"].map { "squashfs-root/\($0)" })
    }
}

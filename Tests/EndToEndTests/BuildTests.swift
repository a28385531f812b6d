import Foundation
import XCTest

final class BuildTests: XCTestCase {
    func testAStepSeesNothingButItsTree() throws {
        let archive = try TestArchive.locked(
            ["late"],
            more: """
                [[step]]
                run = '''
                set +e
                {
                    cat /proc/1/status > /dev/null && echo a process list of its own
                    ls /proc/1/root/etc && echo the host is seen
                    cat /proc/1/environ && echo its environment is seen
                    for other in /proc/[0-9]*; do ls $other/root/\(Workbench.sources) && echo the host is seen; done
                    ( : > /proc/sys/kernel/core_pattern ) && echo a kernel setting is written
                    ( : < /dev/tty ) && echo a terminal is there
                    perl -e 'exit !(syscall(165, "none", "/tmp", "tmpfs", 0, 0) == 0)' && echo a mount is made
                    perl -e 'exit !(syscall(133, "/tmp/node", 0060600, 0x800) == 0)' && echo a disk is made
                    perl -e 'chroot("/tmp") or die; chdir("..") for 1..50; chroot("."); exit !-e "\(Workbench.sources)"' &&
                        echo the root is left
                    true
                } > /what-was-seen 2> /dev/null
                '''
                """)
        let bench = archive.bench
        defer { bench.remove() }
        let built = try archive.build()
        XCTAssertEqual(built.status, 0, built.errors)
        let seen = try bench.run(["unsquashfs", "-cat", "test.squashfs", "what-was-seen"]).output
        XCTAssertEqual(seen, "a process list of its own\n")
        if getuid() == 0 {
            XCTAssertEqual(try TestUser.imageHash(of: "test.lock", bench), try bench.sha256("test.squashfs"))
        }
    }

    func testTheBytesDependOnTheLockAlone() throws {
        let archive = try TestArchive.locked(["late", "special"])
        let bench = archive.bench
        defer { bench.remove() }
        let first = try archive.build()
        XCTAssertEqual(first.status, 0, first.errors)
        let expected = try bench.sha256("test.squashfs")
        XCTAssertTrue(first.output.contains(expected))

        func same(_ what: String, _ answer: Workbench.Answer, _ image: String) throws {
            XCTAssertEqual(answer.status, 0, "\(what): \(answer.errors)")
            XCTAssertEqual(try bench.sha256(image), expected, what)
        }
        try same("a second run", try archive.build(), "test.squashfs")
        try same("one job", try archive.build(["--jobs", "1"], image: "jobs.squashfs"), "jobs.squashfs")
        // Where it is: memory, where this machine has it, is what a small tree gets anyway.
        try same("the disk", try archive.build(["--tree", "disk"], image: "disk.squashfs"), "disk.squashfs")
        XCTAssertEqual(try archive.build(["--tree", "nowhere"]).status, 64)
        try archive.serving("slow") { mirror in
            try same(
                "a cold store in another folder, downloads in another order",
                try archive.build(store: "deeper/cold/store", image: "cold.squashfs", mirror: mirror), "cold.squashfs")
        }
        let environment = ["TZ": "Asia/Tokyo", "LANG": "tr_TR.UTF-8", "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "1"]
        let command =
            "umask 077; exec '\(Workbench.program)' build --no-cache --lock test.lock -o umask.squashfs --store store --offline"
        try same(
            "umask, time zone, language", try bench.run(["sh", "-c", command], environment: environment),
            "umask.squashfs")
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder)/store/work"), [])
    }

    func testAnOrdinaryUserGetsTheSameBytes() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can make the user that this test builds as") }
        let archive = try TestArchive.locked(["late", "special"])
        let bench = archive.bench
        let name = "rtv\(getpid())"
        defer {
            _ = try? bench.run(["userdel", "-r", name])
            bench.remove()
        }
        XCTAssertEqual(try archive.build().status, 0)
        XCTAssertEqual(try bench.run(["useradd", "-m", name]).status, 0)
        let ids = ["usermod", "--add-subuids", "300000-365535", "--add-subgids", "300000-365535", name]
        XCTAssertEqual(try bench.run(ids).status, 0)
        // The user reads the program from a place that every user can reach.
        XCTAssertEqual(try bench.run(["install", "-m", "755", Workbench.program, "program"]).status, 0)
        XCTAssertEqual(try bench.run(["chmod", "-R", "a+rX", "archive", "test.lock"]).status, 0)
        let command =
            "cd; '\(bench.folder)/program' build --no-cache --lock '\(bench.folder)/test.lock' -o user.squashfs "
            + "--only-mirror --mirror '\(bench.folder)/archive' && sha256sum user.squashfs"
        let answer = try bench.run(["su", "-", name, "-c", command])
        XCTAssertEqual(answer.status, 0, answer.errors)
        XCTAssertTrue(answer.output.contains(try bench.sha256("test.squashfs")), answer.output)
    }

    func testCapabilitiesAttributesLinksOwnersAndModesArrive() throws {
        let archive = try TestArchive.locked(["late", "special"])
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        let unpacked = try bench.run(["unsquashfs", "-q", "-n", "-d", "unpacked", "test.squashfs"])
        XCTAssertEqual(unpacked.status, 0, unpacked.errors)
        XCTAssertTrue(try bench.run(["getcap", "unpacked/opt/special/capable"]).output.contains("cap_net_raw=ep"))
        XCTAssertTrue(
            try bench.run(["getfattr", "-n", "user.note", "unpacked/opt/special/capable"]).output.contains("kept"))
        XCTAssertEqual(try bench.run(["stat", "-c", "%u:%g", "unpacked/opt/special/capable"]).output, "1000:1000\n")
        XCTAssertEqual(
            try bench.run(["stat", "-c", "%a %h %Y", "unpacked/opt/special/one"]).output, "4711 2 1600000000\n")
        XCTAssertEqual(try bench.run(["readlink", "unpacked/bin"]).output, "usr/bin\n")
        XCTAssertTrue(bench.exists("unpacked/usr/share/early-is-configured"))
        XCTAssertFalse(bench.exists("unpacked/.rtverify"))
        XCTAssertFalse(bench.exists("unpacked/usr/sbin/policy-rc.d"))
        let late = try bench.run(["find", "unpacked", "-newermt", "@1700000000"])
        XCTAssertEqual(late.output, "", "times after SOURCE_DATE_EPOCH")
    }

    func testWhatSquashfsCannotCarryIsNamed() throws {
        for (package, path) in [("with-acl", "/opt/acl/file"), ("with-socket", "/opt/socket/door")] {
            let archive = try TestArchive.locked([package])
            defer { archive.bench.remove() }
            let answer = try archive.build()
            XCTAssertEqual(answer.status, 2, package)
            XCTAssertTrue(answer.errors.contains(path) && answer.errors.contains("package \(package)"), answer.errors)
            XCTAssertFalse(archive.bench.exists("test.squashfs"))
        }
    }

    func testPackagesThatLeaveTheRootAreNotInstalled() throws {
        for (package, words) in [
            ("climber", "climbs out of the root"), ("follower", "follows a link"),
            ("flipper", "a folder and no folder"),
            ("linker", "hard link to"),
        ] {
            let archive = try TestArchive.locked([package])
            defer { archive.bench.remove() }
            let answer = try archive.build()
            XCTAssertEqual(answer.status, 2, package)
            XCTAssertTrue(answer.errors.contains(words) && answer.errors.contains(package), answer.errors)
        }
    }

    /// Members of later formats are passed over; a configuration file that is there stays, and nobody is asked.
    func testPackagesAsTheyAreAreInstalled() throws {
        let archive = try TestArchive.locked(["stranger", "asks"])
        let bench = archive.bench
        defer { bench.remove() }
        let answer = try archive.build(["--check"])
        XCTAssertEqual(answer.status, 0, answer.errors)
        XCTAssertEqual(try bench.run(["unsquashfs", "-cat", "test.squashfs", "etc/asks.conf"]).output, "mine\n")
        XCTAssertEqual(try bench.run(["unsquashfs", "-cat", "test.squashfs", "opt/owned"]).output, "x")
    }

    func testWhatAUsersBuildWouldNotHaveIsNamed() throws {
        for (step, words) in [
            ("touch /x; chown 70000:1 /x", "is owned by 70000:1"),
            ("perl -e 'open F, \">/x\"; truncate F, 1 << 41'", "holes included: more than [image] largest-file"),
            ("touch /x; setfattr -n user.a=b -v c /x", "whose name has a '='"),
        ] {
            let archive = try TestArchive.locked(["special"], more: "[[step]]\nrun = '''\(step)\n'''\n")
            defer { archive.bench.remove() }
            let answer = try archive.build()
            XCTAssertEqual(answer.status, 2, step)
            XCTAssertTrue(answer.errors.contains(words), "\(step): \(answer.errors)")
        }
    }

    /// Its bytes are copied by hash, whatever its size.
    func testALargeFileTakesNoMemory() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try bench.run(["sh", "-c", "head -c 100000000 /dev/urandom > large"]).status, 0)
        try archive.manifest(
            ["late"], more: "[[file]]\nsource = \"large\"\ntarget = \"/opt/deep/large\"\nmode = \"4711\"\n")
        XCTAssertEqual(try archive.lock().status, 0)
        let (built, kibibytes) = try bench.measured(
            ["build", "--lock", "test.lock", "-o", "test.squashfs", "--store", "store"] + archive.mirror)
        XCTAssertEqual(built.status, 0, built.errors)
        XCTAssertLessThan(kibibytes, 300_000)
        XCTAssertEqual(try bench.run(["unsquashfs", "-q", "-n", "-d", "unpacked", "test.squashfs", "opt"]).status, 0)
        XCTAssertEqual(try bench.sha256("unpacked/opt/deep/large"), try bench.sha256("large"))
        XCTAssertEqual(try bench.run(["stat", "-c", "%a", "unpacked/opt/deep/large"]).output, "4711\n")
    }

    func testAFileThatChangesAfterItWasPackedIsPackedAsItIs() throws {
        // Packages' files are packed while later packages are installed; by the time of the step, these are.
        let step = "sleep 2; echo changed > /usr/share/early; chmod 0600 /usr/share/late; sleep 300 > /dev/null 2>&1 &"
        let archive = try TestArchive.locked(["late"], more: "[[step]]\nrun = \"\(step)\"\n")
        let bench = archive.bench
        defer { bench.remove() }
        let answer = try archive.build(["--verbose"])
        XCTAssertEqual(answer.status, 0, answer.errors)
        XCTAssertTrue(answer.errors.contains("usr/share/early changed after it was packed"), answer.errors)
        XCTAssertEqual(try bench.run(["unsquashfs", "-q", "-n", "-d", "unpacked", "test.squashfs"]).status, 0)
        XCTAssertEqual(try bench.read("unpacked/usr/share/early"), "changed\n")
        XCTAssertEqual(try bench.run(["stat", "-c", "%a", "unpacked/usr/share/late"]).output, "600\n")
        XCTAssertEqual(try archive.build(["--jobs", "1"], image: "again.squashfs").status, 0)
        XCTAssertEqual(try bench.sha256("again.squashfs"), try bench.sha256("test.squashfs"))
    }

    func testACheckedBuildNamesWhatDiffers() throws {
        let random = "[[step]]\nrun = \"head -c 16 /dev/urandom > /opt-random; echo same > /opt-same\"\n"
        let archive = try TestArchive.locked(["late"], more: random)
        defer { archive.bench.remove() }
        let answer = try archive.build(["--check"])
        XCTAssertEqual(answer.status, 1, answer.errors)
        XCTAssertTrue(answer.output.contains("at random: /opt-random, by step 1"), answer.output)
        XCTAssertFalse(answer.output.contains("/opt-same"), answer.output)
        try archive.manifest(["late"])
        XCTAssertEqual(try archive.lock().status, 0)
        let same = try archive.build(["--check", "--json"])
        XCTAssertEqual(same.status, 0, same.errors)
    }

    func testAVolumeHoldsItsFilesAndNothingElse() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        try archive.manifest([])
        let toolchain = try bench.read("runtime.toml").split(separator: "[toolchain]")[1]
        func manifest(_ more: String) throws {
            try bench.write(
                "[runtime]\nname = \"test\"\n[base]\nsystem = \"empty\"\n\(more)\n[toolchain]\(toolchain)",
                to: "runtime.toml")
        }
        try bench.write("print('hello')\n", to: "hello.py")
        try manifest("[[file]]\nsource = \"hello.py\"\ntarget = \"/packages/hello.py\"\nmode = \"0755\"")
        let locked = try archive.lock()
        XCTAssertEqual(locked.status, 0, locked.errors)
        XCTAssertEqual(
            try bench.rtverify(["lock", "verify", "test.lock"] + ["--keyring", "keyring.gpg"] + archive.mirror)
                .status, 0)
        let built = try archive.build(["--check"])
        XCTAssertEqual(built.status, 0, built.errors)
        let listed = try bench.run(["unsquashfs", "-lc", "test.squashfs"])
        XCTAssertEqual(
            listed.output.split(separator: "\n").map(String.init),
            ["squashfs-root/packages/hello.py"], listed.output)
        XCTAssertEqual(
            try bench.run(["unsquashfs", "-cat", "test.squashfs", "packages/hello.py"]).output, "print('hello')\n")
        let audit = try bench.rtverify(["audit", "test.squashfs"])
        XCTAssertEqual(audit.status, 0, audit.output)
        for (bad, words) in [
            ("release = \"bookworm\"", "has no 'release'"), ("[[step]]\nrun = \"true\"", "neither packages nor steps"),
            ("[packages]\ninstall = [\"late\"]", "neither packages nor steps"),
        ] {
            try manifest(bad)
            let refused = try archive.lock()
            XCTAssertEqual(refused.status, 2)
            XCTAssertTrue(refused.errors.contains(words), refused.errors)
        }
    }

    func testAnImageWithAPrivateKeyIsNotBuilt() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(
            try bench.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "id.pem"]).status, 0)
        let file = "[[file]]\nsource = \"id.pem\"\ntarget = \"/root/id.pem\"\n"
        try archive.manifest(["late"], more: file)
        XCTAssertEqual(try archive.lock().status, 0)
        let refused = try archive.build()
        XCTAssertEqual(refused.status, 1, refused.errors)
        XCTAssertTrue(refused.errors.contains("/root/id.pem"), refused.errors)
        XCTAssertFalse(bench.exists("test.squashfs"))
        let allowance = "[[allow]]\npath = \"/root/*\"\nfinding = \"private-key\"\nreason = \"a test's\"\n"
        try archive.manifest(["late"], more: file + allowance)
        XCTAssertEqual(try archive.lock().status, 0)
        let allowed = try archive.build()
        XCTAssertEqual(allowed.status, 0, allowed.errors)
        let audit = try bench.rtverify(["audit", "--lock", "test.lock", "test.squashfs"])
        XCTAssertTrue(audit.output.contains("allowed: private-key /root/id.pem: a test's"), audit.output)
    }

    func testAGoldenFileThatDiffersExitsWithOne() throws {
        let archive = try TestArchive.locked(["late"])
        let bench = archive.bench
        defer { bench.remove() }
        let json = try archive.build(["--json"])
        let answer = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        XCTAssertEqual(Set(answer.keys), ["image", "size", "sha256", "cid", "lock_sha256", "recipe", "seconds"])
        func golden(_ changes: [String: Any]) throws -> Int32 {
            let fields = answer.filter { ["lock_sha256", "size", "sha256", "cid"].contains($0.key) }
            let data = try JSONSerialization.data(withJSONObject: fields.merging(changes) { $1 })
            try bench.write(String(decoding: data, as: UTF8.self), to: "golden.json")
            return try archive.build(["--golden", "golden.json"]).status
        }
        XCTAssertEqual(try golden([:]), 0)
        XCTAssertEqual(try golden(["sha256": String(repeating: "0", count: 64)]), 1)
        XCTAssertEqual(try golden(["lock_sha256": String(repeating: "0", count: 64)]), 2)
    }

    /// In a lock a private-use character is itself, and no byte of a host's path (Host/PathText.swift).
    func testAnImagesPathIsWhatTheLockSpells() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        try bench.write("mine", to: "own")
        let path = "/opt/\u{10ff80}x"
        try archive.manifest(["late"], more: "[[file]]\nsource = \"own\"\ntarget = \"\(path)\"\n")
        XCTAssertEqual(try archive.lock().status, 0)
        let built = try archive.build()
        XCTAssertEqual(built.status, 0, built.errors)
        XCTAssertEqual(try bench.run(["unsquashfs", "-cat", "test.squashfs", String(path.dropFirst())]).output, "mine")
    }

    func testAGoldenFileThatIsNoneIsSaidToBe() throws {
        let archive = try TestArchive.locked()
        defer { archive.bench.remove() }
        for text in ["{}", "no JSON", "{\"lock_sha256\": 1}"] {
            try archive.bench.write(text, to: "golden.json")
            let answer = try archive.build(["--golden", "golden.json"])
            XCTAssertEqual(answer.status, 2)
            XCTAssertEqual(
                answer.errors, "rtverify: golden.json is no golden file: JSON with lock_sha256, size, sha256 and cid\n")
        }
    }
}

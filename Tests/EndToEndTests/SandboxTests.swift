import Foundation
import XCTest

/// What the programs of an image can reach, and hosts of all kinds to build on.
final class SandboxTests: XCTestCase {
    /// Ways out, each of which says so in /what-was-seen when it leads somewhere.
    private static let waysOut = """
        set +e
        {
            perl -e 'exit !(syscall(272, 0x10000000) == 0)' && echo a user namespace is made by unshare
            perl -e 'my $p = syscall(56, 0x10000011, 0, 0, 0, 0); exit 1 if $p < 0; syscall(231, 0) if !$p; exit 0' &&
                echo a user namespace is made by clone
            perl -e 'exit !(syscall(165, "none", "/tmp", "cgroup2", 0, 0) == 0)' && echo control groups are mounted
            perl -e 'exit !(syscall(430, "tmpfs", 0) >= 0)' && echo a file system is opened
            perl -e 'exit !(syscall(250, 0, -3, 0) > 0)' && echo the session keyring is seen
            perl -e 'exit !(syscall(250, 0, -4, 0) > 0)' && echo the user keyring is seen
            perl -e 'exit !(syscall(248, "user", "x", "x", 1, -3) > 0)' && echo a key is added
            perl -e 'exit !socket(S, 40, 1, 0)' && echo a socket to the hypervisor is made
            perl -e 'exit !(syscall(41, 40 | 1 << 32, 1, 0) >= 0)' && echo a socket to the hypervisor is made by a long number
            perl -e 'exit !socket(S, 38, 5, 0)' && echo a socket into the kernel is made
            perl -e 'exit !(syscall(425, 8, "\\0" x 200) >= 0)' && echo a ring is made
            perl -e 'exit !(syscall(323, 1) >= 0)' && echo page faults are taken
            perl -e 'exit !socket(S, 2, 1, 0)' || echo no socket of its own network
            for other in /proc/[0-9]*; do
                read -r name < $other/comm
                case $name in init|sh|perl|cat) ;; *) echo a foreign process is seen: $name ;; esac
            done
            cat /proc/1/environ /proc/1/exe /proc/keys
            perl -e 'local $/; open F, "/proc/1/cmdline"; $_ = <F>; print unless $_ eq "init\\0"'
            perl -e 'chroot("/tmp") or die; chdir("..") for 1..50; chroot("."); exit !-e "\(Workbench.sources)"' &&
                echo the root is left
            for number in 1 9 15 19; do kill -$number 1; done
            true
        } > /what-was-seen 2> /dev/null
        """

    private func seen(_ archive: TestArchive, _ image: String = "test.squashfs") throws -> String {
        try archive.bench.run(["unsquashfs", "-cat", image, "what-was-seen"]).output
    }

    func testAStepReachesNeitherNamespacesNorKeysNorOthersProcesses() throws {
        let archive = try TestArchive.locked(step: Self.waysOut)
        let bench = archive.bench
        defer { bench.remove() }
        // A keyring with something in it, as a login session has one.
        let built = try bench.run(
            [
                "sh", "-c",
                "command -v keyctl >/dev/null && keyctl add user rtverify-test secret @s >/dev/null; exec \"$@\"", "sh",
                Workbench.program, "build", "--no-cache", "--lock", "test.lock", "-o", "test.squashfs", "--store",
                "store",
            ] + archive.mirror)
        XCTAssertEqual(built.status, 0, built.errors)
        XCTAssertEqual(try seen(archive), "")
        if getuid() == 0 {
            XCTAssertEqual(try TestUser.imageHash(of: "test.lock", bench), try bench.sha256("test.squashfs"))
        }
    }

    /// As sbuild, pbuilder and many CI systems have it: no mount point at /.
    func testABuildInAPlainChrootIsTheSameAndAsWellWalled() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can make the chroot") }
        let archive = try TestArchive.locked(step: Self.waysOut)
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        for root in ["chroot", "bound"] {
            let script = """
                set -e
                mkdir -p \(root)
                test \(root) = chroot || mount --bind \(root) \(root)
                mkdir -p \(root)/proc \(root)/dev \(root)/tmp \(root)/etc
                for folder in usr bin sbin lib lib64; do
                    if test -L /$folder; then cp -a /$folder \(root)/; elif test -d /$folder; then
                        mkdir -p \(root)/$folder; mount --rbind /$folder \(root)/$folder; fi
                done
                mount -t proc proc \(root)/proc; mount --rbind /dev \(root)/dev
                cp '\(Workbench.program)' \(root)/program; cp test.lock \(root)/; cp -a store \(root)/store
                chroot \(root) /program build --lock /test.lock -o /test.squashfs --store /store --offline --only-mirror
                cp \(root)/test.squashfs \(root).squashfs
                """
            let answer = try bench.run(["unshare", "--mount", "sh", "-c", script])
            XCTAssertEqual(answer.status, 0, answer.errors)
            XCTAssertEqual(try seen(archive, "\(root).squashfs"), "", root)
            XCTAssertEqual(try bench.sha256("\(root).squashfs"), try bench.sha256("test.squashfs"), root)
        }
    }

    func testAStoreThatDeniesProgramsAndDevicesWillDo() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can mount the store") }
        let archive = try TestArchive.locked(step: "true")
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        let script = """
            mkdir -p strict && mount -t tmpfs -o noexec,nodev,nosuid none strict && cp -a store strict/ || exit 99
            exec '\(Workbench.program)' build --no-cache --lock test.lock -o strict/image --store strict/store --offline --json
            """
        let answer = try bench.run(["unshare", "--mount", "sh", "-c", script])
        XCTAssertEqual(answer.status, 0, answer.errors)
        XCTAssertTrue(answer.output.contains(try bench.sha256("test.squashfs")), answer.output)
    }

    func testRootWithAContainersCapabilitiesAndMountsBuilds() throws {
        guard getuid() == 0 else { throw XCTSkip("only root has capabilities to drop") }
        let archive = try TestArchive.locked(step: "true")
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        for missing in ["-net_raw,-audit_write", "-net_raw,-audit_write,-setpcap", "-sys_resource,-sys_ptrace"] {
            let answer = try bench.run([
                "setpriv", "--bounding-set", missing, Workbench.program, "build", "--no-cache", "--lock", "test.lock",
                "-o",
                "less.squashfs", "--store", "store", "--offline",
            ])
            XCTAssertEqual(answer.status, 0, "\(missing): \(answer.errors)")
            XCTAssertEqual(try bench.sha256("less.squashfs"), try bench.sha256("test.squashfs"), missing)
        }
    }

    /// The tree's set-user-id programs are there while it is made, and nobody else's to run.
    func testAnotherUserCannotReachTheTree() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can make the other user") }
        let archive = try TestArchive.locked(
            step: "cp /usr/bin/head /usr/bin/su-head; chmod 4755 /usr/bin/su-head; sleep 4")
        let bench = archive.bench
        defer { bench.remove() }
        let user = try TestUser(bench)
        defer { user.remove() }
        XCTAssertEqual(try bench.run(["mkdir", "-p", "store"]).status, 0)
        let building = Process()
        building.executableURL = URL(fileURLWithPath: Workbench.program)
        building.arguments =
            ["build", "--lock", "\(bench.folder)/test.lock", "-o", "\(bench.folder)/x.squashfs", "--quiet"]
            + ["--store", "\(bench.folder)/store"] + archive.mirror
        try building.run()
        defer { building.waitUntilExit() }
        var found = ""
        for _ in 0..<60 where building.isRunning {
            usleep(100_000)
            found += try user.run("ls '\(bench.folder)/store/work/'*/ 2>/dev/null; true").output
        }
        XCTAssertEqual(found, "")
        building.waitUntilExit()
        XCTAssertEqual(building.terminationStatus, 0)
    }

    func testWhatAStepPrintsIsSafeAndBoundedAndItCanBeGivenUp() throws {
        let long = try TestArchive.locked(
            step:
                """
                perl -e 'print "b" x 3_000_000, "\\n"; print "\\xe2\\x80\\xa8" x 1000, "\\n"; print "\\0" x 30_000, "\\n"'
                printf '\\033]0;title\\007 \\302\\233 red \\033[31m\\n'; perl -e 'print "no newline" x 100_000'
                for i in 1 2 3 4 5 6 7 8; do perl -e 'print "c" x 10_000, "\\n"'; done
                """)
        defer { long.bench.remove() }
        let built = try long.build(["--verbose"])
        XCTAssertEqual(built.status, 0, String(built.errors.suffix(2000)))
        XCTAssertTrue(built.errors.contains("\\u{1b}]0;title\\u{7}"), "escape sequences are shown as numbers")
        XCTAssertFalse(built.errors.unicodeScalars.contains { $0 == "\u{1b}" || $0 == "\u{9b}" || $0 == "\u{2028}" })
        XCTAssertLessThan(built.errors.utf8.count, 200_000)

        let failing = try TestArchive.locked(step: "printf '\\033[31mthe reason\\n'; exit 3")
        defer { failing.bench.remove() }
        let failed = try failing.build()
        XCTAssertEqual(failed.status, 2)
        XCTAssertTrue(
            failed.errors.contains("\\u{1b}[31mthe reason") && failed.errors.contains("exited(3)"), failed.errors)

        let endless = try TestArchive.locked(step: "sleep 300 & sleep 300")
        defer { endless.bench.remove() }
        let given = try endless.build(["--step-timeout", "1"])
        XCTAssertEqual(given.status, 2)
        XCTAssertTrue(given.errors.contains("had not ended after 1 s"), given.errors)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: "\(endless.bench.folder)/store/work"), [])
        XCTAssertEqual(try endless.build(["--step-timeout", "0"]).status, 64)
    }

    /// What a parent made of signals, soft limits and streams is none of the image's. A hard limit below the image's own can be
    /// raised with CAP_SYS_RESOURCE alone, which root of a container need not have.
    func testTheCallersSignalsAndLimitsAreNotTheImages() throws {
        let archive = try TestArchive.locked(
            step:
                "{ cat /proc/self/status; ulimit -n; ulimit -s; ulimit -c; } | perl -ne 'print if /^Sig[BIC]|^[0-9]/' > /limits"
        )
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        for odd in [
            "ulimit -S -n 500; trap '' CHLD PIPE TERM USR1; exec", "ulimit -S -s 16384; ulimit -S -c unlimited; exec",
            "perl -e '$SIG{CHLD} = \"IGNORE\"; exec @ARGV'", "exec 2>&-; exec", "exec 0<&-; exec",
        ] {
            let script =
                "\(odd) '\(Workbench.program)' build --no-cache --lock test.lock -o odd.squashfs --store store --offline"
            let answer = try bench.run(["bash", "-c", script])
            XCTAssertEqual(answer.status, 0, "\(odd): \(answer.errors)")
            XCTAssertEqual(try bench.sha256("odd.squashfs"), try bench.sha256("test.squashfs"), odd)
        }
    }

    /// By a program of C that confines itself as the reader of images does.
    func testTheConfinedReaderReadsAndDoesNothingElse() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let sandbox = "\(Workbench.checkout)/Sources/CSandbox"
        let compiled = try bench.run([
            "gcc", "-I\(sandbox)/include", "-o", "confined", "\(Workbench.sources)/Fixtures/confined.c",
            "\(sandbox)/confine.c", "-l:libseccomp.a", "-pthread",
        ])
        XCTAssertEqual(compiled.status, 0, compiled.errors)
        try bench.write("read\n", to: "file")
        let answer = try bench.run(["./confined", "file"])
        XCTAssertEqual(answer.status, 0, answer.errors)
        let found = answer.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        XCTAssertEqual(found.filter { $0.last == "yes" }.map { $0[0] }, ["read", "epoll", "descriptor", "thread"])
        XCTAssertEqual(found.filter { $0.last == "no" }.count, 17, answer.output)
        XCTAssertEqual(found.count, 21, answer.output)
    }
}

import Foundation
import XCTest

/// Builds on hosts that run short of something while a script looks away.
final class ResourceTests: XCTestCase {
    private func locked(_ step: String) throws -> TestArchive {
        guard getuid() == 0 else { throw XCTSkip("only root can limit what this test runs short of") }
        return try .locked(step: step)
    }

    /// A control group of this test's own: its folder, and the file that limits its memory.
    private func memoryGroup() throws -> (folder: String, limit: String) {
        for (top, limit) in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")] {
            let folder = "\(top)/rtverify-test-\(getpid())-\(UInt32.random(in: 0...9999))"
            guard mkdir(folder, 0o755) == 0 else { continue }
            if access("\(folder)/\(limit)", W_OK) == 0 { return (folder, "\(folder)/\(limit)") }
            rmdir(folder)
        }
        throw XCTSkip("no memory control group can be made here")
    }

    func testAProgramKilledForWantOfMemoryFailsTheBuildThoughItsScriptLooksAway() throws {
        let archive = try locked("perl -e '$x = \"a\" x (900 << 20)' || true")
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        let group = try memoryGroup()
        defer { rmdir(group.folder) }
        func build(_ limit: String, _ options: String = "") throws -> Workbench.Answer {
            try bench.run([
                "bash", "-c",
                """
                echo \(limit) > \(group.limit) || exit 99
                echo $BASHPID > \(group.folder)/cgroup.procs
                '\(Workbench.program)' build --no-cache --lock test.lock -o limited.squashfs --store store --offline \(options)
                """,
            ])
        }
        for options in ["", "--check"] {
            let short = try build("500M", options)
            XCTAssertEqual(short.status, 2, short.errors)
            XCTAssertTrue(short.errors.contains("killed a program for want of memory"), short.errors)
            XCTAssertFalse(bench.exists("limited.squashfs"))
        }
        let hopeless = try build("100M")
        XCTAssertEqual(hopeless.status, 2, hopeless.errors)
        XCTAssertTrue(hopeless.errors.contains("this control group may use"), hopeless.errors)
        XCTAssertEqual(try build("2000M").status, 0)
        XCTAssertEqual(try bench.sha256("limited.squashfs"), try bench.sha256("test.squashfs"))
    }

    func testADiskThatIsFullForAMomentFailsTheBuildThoughItsScriptLooksAway() throws {
        let archive = try locked("sleep 3; echo x > /x 2>/dev/null || true; sleep 1")
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        // Without memory for the tree it lies on the small disk, as the store does.
        let script = """
            mkdir -p small && mount -t tmpfs -o size=400m none small && cp -a store small/ || exit 99
            '\(Workbench.program)' build --no-cache --lock test.lock -o image.squashfs --store small/store --offline -v 2>log &
            build=$!
            for i in $(seq 100); do grep -q 'Setting up late' log && break; sleep 0.1; done
            sleep \("$1") ; dd if=/dev/zero of=small/filler bs=1M 2>/dev/null; sleep 0.3; rm small/filler
            wait $build; echo $?; cat log >&2; ls small/store/work
            """
        for moment in ["0.5", "1.5"] {
            let answer = try bench.run(["unshare", "--mount", "bash", "-c", script, "bash", moment])
            XCTAssertEqual(answer.output, "2\n", answer.errors)
            XCTAssertTrue(answer.errors.contains("was full while the image was built"), answer.errors)
            XCTAssertTrue(answer.errors.contains("free some space"), answer.errors)
            XCTAssertFalse(bench.exists("image.squashfs"))
        }
    }
}

import Foundation
import XCTest

/// What `rtverify boot` answers, with the smallest image that boots. The kernel is Debian's, from the real archive.
final class BootTests: XCTestCase {
    /// An Alpine image whose init starts a command.
    private func image(_ command: String) throws -> Workbench {
        try AlpineMirror.require()
        let archive = try TestArchive()
        try archive.alpineManifest(release: "3.20.3", more: "", rest: "[init]\ncommand = '''\(command)'''")
        let locked = try archive.lock(["--mirror", AlpineMirror.folder])
        XCTAssertEqual(locked.status, 0, locked.errors)
        let built = try archive.build(["--mirror", AlpineMirror.folder])
        XCTAssertEqual(built.status, 0, built.errors)
        return archive.bench
    }

    private func boot(_ bench: Workbench, _ options: [String]) throws -> Workbench.Answer {
        let answer = try bench.rtverify(["boot", "test.squashfs", "--memory", "256", "--emulate"] + options)
        if answer.errors.contains("could not be fetched") {
            throw XCTSkip("the archive that the kernel comes from can't be reached: \(answer.errors)")
        }
        return answer
    }

    func testACommandRunsInAWritableSystemAndTheMachineEnds() throws {
        let bench = try image(
            """
            false && echo never printed; echo "says $(cat /proc/1/comm)" > /etc/note; cat /etc/note; ls /.lower 2>&1; test -e /dev/fd/0 && echo fd
            stat -f -c %T /dev/shm /run; tr -dc a-f0-9 < /etc/machine-id | wc -c
            ping -c 1 127.0.0.1 >/dev/null && echo lo is up
            """)
        defer { bench.remove() }
        let ended = try boot(bench, ["--expect", "init: halted"])
        XCTAssertEqual(ended.status, 0, ended.errors + ended.output.suffix(4000))
        let console = ended.output.replacingOccurrences(of: "\r", with: "")
        for line in ["says init\n", "fd\n", "tmpfs\ntmpfs\n", "lo is up\n", "init: it ended with status 0\n"] {
            XCTAssertTrue(console.contains(line), "\(line)\n\(console.suffix(3000))")
        }
        // The machine ends by itself; the text never comes.
        let other = try boot(bench, ["--expect", "never printed"])
        XCTAssertEqual(other.status, 1, "the init's announcement of its command is no output of the command")
        XCTAssertTrue(other.errors.contains("the machine ended"), other.errors)
        // Nor within a second.
        let late = try boot(bench, ["--expect", "init: halted", "--timeout", "1"])
        XCTAssertEqual(late.status, 1)
        XCTAssertTrue(late.errors.contains("did not appear within 1 seconds"), late.errors)
        let whole = try boot(bench, [])
        XCTAssertEqual(whole.status, 0, whole.errors)
    }

    func testWhatCannotBootIsUndecided() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        try bench.write("no image", to: "test.squashfs")
        let answer = try boot(bench, [])
        XCTAssertEqual(answer.status, 2)
        XCTAssertTrue(answer.errors.contains("is no squashfs image"), answer.errors)
        XCTAssertEqual(try boot(bench, ["--timeout", "5"]).status, 64)
    }

    func testNoMachineOutlivesItsCommand() throws {
        let bench = try image("echo running; sleep 1000")
        defer { bench.remove() }
        // A machine that hears nothing, too.
        for (signal, status, stopped) in [("TERM", Int32(143), false), ("KILL", 137, false), ("TERM", 143, true)] {
            let script = """
                machine='^qemu-system.*\(bench.folder)/test.squashfs'
                '\(Workbench.program)' boot test.squashfs --memory 256 --emulate --expect never --timeout 300 \
                    > console 2> errors &
                program=$!
                for i in $(seq 600); do
                    grep -qa ^running console && break; kill -0 $program || break; sleep 0.1
                done
                pgrep -f "$machine" > /dev/null || exit 98
                \(stopped ? "kill -STOP $(pgrep -f \"$machine\")" : "")
                kill -\(signal) $program; wait $program; status=$?
                for i in $(seq 50); do pgrep -f "$machine" > /dev/null || break; sleep 0.1; done
                pgrep -f "$machine" && exit 99
                exit $status
                """
            let answer = try bench.run(["bash", "-c", script])
            let errors = try bench.read("errors")
            if errors.contains("could not be fetched") { throw XCTSkip("no kernel can be fetched") }
            XCTAssertEqual(answer.status, status, "\(signal): \(answer.errors) \(errors)")
        }
    }
}

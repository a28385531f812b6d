import Foundation
import XCTest

/// Builds that don't get to their end.
final class InterruptionTests: XCTestCase {
    /// Processes, mounts, images and work folders that a build left.
    private static let remains = """
        pgrep -f "$PWD/store/work" | wc -l; grep -c "$PWD" /proc/mounts; ls *.squashfs 2>/dev/null; ls store/work | wc -l
        """

    func testAKilledBuildLeavesNothingAndTheNextOneWorks() throws {
        let archive = try TestArchive.locked(["slow"])
        let bench = archive.bench
        defer { bench.remove() }
        for (signal, status) in [("TERM", "143"), ("INT", "130"), ("KILL", "137")] {
            let script = """
                '\(Workbench.program)' build --no-cache --lock test.lock -o slow.squashfs --store store --offline -v 2>log & p=$!
                for i in $(seq 200); do grep -q 'Setting up slow' log && break; sleep 0.1; done
                kill -\(signal) $p; wait $p; echo status $?; sleep 1
                pgrep -f '^sleep 300$' | wc -l; \(Self.remains)
                """
            let answer = try bench.run(["bash", "-c", script])
            let left = signal == "KILL" ? "2" : "0"
            XCTAssertEqual(answer.output, "status \(status)\n0\n0\n0\n\(left)\n", "\(signal): \(answer.errors)")
        }
        try archive.manifest(["late"])
        XCTAssertEqual(try archive.lock().status, 0)
        let next = try archive.build()
        XCTAssertEqual(next.status, 0, next.errors)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder)/store/work"), [])
    }

    func testABuildCanBeInterruptedAtAnyPoint() throws {
        let archive = try TestArchive.locked(["late", "special"])
        let bench = archive.bench
        defer { bench.remove() }
        let started = Date()
        XCTAssertEqual(try archive.build().status, 0)
        let duration = Date().timeIntervalSince(started)
        let expected = try bench.sha256("test.squashfs")
        var ends: [String: Int] = [:]
        for point in 0..<12 {
            let (signal, status) = [("TERM", 143), ("INT", 130), ("KILL", 137)][point % 3]
            let script = """
                rm -f test.squashfs
                '\(Workbench.program)' build --lock test.lock -o test.squashfs --store store --offline >/dev/null 2>log & p=$!
                sleep \(duration * Double(point + 1) / 13); kill -\(signal) $p; wait $p; echo $?
                sleep 0.5; \(Self.remains)
                """
            let answer = try bench.run(["bash", "-c", script])
            let lines = answer.output.split(separator: "\n").map(String.init)
            let when = "\(signal) at \(point + 1)/13 of \(duration) s"
            ends[lines.first ?? "", default: 0] += 1
            // A build that was faster this time has its image and nothing else.
            if lines.first == "0" {
                XCTAssertEqual(lines.dropFirst(), ["0", "0", "test.squashfs", "0"], when)
            } else {
                XCTAssertEqual(Array(lines.prefix(3)), ["\(status)", "0", "0"], "\(when): \(answer.errors)")
                XCTAssertFalse(lines.contains("test.squashfs"), when)
                if signal != "KILL" { XCTAssertEqual(lines.last, "0", when) }
            }
        }
        XCTAssertGreaterThan(ends.filter { $0.key != "0" }.values.reduce(0, +), 6, "\(ends)")
        let next = try archive.build()
        XCTAssertEqual(next.status, 0, next.errors)
        XCTAssertEqual(try bench.sha256("test.squashfs"), expected)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder)/store/work"), [])
    }

    func testADownloadCanBeInterrupted() throws {
        let archive = try TestArchive.locked(["late"])
        let bench = archive.bench
        defer { bench.remove() }
        try archive.serving("hang") { mirror in
            let script = """
                '\(Workbench.program)' build --no-cache --lock test.lock -o test.squashfs --store cold \
                \(mirror.joined(separator: " ")) 2>log & p=$!
                sleep 1; kill -INT $p; wait $p; echo $?; find cold -type f ! -path cold/uses/lock
                """
            let answer = try bench.run(["bash", "-c", script])
            XCTAssertEqual(answer.output, "130\n", answer.errors)
        }
    }

    /// The disk fills while inputs are stored, while the tree is made, and while the image is written.
    func testAFullDiskSaysSoAndIsCleanedUp() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can mount the small file system that this test fills") }
        let archive = try TestArchive.locked(["late", "special"])
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        let usage = try bench.run(["du", "-sm", "store/objects"]).output
        let inputs = try XCTUnwrap(Int(usage.prefix { $0 != "\t" }))
        XCTAssertEqual(try bench.run(["rm", "test.squashfs"]).status, 0)
        for (what, size, store, image) in [
            ("inputs", "\(inputs / 2)m", "small/store", "test.squashfs"),
            ("tree", "\(inputs + inputs / 2)m", "small/store", "test.squashfs"),
            ("image", "256k", "store", "small/test.squashfs"),
        ] {
            let mirror = archive.mirror.joined(separator: " ")
            let script = """
                mkdir -p small && mount -t tmpfs -o size=\(size) none small || exit 99
                '\(Workbench.program)' build --no-cache --lock test.lock -o \(image) --store \(store) \(mirror)
                echo $?; ls \(store)/work; ls small; find small -name '.rtverify*'; find small -name '*.squashfs'
                """
            let answer = try bench.run(["unshare", "--mount", "bash", "-c", script])
            XCTAssertEqual(answer.output, what == "image" ? "2\n" : "2\nstore\n", "\(what): \(answer.errors)")
            XCTAssertTrue(answer.errors.contains("No space left on device"), "\(what): \(answer.errors)")
            XCTAssertTrue(answer.errors.contains("free some space"), "\(what): \(answer.errors)")
        }
        XCTAssertFalse(bench.exists("test.squashfs"))
    }
}

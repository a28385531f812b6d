import Foundation
import XCTest

/// The minimal runtime from the real Debian archive, through the mirrors that this host's apt is configured with.
final class MinimalRuntimeTests: XCTestCase {
    private static let hostName = "rtverify-builder-name"

    func testTheMinimalRuntimeIsTheGoldenOneAndWorks() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let checkout = Workbench.checkout
        var lock = "\(checkout)/lockfiles/debian-12-minimal.lock"
        let golden = "\(checkout)/golden/debian-12-minimal.json"
        // Built on a host with a name that would be found in the image, and with a setting of a proxy.
        let naming =
            getuid() == 0
            ? ["unshare", "--uts", "sh", "-c", "echo \(Self.hostName) > /proc/sys/kernel/hostname; exec \"$@\"", "sh"]
            : []
        var built = try bench.run(
            naming + [
                Workbench.program, "build", "--lock", lock, "-o", "minimal.squashfs", "--golden", golden, "--store",
                "\(bench.folder)/store",
            ],
            environment: ["no_proxy": "proxy-\(Self.hostName)"])
        var goldenSkipped = false
        if built.status == 2 {
            XCTAssertTrue(built.errors.contains("could not be fetched"), built.errors)
            goldenSkipped = true
            lock = "\(bench.folder)/minimal.lock"
            let anew = try bench.rtverify(["lock", "\(checkout)/runtimes/debian-12-minimal/runtime.toml", "-o", lock])
            guard anew.status == 0 else { throw XCTSkip("the Debian archive can't be reached: \(anew.errors)") }
            built = try bench.rtverify(["build", "--lock", lock, "-o", "minimal.squashfs"])
        }
        XCTAssertEqual(built.status, 0, built.errors)

        let verified = try bench.rtverify(["lock", "--verify", lock, "--fetch"])
        XCTAssertEqual(verified.status, 0, verified.errors)
        try properties(of: "minimal.squashfs", lock: lock, bench)
        if goldenSkipped {
            throw XCTSkip("the locked versions have left the mirrors: the golden hash was not compared")
        }
    }

    private func properties(of image: String, lock: String, _ bench: Workbench) throws {
        guard getuid() == 0 else { throw XCTSkip("only root can mount the image") }
        XCTAssertEqual(try bench.run(["mkdir", "mnt"]).status, 0)
        let mounted = try bench.run(["mount", "-t", "squashfs", "-o", "loop,ro", image, "mnt"])
        guard mounted.status == 0 else { throw XCTSkip("this kernel mounts no squashfs here: \(mounted.errors)") }
        defer { _ = try? bench.run(["umount", "mnt"]) }
        XCTAssertEqual(
            try bench.run(["chroot", "mnt", "python3", "-c", "import json; print(json.dumps([1]))"]).output, "[1]\n")
        XCTAssertTrue(try bench.run(["chroot", "mnt", "locale", "-a"]).output.contains("en_US.utf8"))
        XCTAssertEqual(try bench.run(["chroot", "mnt", "dpkg", "--audit"]).output, "")
        let installed = try bench.run(
            ["chroot", "mnt", "dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n"]).output
        let text = try String(contentsOfFile: lock, encoding: .utf8)
        let locked = text.components(separatedBy: "\n[[").filter { $0.hasPrefix("package]]") }.map { block in
            let values = block.split(separator: "\n").filter { $0.hasPrefix("name") || $0.hasPrefix("version") }
                .map { $0.split(separator: "\"")[1] }
            return "\(values[0]) \(values[1]) installed"
        }
        XCTAssertEqual(Set(installed.split(separator: "\n").map(String.init)), Set(locked))
        XCTAssertFalse(locked.contains { $0.hasPrefix("usrmerge ") })
        XCTAssertEqual(try bench.run(["readlink", "mnt/bin"]).output, "usr/bin\n")
        XCTAssertEqual(try bench.read("mnt/etc/hostname"), "localhost\n")
        for word in [bench.folder, Self.hostName] {
            XCTAssertEqual(try bench.run(["grep", "-rlF", word, "mnt/etc", "mnt/var", "mnt/root"]).output, "", word)
        }
        let listed = try bench.run(["unsquashfs", "-lln", image])
        XCTAssertEqual(listed.status, 0, listed.errors)
    }
}

import Foundation
import XCTest

/// The minimal runtime from the real Debian archive, through the mirrors that this host's apt is configured with.
final class MinimalRuntimeTests: XCTestCase {
    private static let hostName = "rtverify-builder-name"
    private static let manifest = "\(Workbench.checkout)/runtimes/debian-12-minimal/runtime.toml"

    func testTheCommittedLockGivesTheGoldenImage() throws { try golden("debian-12-minimal") }

    func testDebian13sCommittedLockGivesTheGoldenImage() throws { try golden("debian-13-minimal") }

    private func golden(_ name: String) throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let lock = "\(Workbench.checkout)/lockfiles/\(name).lock"
        let built = try bench.rtverify(
            [
                "build", "--lock", lock, "-o", "minimal.squashfs", "--golden",
                "\(Workbench.checkout)/golden/\(name).json",
            ] + SharedMirrors.options)
        if built.status == 2, built.errors.contains("could not be fetched") {
            throw XCTSkip("the locked versions have left the mirrors: the golden hash was not compared")
        }
        XCTAssertEqual(built.status, 0, built.errors)
        try properties(of: "minimal.squashfs", lock: lock, bench)
        if name == "debian-12-minimal" { try isAsTheReadmeShows(bench, built) }
    }

    /// The README's first screen: what it prints was printed. The message is this test's own, on a node on loopback.
    private func isAsTheReadmeShows(_ bench: Workbench, _ built: Workbench.Answer) throws {
        let readme = try String(contentsOfFile: "\(Workbench.checkout)/README.md", encoding: .utf8)
        func shown(_ output: String) -> String {
            output.replacing("\(Workbench.checkout)/", with: "").split(separator: "\n").map { "    \($0)\n" }.joined()
        }
        let build =
            "    $ rtverify build --lock lockfiles/debian-12-minimal.lock -o minimal.squashfs --golden "
            + "golden/debian-12-minimal.json\n"
        XCTAssertTrue(readme.contains(build + shown(built.output)), shown(built.output))
        let owner = TestKey(1)
        let message = TestMessage(
            TestMessage.store(try bench.sha256("minimal.squashfs"), owner: owner.address), by: owner)
        try TestNode(message).serving(bench) { url in
            let arguments = [
                "verify", "minimal.squashfs", "--item-hash", message.itemHash, "--sender", owner.address,
            ]
            let answer = try bench.rtverify(arguments + ["--api", url])
            XCTAssertEqual(answer.status, 0, answer.output + answer.errors)
            let block =
                "    $ rtverify \(arguments.joined(separator: " "))\n"
                + shown(answer.output.replacing(url, with: "http://localhost:4024"))
            XCTAssertTrue(readme.contains(block), block)
        }
    }

    /// Locks outlive the program that wrote them.
    func testLocksOfFormat1GiveTheirGoldenImages() throws { try old("format-1") }

    /// Before three of the runtimes had an agent.
    func testLocksOfFormat2GiveTheirGoldenImages() throws { try old("format-2") }

    /// With the first agent and the second init.
    func testLocksOfTheFirstAgentGiveTheirGoldenImages() throws { try old("agent-1") }

    private func old(_ format: String) throws {
        let old = "\(Workbench.checkout)/Tests/EndToEndTests/Fixtures/\(format)"
        let bench = try Workbench()
        defer { bench.remove() }
        let user = getuid() == 0 ? try TestUser(bench) : nil
        defer { user?.remove() }
        // The others take minutes each: scripts/goldens builds them all.
        let small: Set = ["debian-12-minimal.lock", "example-python-volume.lock", "alpine-minimal.lock"]
        let isWhole = ProcessInfo.processInfo.environment["RTVERIFY_ALL_GOLDENS"] != nil
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(old)/lockfiles")
        for name in names.sorted() where isWhole || small.contains(name) {
            let golden = "\(old)/golden/\(name.dropLast(5)).json"
            let built = try bench.rtverify(
                ["build", "--lock", "\(old)/lockfiles/\(name)", "-o", "old.squashfs", "--golden", golden]
                    + SharedMirrors.options)
            if built.status == 2,
                ["could not be fetched", "pip's download of wheels failed"].contains(where: built.errors.contains)
            {
                throw XCTSkip("what \(name) locks has left the mirrors: its image was not compared: \(built.errors)")
            }
            XCTAssertEqual(built.status, 0, name + built.errors)
            guard let user, small.contains(name) else { continue }
            XCTAssertEqual(try bench.run(["cp", "\(old)/lockfiles/\(name)", golden, "."]).status, 0)
            let users = try user.run(
                "'\(bench.folder)/program' build --no-cache --lock '\(bench.folder)/\(name)' -o user.squashfs --offline "
                    + "--golden '\(bench.folder)/\(name.dropLast(5)).json' --store '\(bench.folder)/user-store'",
                copying: "store")
            XCTAssertEqual(users.status, 0, name + users.errors)
            XCTAssertEqual(try bench.run(["rm", "-rf", "user-store"]).status, 0)
        }
    }

    /// Without an archive there is nothing to compare; whatever else goes wrong is a failure.
    private func skipUnreached(_ answer: Workbench.Answer) throws {
        if answer.status != 0, answer.errors.contains("no mirror has") || answer.errors.contains("could not be fetched")
        {
            throw XCTSkip("the Debian archive can't be reached: \(answer.errors)")
        }
        XCTAssertEqual(answer.status, 0, answer.errors)
    }

    /// Backports are asked for what names them, and for what that then needs.
    func testAPackageOfBackportsComesWithWhatItNeedsOfThem() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        try bench.write(
            """
            [runtime]
            name = "backports"
            [base]
            system = "debian"
            release = "bookworm"
            [packages]
            install = ["curl/bookworm-backports", "jq"]
            """, to: "runtime.toml")
        let locked = try bench.rtverify(["lock", "runtime.toml", "-o", "test.lock"])
        if locked.status != 0, locked.errors.contains("no 'curl' in bookworm-backports") {
            throw XCTSkip("the locked versions have left the mirrors: backports have no curl any more")
        }
        try skipUnreached(locked)
        let blocks = try bench.read("test.lock").components(separatedBy: "[[package]]")
        func names(_ suite: String) -> [String] {
            blocks.filter { $0.contains("archive = \"\(suite)\"") }.compactMap {
                $0.firstMatch(of: #/name = "([^"]+)"/#).map { String($0.1) }
            }
        }
        let backported = names("bookworm-backports")
        XCTAssertTrue(backported.contains("curl"), locked.output)
        XCTAssertTrue(backported.contains { $0.hasPrefix("libcurl4") }, "\(backported)")
        XCTAssertLessThan(backported.count, 12, "\(backported)")
        XCTAssertFalse(backported.contains("jq"))
        let verified = try bench.rtverify(["lock", "verify", "test.lock", "--offline"])
        XCTAssertEqual(verified.status, 0, verified.errors)
    }

    func testALockMadeNowIsVerifiedAndBuilds() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let lock = "\(bench.folder)/minimal.lock"
        let locked = try bench.rtverify(["lock", Self.manifest, "-o", lock])
        try skipUnreached(locked)
        let verified = try bench.rtverify(["lock", "verify", lock, "--offline"])
        XCTAssertEqual(verified.status, 0, verified.errors)
        XCTAssertEqual(try bench.rtverify(["lock", "check", Self.manifest, "-o", lock]).status, 0)
        let built = try bench.run(
            try naming(bench) + [
                Workbench.program, "build", "--no-cache", "--lock", lock, "-o", "minimal.squashfs", "--offline",
                "--store", "store",
            ],
            environment: ["http_proxy": "http://proxy.\(Self.hostName):3128", "no_proxy": Self.hostName])
        XCTAssertEqual(built.status, 0, built.errors)
        try properties(of: "minimal.squashfs", lock: lock, bench)
    }

    /// A host whose name and resolver would be found in the image: what to put before a command, as root.
    private func naming(_ bench: Workbench) throws -> [String] {
        guard getuid() == 0 else { return [] }
        try bench.write("search \(Self.hostName)\nnameserver 127.0.0.1\n", to: "resolv.conf")
        let script = """
            echo \(Self.hostName) > /proc/sys/kernel/hostname
            mount --bind resolv.conf /etc/resolv.conf && exec "$@"
            """
        return ["unshare", "--uts", "--mount", "sh", "-c", script, "sh"]
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
        // Neither the builder's names nor its paths, anywhere in the image.
        let traces = try bench.run(["grep", "-rlaF", "-e", bench.folder, "-e", Self.hostName, "mnt"])
        XCTAssertEqual(traces.output, "")
        let listed = try bench.run(["unsquashfs", "-lln", image])
        XCTAssertEqual(listed.status, 0, listed.errors)
    }
}

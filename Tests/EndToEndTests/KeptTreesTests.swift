import Foundation
import XCTest

/// The second build of the day: trees of earlier ones are taken, where they are what they were, and change no byte.
final class KeptTreesTests: XCTestCase {
    private static let taken = "take the tree of an earlier build"

    private static func step(_ word: String) -> String {
        "[[step]]\nrun = \"echo \(word) > /opt/step; rm -f /opt/special/two; chmod 0700 /opt/special\"\n"
    }

    /// Builds twice what the archive's lock says, and once more without kept trees; all are one image.
    /// - Returns: What the second build said.
    @discardableResult
    private func isTheSame(_ archive: TestArchive) throws -> String {
        let bench = archive.bench
        for (image, caching) in [("first", true), ("second", true), ("without", false)] {
            let answer = try archive.build(["--verbose"], image: image, caching: caching)
            XCTAssertEqual(answer.status, 0, answer.errors)
            if image != "first" { XCTAssertEqual(answer.errors.contains(Self.taken), caching, answer.errors) }
            try bench.write(answer.errors, to: "\(image).log")
        }
        XCTAssertEqual(try bench.sha256("second"), try bench.sha256("without"))
        XCTAssertEqual(try bench.sha256("first"), try bench.sha256("without"))
        return try bench.read("second.log")
    }

    private func trees(_ bench: Workbench) throws -> [String] {
        let folder = "\(bench.folder)/cache/rtverify-trees"
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { "\(folder)/\($0)" }
    }

    /// Links, set-user-id, capabilities, attributes and owners come back as they were, and an edit installs nothing anew.
    func testAnEditInstallsNothingAnew() throws {
        let archive = try TestArchive.locked(["late", "special"], more: Self.step("one"))
        let bench = archive.bench
        defer { bench.remove() }
        let second = try isTheSame(archive)
        XCTAssertFalse(second.contains("Setting up "), second)
        XCTAssertTrue(second.contains("timeline in seconds"), second)
        XCTAssertEqual(try trees(bench).count, 1)
        try archive.manifest(
            ["late", "special"], more: Self.step("two") + "[[file]]\ntarget = \"/etc/note\"\nsource = \"note\"\n")
        try bench.write("a note\n", to: "note")
        XCTAssertEqual(try archive.lock().status, 0)
        let edited = try archive.build(["--verbose"], image: "edited", caching: true)
        XCTAssertEqual(edited.status, 0, edited.errors)
        XCTAssertTrue(edited.errors.contains(Self.taken), edited.errors)
        XCTAssertEqual(try archive.build(image: "fresh").status, 0)
        XCTAssertEqual(try bench.sha256("edited"), try bench.sha256("fresh"))
        XCTAssertNotEqual(try bench.sha256("edited"), try bench.sha256("second"))
        // Another package is another tree.
        try archive.manifest(["late"])
        XCTAssertEqual(try archive.lock().status, 0)
        let fewer = try archive.build(image: "fewer", caching: true)
        XCTAssertEqual(fewer.status, 0, fewer.errors)
        XCTAssertFalse(fewer.errors.contains(Self.taken), fewer.errors)
        XCTAssertEqual(try trees(bench).count, 2)
    }

    /// libarchive asks for the process's mask by setting it for an instant, in each of the threads that bring files back.
    func testModesThatAMaskWouldTakeComeBack() throws {
        let archive = try TestArchive.locked(["modes"])
        defer { archive.bench.remove() }
        for _ in 0..<3 { try isTheSame(archive) }
    }

    /// No image has access control lists, but a tree may, until a step removes them (Debian 13's /var/log/journal).
    func testAccessListsComeBackForTheStepsThatRemoveThem() throws {
        // What is made in a folder with a default list inherits it, and what was there before has none.
        let step = """
            ls -l /opt/acl > /opt/seen; touch /opt/acl/new; ls -l /opt/acl/new | head -c 11 >> /opt/seen
            rm -r /opt/acl
            """
        let archive = try TestArchive.locked(["with-lists"], step: step)
        let bench = archive.bench
        defer { bench.remove() }
        try isTheSame(archive)
        XCTAssertEqual(try bench.run(["unsquashfs", "-q", "-n", "-d", "tree", "second", "opt/seen"]).status, 0)
        let seen = try bench.read("tree/opt/seen")
        XCTAssertEqual(seen.matches(of: #/-rw[-rwx]{7}\+/#).count, 2, seen)
        XCTAssertTrue(seen.contains("-rw-r--r-- "), seen)
    }

    /// The commonest edit of all: a step fails, is mended and tried again.
    func testAFailedStepKeepsWhatCameBeforeIt() throws {
        let archive = try TestArchive.locked(["late"], step: "false")
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build(caching: true).status, 2)
        try archive.manifest(["late"], more: "[[step]]\nrun = \"ls -R /.rtverify > /opt-seen\"\n")
        XCTAssertEqual(try archive.lock().status, 0)
        let mended = try archive.build(caching: true)
        XCTAssertEqual(mended.status, 0, mended.errors)
        XCTAssertTrue(mended.errors.contains(Self.taken), mended.errors)
        XCTAssertEqual(try archive.build(image: "without").status, 0)
        XCTAssertEqual(try bench.sha256("test.squashfs"), try bench.sha256("without"))
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder)/store/work"), [])
    }

    func testAUsersTreesAreTheUsersOwn() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can make a user") }
        let archive = try TestArchive.locked(["late", "special"], more: Self.step("one"))
        let bench = archive.bench
        defer { bench.remove() }
        let user = try TestUser.withStore(of: archive)
        defer { user.remove() }
        let build =
            "'\(bench.folder)/program' build --lock '\(bench.folder)/test.lock' --offline --store '\(bench.folder)/user-store'"
        let answer = try user.run(
            "\(build) -o 1 >/dev/null && \(build) -o 2 2>&1 >/dev/null | grep -c '\(Self.taken)' && cmp 1 2 && "
                + "stat -c %a .cache/rtverify-trees && sha256sum < 2")
        XCTAssertEqual(answer.status, 0, answer.errors)
        XCTAssertEqual(
            answer.output, "1\n700\n\(try bench.sha256("test.squashfs"))  -\n", answer.errors)
    }

    func testWhatHasChangedIsNotTaken() throws {
        let archive = try TestArchive.locked(["late", "special"], more: Self.step("one"))
        let bench = archive.bench
        defer { bench.remove() }
        try isTheSame(archive)
        let expected = try bench.sha256("without")
        for (file, damage) in [
            ("files-0", "printf x | dd of=$f bs=1 seek=100 conv=notrunc status=none"), ("files-0", "truncate -s -1 $f"),
            ("folders", "rm $f"), ("links", ": > $f"), ("record", "sed -i s/files-0/files-1/ $f"),
        ] {
            let path = "\(try XCTUnwrap(trees(bench).first))/\(file)"
            XCTAssertEqual(try bench.run(["sh", "-c", "f='\(path)'; \(damage)"]).status, 0)
            let answer = try archive.build(["--verbose"], image: "damaged", caching: true)
            XCTAssertEqual(answer.status, 0, "\(damage): \(answer.errors)")
            XCTAssertEqual(try bench.sha256("damaged"), expected, damage)
            XCTAssertTrue(answer.errors.contains("Setting up late"), answer.errors)
            // Of a record that isn't what was written nothing is believed, and nothing has to be said.
            XCTAssertEqual(
                answer.errors.contains("the tree of an earlier build can't be used"), file != "record", answer.errors)
            // And it is kept anew.
            let next = try archive.build(["--verbose"], image: "next", caching: true)
            XCTAssertFalse(next.errors.contains("Setting up late"), next.errors)
            XCTAssertEqual(try bench.sha256("next"), expected, damage)
        }
    }

    func testNobodyElseMayWriteThere() throws {
        let archive = try TestArchive.locked(["late"])
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build(caching: true).status, 0)
        for (damage, words) in [
            ("chmod 0770 cache/rtverify-trees", "other users can write in"),
            ("chmod 0700 cache/rtverify-trees; chmod 0777 cache", "other users can write in"),
        ] + (getuid() == 0 ? [("chmod 0755 cache; chown 1 cache/rtverify-trees", "is another user's")] : []) {
            XCTAssertEqual(try bench.run(["sh", "-c", damage]).status, 0)
            let answer = try archive.build(caching: true)
            XCTAssertEqual(answer.status, 0, answer.errors)
            XCTAssertTrue(answer.errors.contains("trees of earlier builds are not used: "), answer.errors)
            XCTAssertTrue(answer.errors.contains(words), answer.errors)
            XCTAssertFalse(answer.errors.contains(Self.taken), answer.errors)
        }
        guard getuid() == 0 else { return }
        // Root with another user's HOME leaves that user no folder of root's.
        XCTAssertEqual(try bench.run(["sh", "-c", "mkdir -m 0755 home && chown 1 home"]).status, 0)
        let other = try bench.rtverify(
            ["build", "--lock", "test.lock", "-o", "other.squashfs", "--offline"], caching: true,
            environment: ["XDG_CACHE_HOME": "\(bench.folder)/home/cache"])
        XCTAssertEqual(other.status, 0, other.errors)
        XCTAssertTrue(other.errors.contains("is another user's"), other.errors)
        XCTAssertFalse(bench.exists("home/cache"))
    }

    /// What proves something is built from its inputs alone.
    func testNoGoldenImageAndNoCheckIsMadeOfThem() throws {
        let archive = try TestArchive.locked(["late"])
        let bench = archive.bench
        defer { bench.remove() }
        let first = try archive.build(["--json"], caching: true)
        XCTAssertEqual(first.status, 0, first.errors)
        try bench.write(first.output, to: "answer.json")
        let made = try bench.run([
            "python3", "-c",
            "import json; a = json.load(open('answer.json')); "
                + "json.dump({k: a[k] for k in ('lock_sha256', 'size', 'sha256', 'cid')}, open('golden.json', 'w'))",
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        for options in [["--golden", "golden.json"], ["--check", "--vary", "time"], ["--no-cache"]] {
            let before = try trees(bench)
            let answer = try archive.build(options, image: "other", caching: true)
            XCTAssertEqual(answer.status, 0, answer.errors)
            XCTAssertFalse(answer.errors.contains(Self.taken), answer.errors)
            XCTAssertEqual(try trees(bench), before)
        }
    }

    func testTheStoresCollectionBoundsThem() throws {
        let archive = try TestArchive.locked(["late"])
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build(caching: true).status, 0)
        func collect(_ options: [String]) throws -> String {
            let answer = try bench.rtverify(["store", "gc"] + options)
            XCTAssertEqual(answer.status, 0, answer.errors)
            return answer.output
        }
        XCTAssertTrue(try collect(["--older-than", "1"]).contains("removed 0 trees of earlier builds"))
        XCTAssertTrue(try collect(["--lock", "test.lock"]).contains("removed 0 trees of earlier builds"))
        let dry = try collect(["--max-size", "1KiB", "--lock", "test.lock", "--dry-run"])
        XCTAssertTrue(dry.contains("would remove 0 trees"), dry)
        let size = try collect(["--max-size", "1KiB", "--dry-run"])
        XCTAssertTrue(size.contains("would remove 1 trees"), size)
        XCTAssertEqual(try trees(bench).count, 1)
        let record = "\(try XCTUnwrap(trees(bench).first))/record"
        XCTAssertEqual(try bench.run(["touch", "-d", "3 days ago", record]).status, 0)
        XCTAssertTrue(try collect(["--older-than", "2"]).contains("removed 1 trees"))
        XCTAssertEqual(try trees(bench), [])
        // Where others can write, nothing is removed: a link of theirs could lead anywhere.
        XCTAssertEqual(try bench.run(["chmod", "g+w", "cache/rtverify-trees"]).status, 0)
        let refused = try bench.rtverify(["store", "gc", "--older-than", "2"])
        XCTAssertEqual(refused.status, 0, refused.errors)
        XCTAssertTrue(refused.errors.contains("trees of earlier builds stay: other users can write"), refused.errors)
    }

    /// Wherever it is stopped, while trees are brought back or written down, nothing stays but whole trees.
    func testItCanBeStoppedAtAnyPoint() throws {
        let archive = try TestArchive.locked(["late", "special"], step: "sleep 0.3")
        let bench = archive.bench
        defer { bench.remove() }
        let started = Date()
        XCTAssertEqual(try archive.build(caching: true).status, 0)
        let duration = Date().timeIntervalSince(started)
        let expected = try bench.sha256("test.squashfs")
        for point in 0..<10 {
            // Every other time there is a tree to be brought back.
            if point % 2 == 0 { for tree in try trees(bench) { _ = try bench.run(["rm", "-rf", tree]) } }
            let script = """
                '\(Workbench.program)' build --lock test.lock -o stopped.squashfs --store store --offline >/dev/null 2>log & p=$!
                sleep \(duration * Double(point + 1) / 11); kill -\(["KILL", "INT", "TERM"][point % 3]) $p; wait $p
                sleep 0.5; pgrep -f "$PWD/store/work" | wc -l; grep -c "$PWD" /proc/mounts
                """
            let answer = try bench.run(["bash", "-c", script])
            XCTAssertEqual(answer.output, "0\n0\n", "at \(point): \(answer.errors)")
            let names = try trees(bench).map { URL(fileURLWithPath: $0).lastPathComponent }
            XCTAssertTrue(names.allSatisfy { $0.count == 64 }, "\(names)")
            let next = try archive.build(image: "next.squashfs", caching: true)
            XCTAssertEqual(next.status, 0, next.errors)
            XCTAssertFalse(next.errors.contains("can't be used"), next.errors)
            XCTAssertEqual(try bench.sha256("next.squashfs"), expected)
        }
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder)/store/work"), [])
    }
}

import Foundation
import XCTest

/// What becomes of a lock in years: what is said when inputs are gone, what the store lets go, and what a bundle alone rebuilds.
final class DurabilityTests: XCTestCase {
    /// How many are gone and which, that the lock is as it was, and for each kind what to do.
    func testWhatIsGoneIsSaidWithWhatToDo() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        let script = "\(Workbench.sources)/Fixtures/make_third_party.py"
        XCTAssertEqual(try bench.run(["python3", script, "\(bench.folder)/one", "stable"]).status, 0)
        try bench.write("of the web\n", to: "one/page")
        try Server.serving("\(bench.folder)/one", "") { url in
            try archive.manifest(
                ["tool", "late"],
                more: """
                    [[archive]]
                    name = "one"
                    url = "\(url)/"
                    suite = "stable"
                    key = "one.asc"
                    components = ["main"]
                    [[file]]
                    source = { url = "\(url)/page", sha256 = "\(try bench.sha256("one/page"))" }
                    target = "/srv/page"
                    """)
            let locked = try archive.lock()
            XCTAssertEqual(locked.status, 0, locked.errors)
            XCTAssertTrue(
                locked.errors.contains(
                    "not there for ever: 2 packages of one (\(url)), which nobody mirrors; a file of the web. To build this lock "
                        + "in years: rtverify store export --lock test.lock -o test.car"), locked.errors)
        }
        let gone = try archive.build(store: "empty", mirror: ["--only-mirror", "--mirror", "\(bench.folder)/keyrings"])
        XCTAssertEqual(gone.status, 2)
        for words in [
            " inputs could not be fetched:\n", "The lock is intact: it says by SHA-256 what they are.",
            "Debian's (", "the snapshot archive has all of them", "one (http://127.0.0.1:",
            "is the only server that had it",
            "the web's (1): the URL is the only place", "`rtverify store export --lock LOCK -o BUNDLE.car` there",
            "`rtverify lock update MANIFEST`",
        ] { XCTAssertTrue(gone.errors.contains(words), "\(words)\n\(gone.errors)") }
        // A package that its mirror has no more, and all the rest.
        let lost = try bench.run(["sh", "-c", "rm $(find archive/pool -name 'late_*')"])
        XCTAssertEqual(lost.status, 0, lost.errors)
        try Server.serving("\(bench.folder)/archive", "") { url in
            try archive.manifest(["early"])
            let answer = try archive.build(store: "other", mirror: ["--only-mirror", "--mirror", url])
            XCTAssertTrue(answer.errors.contains("answered 404"), answer.errors)
        }
    }

    func testAlpinesMirrorsDropWhatIsLocked() throws {
        try AlpineMirror.require()
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        let made = try bench.run([
            "sh", "-c",
            """
            set -e
            mkdir -p 'mirror/v3.20/releases/x86_64'
            cp '\(AlpineMirror.folder)/\(AlpineMirror.minirootfs)' 'mirror/\(AlpineMirror.minirootfs)'
            printf 'int main(void) { return 0; }' > hello.c
            gcc -static -O1 -o mirror/hello-static hello.c
            musl-gcc -O1 -o mirror/hello-musl hello.c
            python3 '\(Workbench.sources)/Fixtures/make_apks.py' mirror test.rsa.pub
            cp mirror/test.rsa.pub .
            """,
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        try archive.alpineManifest()
        let locked = try archive.lock(["--mirror", "mirror"], output: "alpine.lock")
        XCTAssertEqual(locked.status, 0, locked.errors)
        XCTAssertTrue(locked.errors.contains(" of Alpine, whose mirrors keep the newest version alone"), locked.errors)
        func build(_ store: String, _ mirrors: [String]) throws -> Workbench.Answer {
            try bench.rtverify(["build", "--lock", "alpine.lock", "-o", "a.squashfs"] + mirrors, store: store)
        }
        XCTAssertEqual(try build("store", ["--offline", "--only-mirror"]).status, 0)
        let first = try bench.sha256("a.squashfs")
        let exported = try bench.rtverify(["store", "export", "--lock", "alpine.lock", "-o", "a.car", "--offline"])
        XCTAssertEqual(exported.status, 0, exported.errors)
        XCTAssertEqual(try bench.run(["sh", "-c", "rm $(find mirror -name 'rtv-programs*')"]).status, 0)
        let gone = try build("empty", ["--mirror", "mirror"] + archive.mirror)
        XCTAssertEqual(gone.status, 2)
        XCTAssertTrue(
            gone.errors.contains("1 of ") && gone.errors.contains("Alpine's (1): Alpine's mirrors keep the newest"),
            gone.errors)
        let rebuilt = try build("bundled", ["--offline", "--only-mirror", "--mirror", "a.car"])
        XCTAssertEqual(rebuilt.status, 0, rebuilt.errors)
        XCTAssertEqual(try bench.sha256("a.squashfs"), first)
    }

    /// What a build uses stays, and what it doesn't goes, while it runs.
    func testTheStoreIsCollectedBesideARunningBuild() throws {
        let archive = try TestArchive.locked(step: "sleep 8")
        let bench = archive.bench
        defer { bench.remove() }
        let spare = try bench.run([
            "sh", "-c",
            "s=$(echo spare | sha256sum | cut -c-64); mkdir -p store/objects/$(echo $s | cut -c-2); echo spare > store/objects/$(echo $s | cut -c-2)/$s",
        ])
        XCTAssertEqual(spare.status, 0, spare.errors)
        let build = Process()
        build.executableURL = URL(fileURLWithPath: Workbench.program)
        build.arguments =
            ["build", "--lock", "test.lock", "-o", "during.squashfs", "--store", "store", "--offline"] + archive.mirror
        build.currentDirectoryURL = URL(fileURLWithPath: bench.folder)
        (build.standardOutput, build.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try build.run()
        func isBegun() -> Bool {
            let uses = try? FileManager.default.contentsOfDirectory(atPath: "\(bench.folder)/store/uses")
            return uses?.contains { $0 != "lock" } == true
        }
        for _ in 0..<100 where !isBegun() { usleep(50_000) }
        // What was used in this very second is not older than it.
        sleep(2)
        var collected = try bench.rtverify(["store", "gc", "--older-than", "0", "--json"])
        for _ in 0..<100 where collected.status != 0 {
            XCTAssertEqual(collected.status, 2, collected.errors)
            XCTAssertTrue(collected.errors.contains("is in use by process"), collected.errors)
            usleep(100_000)
            collected = try bench.rtverify(["store", "gc", "--older-than", "0", "--json"])
        }
        XCTAssertTrue(build.isRunning)
        XCTAssertEqual(collected.status, 0, collected.errors)
        XCTAssertFalse(collected.output.contains("\"in_use\" : 0"), collected.output)
        build.waitUntilExit()
        XCTAssertEqual(build.terminationStatus, 0)
        // It had all that it needed; Releases and indexes, which a build doesn't read, went with the spare object.
        XCTAssertEqual(try archive.build(["--offline"], image: "after.squashfs").status, 0)
        XCTAssertEqual(try bench.sha256("during.squashfs"), try bench.sha256("after.squashfs"))
        let listed = try bench.rtverify(["store", "list", "--lock", "test.lock"])
        XCTAssertTrue(listed.output.contains("missing            dists/test/InRelease"), listed.output)
        let all = try bench.rtverify(["store", "gc", "--older-than", "0"])
        XCTAssertTrue(all.output.contains("0 stay, 0 bytes"), all.output + all.errors)
        XCTAssertEqual(try bench.rtverify(["store", "gc"]).status, 64)
    }

    /// A golden file of another lock, or without the root, decides nothing; and a build doesn't ask for the root.
    private func compares(_ bench: Workbench, _ golden: String) throws {
        let text = try String(contentsOfFile: golden, encoding: .utf8)
        let root = try XCTUnwrap(text.firstMatch(of: #/"inputs_cid": "(\w+)"/#)).1
        let lock = try XCTUnwrap(text.firstMatch(of: #/"lock_sha256": "(\w+)"/#)).1
        for (changed, status, words) in [
            (text.replacing("inputs_cid", with: "other"), Int32(2), "has no inputs_cid; nothing was compared"),
            (text.replacing(lock, with: String(repeating: "0", count: 64)), 2, "nothing was compared"),
            (text.replacing(root, with: "bafyother"), 1, "the root of the inputs is \(root)"),
        ] {
            try bench.write(changed, to: "changed.json")
            let answer = try bench.rtverify(
                ["store", "export", "--lock", "\(Workbench.checkout)/lockfiles/debian-12-minimal.lock", "-o", "c.car"]
                    + ["--offline", "--golden", "changed.json"])
            XCTAssertEqual(answer.status, status, answer.errors)
            XCTAssertTrue(answer.errors.contains(words), answer.errors)
        }
    }

    /// The real minimal runtime, where there is no network and nothing but its bundle.
    func testTheMinimalRuntimeIsRebuiltFromItsBundleAlone() throws {
        try XCTSkipUnless(getuid() == 0, "a network namespace takes root")
        let bench = try Workbench()
        defer { bench.remove() }
        let (name, top) = ("debian-12-minimal", Workbench.checkout)
        let exported = try bench.rtverify(
            ["store", "export", "--lock", "\(top)/lockfiles/\(name).lock", "-o", "b.car"]
                + ["--golden", "\(top)/golden/\(name).json"] + SharedMirrors.options)
        if exported.errors.contains("could not be fetched") {
            throw XCTSkip("the locked versions have left the mirrors: no bundle can be made")
        }
        XCTAssertEqual(exported.status, 0, exported.errors)
        try compares(bench, "\(top)/golden/\(name).json")
        let command = ["unshare", "--net", Workbench.program]
        let rest = ["--store", "\(bench.folder)/empty", "--only-mirror", "--mirror", "b.car"]
        XCTAssertEqual(try bench.rtverify(["store", "import", "b.car", "--lock", "it.lock"], store: "other").status, 0)
        let built = try bench.run(
            command + ["build", "--lock", "it.lock", "-o", "it.squashfs", "--golden", "\(top)/golden/\(name).json"]
                + rest)
        XCTAssertEqual(built.status, 0, built.errors)
        let verified = try bench.run(command + ["lock", "verify", "--fetch", "it.lock", "--offline"] + rest)
        XCTAssertEqual(verified.status, 0, verified.errors)
    }
}

import Foundation
import XCTest

/// `build --check`: each thing that no byte may depend on, and a runtime that depends on it.
final class CheckTests: XCTestCase {
    private struct Report: Decodable {
        struct Entry: Decodable {
            var path: String
            var by: String?
        }
        struct Culprit: Decodable {
            var variations: [String]
            var entries: [Entry]
            var without_variation: Bool
        }
        var reproducible: Bool
        var builds: Int
        var varied: [String]
        var not_varied: [String: String]
        var culprits: [Culprit]
        var kept: [String]
        var notes: [String]
        var failures: [String]
    }

    private struct Answer: Decodable { var check: Report }

    private func check(_ archive: TestArchive, _ options: [String] = [], status: Int32 = 1) throws -> Report {
        let answer = try archive.build(["--check", "--json"] + options)
        XCTAssertEqual(answer.status, status, answer.errors)
        let data = Data(answer.output.utf8)
        return status == 0
            ? try JSONDecoder().decode(Answer.self, from: data).check
            : try JSONDecoder().decode(Report.self, from: data)
    }

    /// What a step can see of the host, and which variation shows that it looked.
    func testEachVariationIsFoundAndNamed() throws {
        var steps = [
            ("time", "date +%Y > /etc/seen"), ("kernel", "uname -r > /etc/seen"),
            ("cpuinfo", "cat /proc/cpuinfo > /etc/seen"), ("file-system", "stat -f -c %t / > /etc/seen"),
        ]
        if ProcessInfo.processInfo.activeProcessorCount > 1 { steps.append(("processors", "nproc > /etc/seen")) }
        if getuid() == 0 { steps.append(("user", "cat /proc/self/uid_map > /etc/seen")) }
        for (variation, step) in steps {
            let archive = try TestArchive.locked(step: step, more: "[[step]]\nrun = 'true'\n")
            let bench = archive.bench
            defer { bench.remove() }
            let report = try check(archive)
            XCTAssertEqual(report.culprits.map(\.variations), [[variation]], step)
            XCTAssertEqual(report.culprits.first?.entries.map(\.path), ["/etc/seen"], step)
            XCTAssertEqual(report.culprits.first?.entries.first?.by, "step 2", step)
            XCTAssertFalse(bench.exists("test.squashfs"), "no image is left that isn't reproducible")
            XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder)/store/work"), [])
        }
    }

    /// The folder's name shows where the tree isn't on a memory file system of its own.
    func testTheFolderIsFoundAndNamed() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can mount the store") }
        let archive = try TestArchive.locked(
            step: "perl -ne '$f = 1 if /another-folder/; END { print $f ? 1 : 0 }' /proc/self/mountinfo > /etc/seen")
        let bench = archive.bench
        defer { bench.remove() }
        let script = """
            mkdir -p memory && mount -t tmpfs none memory
            '\(Workbench.program)' build --no-cache --lock test.lock -o x.squashfs --check --json --store memory/store \
                --vary folder,umask \(archive.mirror.joined(separator: " "))
            """
        let answer = try bench.run(["unshare", "--mount", "sh", "-c", script])
        XCTAssertEqual(answer.status, 1, answer.errors)
        let report = try JSONDecoder().decode(Report.self, from: Data(answer.output.utf8))
        XCTAssertEqual(report.culprits.map(\.variations), [["folder"]])
        // There the tree is in memory whatever is asked for, and it is said.
        let place = try bench.run([
            "unshare", "--mount", "sh", "-c", script.replacing("folder,umask", with: "file-system"),
        ])
        XCTAssertEqual(place.status, 2, place.output)
        XCTAssertTrue(place.errors.contains("could not be elsewhere than in memory"), place.errors)
    }

    /// Root of a user namespace may not enter other users' folders.
    func testAHomeThatIsShutIsNotVariedAndDoesNoHarm() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can make the user") }
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        let user = try TestUser(bench)
        defer { user.remove() }
        let home = "/home/\(user.name)"
        let answer = try bench.run([
            "sh", "-c",
            """
            chmod 0700 \(home) && chown \(user.name) \(home)
            '\(Workbench.program)' build --no-cache --lock test.lock -o x.squashfs --check --json --store \(home)/store \
                \(archive.mirror.joined(separator: " "))
            """,
        ])
        XCTAssertEqual(answer.status, 0, answer.errors)
        let report = try JSONDecoder().decode(Answer.self, from: Data(answer.output.utf8)).check
        XCTAssertTrue(report.not_varied["user"]?.contains("other users may not enter") == true, answer.output)
        XCTAssertTrue(report.varied.contains("time"))
    }

    func testAFailureUnderAVariationSaysSoAndADifferenceIsNeverLost() throws {
        let year = Calendar(identifier: .gregorian).component(.year, from: Date())
        let archive = try TestArchive.locked(step: "test \"$(date +%Y)\" -le \(year)")
        defer { archive.bench.remove() }
        let failed = try archive.build(["--check", "--vary", "time,umask"])
        XCTAssertEqual(failed.status, 2, failed.output)
        XCTAssertTrue(failed.errors.contains("the build fails with this varied: umask, time"), failed.errors)
        // It can't be written: found before the builds.
        let early = try archive.build(["--check"], image: "no/such/folder/x")
        XCTAssertEqual(early.status, 2)
        XCTAssertFalse(early.errors.contains("install"), early.errors)
        // It differs under the one, and fails under the other, and so does the search; the images can't be kept.
        let both = try TestArchive.locked(
            step:
                "if test \"$(uname -r | head -c 2)\" = 2. && test \"$(date +%Y)\" -le \(year); then exit 1; fi; date +%Y > /etc/year"
        )
        defer { both.bench.remove() }
        let report = try check(both, ["--vary", "kernel,time", "--keep-differing", "/dev/null/x"])
        XCTAssertFalse(report.reproducible)
        XCTAssertEqual(report.failures.count, 2, "\(report.failures)")
        // What the failed search says holds the step, and what the step holds is shown, not sent to the terminal.
        let painted = try TestArchive.locked(
            more: #"[[step]]"# + "\n"
                + #"run = "if test \"$(uname -r | head -c 2)\" = 2. && test \"$(date +%Y)\" -le \#(year); then : \u001b[31m; exit 1; fi; "#
                + #"date +%Y > /etc/year""# + "\n")
        defer { painted.bench.remove() }
        let shown = try painted.build(["--check", "--vary", "kernel,time"])
        XCTAssertEqual(shown.status, 1, shown.errors)
        XCTAssertTrue(shown.output.contains(#"\u{1b}"#), shown.output)
        XCTAssertFalse(shown.output.contains("\u{1b}"), shown.output)
    }

    func testTheOrderOfFoldersIsFoundAndNamed() throws {
        guard getuid() == 0, FileManager.default.fileExists(atPath: "/dev/fuse"),
            FileManager.default.isExecutableFile(atPath: "/usr/bin/disorderfs")
        else { throw XCTSkip("it takes root, /dev/fuse and disorderfs") }
        let archive = try TestArchive.locked(
            step: #"perl -e 'opendir D, "/usr/bin"; print join "\n", readdir D' > /etc/seen"#)
        defer { archive.bench.remove() }
        let report = try check(archive, ["--vary", "directory-order,umask"])
        XCTAssertEqual(report.culprits.map(\.variations), [["directory-order"]])
        // A build that is killed leaves neither mount nor process.
        let killed = try archive.bench.run([
            "bash", "-c",
            """
            '\(Workbench.program)' build --no-cache --lock test.lock -o x.squashfs --store store --offline --only-mirror --check \
                --vary directory-order 2>/dev/null & p=$!
            for i in $(seq 400); do pgrep -f "disorderfs.*$PWD/store/work" >/dev/null && break; sleep 0.02; done
            echo $((i < 400)); kill -9 $p; wait $p; sleep 0.5
            grep -c "$PWD/store/work" /proc/self/mounts; pgrep -f "disorderfs.*$PWD/store/work"
            '\(Workbench.program)' build --no-cache --lock test.lock -o x.squashfs --store store --offline --only-mirror -q >&2
            ls store/work
            """,
        ])
        XCTAssertEqual(killed.output, "1\n0\n", killed.errors)
    }

    /// What the sandbox keeps from every program: no runtime can depend on it.
    func testWhatTheSandboxHidesIsVariedToo() throws {
        let archive = try TestArchive.locked(
            step: "umask > /etc/seen; env >> /etc/seen; date +%Z >> /etc/seen; touch /etc/made")
        defer { archive.bench.remove() }
        let report = try check(
            archive, ["--vary", "umask,timezone,locale,home,environment,store,downloads"], status: 0)
        XCTAssertEqual(report.varied.count, 7)
        let plain = try archive.build(["--check", "--builds", "4", "--vary", "folder,kernel"])
        XCTAssertEqual(plain.status, 0, plain.errors)
        XCTAssertTrue(plain.output.contains("4 builds gave these same bytes; varied: folder"), plain.output)
    }

    func testRandomAndSeveralCulpritsAreToldApart() throws {
        let random = try TestArchive.locked(step: "head -c 16 /dev/urandom > /etc/seen; uname -r > /etc/kernel")
        defer { random.bench.remove() }
        let report = try check(random, ["--keep-differing", "kept"])
        XCTAssertEqual(report.culprits.map(\.variations), [[], ["kernel"]])
        XCTAssertEqual(report.culprits.map { $0.entries.map(\.path) }, [["/etc/seen"], ["/etc/kernel"]])
        XCTAssertEqual(report.kept, ["kept/test.1.squashfs", "kept/test.2.squashfs"])
        XCTAssertNotEqual(
            try random.bench.sha256("kept/test.1.squashfs"), try random.bench.sha256("kept/test.2.squashfs"))
        let text = try random.build(["--check"])
        XCTAssertTrue(text.output.contains("at random: /etc/seen, by step 1"), text.output)
        let several = try TestArchive.locked(
            step: "uname -r > /etc/kernel", more: "[[step]]\nrun = 'date +%Y > /etc/year'\n")
        defer { several.bench.remove() }
        let lines = try several.build(["--check"])
        XCTAssertEqual(lines.status, 1)
        XCTAssertTrue(lines.output.contains("the kernel's release: /etc/kernel, by step 2"), lines.output)
        XCTAssertTrue(lines.output.contains("the time: /etc/year, by step 1"), lines.output)
        XCTAssertTrue(lines.output.contains("to mend it: use SOURCE_DATE_EPOCH"), lines.output)
    }

    /// The clock goes on between any two builds: that is no chance.
    func testTheTimeThatGoesOnIsNotChance() throws {
        let archive = try TestArchive.locked(
            step: "date +%s.%N > /etc/stamp; head -c 9 /dev/urandom > /etc/chance",
            more: "[[step]]\nrun = 'uname -r > /etc/kernel'\n")
        defer { archive.bench.remove() }
        let report = try check(archive)
        XCTAssertEqual(report.culprits.map(\.variations), [[], ["time"], ["kernel"]])
        XCTAssertEqual(
            report.culprits.map { $0.entries.map(\.path) }, [["/etc/chance"], ["/etc/stamp"], ["/etc/kernel"]])
        XCTAssertEqual(report.culprits.map(\.without_variation), [true, true, false])
        XCTAssertEqual(report.culprits.map { $0.entries.first?.by }, ["step 2", "step 2", "step 1"])
        // Without the library there is what `compare` knows.
        let alone = try check(archive, ["--vary", "kernel,umask"])
        XCTAssertEqual(alone.culprits.map(\.variations).last, ["kernel"])
        XCTAssertEqual(alone.culprits.first?.without_variation, true)
    }

    /// What a variation takes, and not what it does: a library in every program, another file system.
    func testWhatAVariationTakesIsNotBlamed() throws {
        let clock = try TestArchive.locked(step: "env > /etc/seen; ls -a /dev >> /etc/seen")
        defer { clock.bench.remove() }
        let report = try check(clock, status: 0)
        XCTAssertTrue(report.varied.contains("time"))
        XCTAssertEqual(report.notes.count, 1, "\(report.notes)")
        XCTAssertTrue(report.notes.first?.hasPrefix("/etc/seen, by step 1 shows") == true, "\(report.notes)")
        let both = try TestArchive.locked(step: "env > /etc/seen; date +%Y >> /etc/seen")
        defer { both.bench.remove() }
        XCTAssertEqual(try check(both).culprits.map(\.variations), [["time"]])
        // It differs, although the tree is in memory both times: that is the answer.
        guard getuid() == 0 else { return }
        let script = """
            mkdir -p memory && mount -t tmpfs none memory
            '\(Workbench.program)' build --no-cache --lock test.lock -o x.squashfs --check --json --store memory/store \
                --vary time,file-system \(both.mirror.joined(separator: " "))
            """
        let answer = try both.bench.run(["unshare", "--mount", "sh", "-c", script])
        XCTAssertEqual(answer.status, 1, answer.errors)
        guard FileManager.default.fileExists(atPath: "/dev/fuse"),
            FileManager.default.isExecutableFile(atPath: "/usr/bin/disorderfs")
        else { return }
        let system = try TestArchive.locked(step: "stat -f -c %t / > /etc/seen")
        defer { system.bench.remove() }
        XCTAssertEqual(
            try check(system, ["--vary", "directory-order,umask"]).culprits.map(\.variations), [["file-system"]])
    }

    func testWhatCannotBeVariedIsSaid() throws {
        let archive = try TestArchive.locked()
        defer { archive.bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        XCTAssertEqual(try archive.build(["--check", "--vary", "tme"]).status, 64)
        XCTAssertEqual(try archive.build(["--vary", "time"]).status, 64)
        XCTAssertEqual(try archive.build(["--check", "--builds", "1"]).status, 64)
        // Nothing that the network has, and so no libfaketime: what is asked for by name is undecided, the rest goes on.
        let named = try archive.build(["--check", "--vary", "time", "--offline"], mirror: ["--only-mirror"])
        XCTAssertEqual(named.status, 2)
        XCTAssertTrue(named.errors.contains("'time' can't be varied here"), named.errors)
        let rest = try archive.build(["--check", "--offline"], mirror: ["--only-mirror"])
        XCTAssertEqual(rest.status, 0, rest.errors)
        XCTAssertTrue(rest.output.contains("not varied: time"), rest.output)
    }
}

import ContentHash
import Foundation
import XCTest

/// `rtverify gate` on a project of the test's own: each check made to say no, and undecided, while no other column changes.
final class GateTests: XCTestCase {
    private struct Report: Decodable {
        struct Result: Decodable {
            var check: String
            var verdict: String
            var reason: String
            var details: [String]
            var command: String?
        }
        struct Image: Decodable {
            var path: String?
            var size: Int
            var sha256: String
            var cid: String
        }
        struct Runtime: Decodable {
            var name: String
            var checks: [Result]
            var image: Image?
        }
        var verdict: String
        var runtimes: [Runtime]
    }

    /// A project with one runtime, whose lock and golden file are as they should be.
    private final class Project {
        let archive: TestArchive
        var bench: Workbench { archive.bench }
        static let lock = "lockfiles/test.lock"
        static let golden = "golden/test.json"
        static let manifest = "runtimes/test/runtime.toml"

        init(_ packages: [String] = ["late"], step: String = "true", more: String = "") throws {
            archive = try TestArchive.locked(packages, step: step, more: more)
            let made = try bench.run([
                "sh", "-ec",
                """
                mkdir -p runtimes/test lockfiles golden
                mv runtime.toml runtimes/test/; mv test.lock lockfiles/; for f in ship-*; do
                    test ! -e "$f" || cp "$f" runtimes/test/; done
                """,
            ])
            XCTAssertEqual(made.status, 0, made.errors)
            try renewGolden()
        }

        /// The golden file of the lock as it is, by what the gate builds.
        func renewGolden() throws {
            let (report, answer) = try gate(["--offline"])
            let image = try XCTUnwrap(report.runtimes.first?.image, answer.errors)
            let lock = try bench.sha256(Self.lock)
            try bench.write(
                #"{"lock_sha256":"\#(lock)","size":\#(image.size),"sha256":"\#(image.sha256)","#
                    // Of the inputs, which no build compares.
                    + #""cid":"\#(image.cid)","inputs_cid":"bafy"}"#,
                to: Self.golden)
        }

        func gate(_ options: [String] = [], file: String? = nil, store: String = "store", mirrors: Bool = true) throws
            -> (report: Report, answer: Workbench.Answer)
        {
            for name in ["summary", "output"] { try bench.write("", to: name) }
            let answer = try run(
                ["--report", "report.json", "--junit", "gate.xml"] + options, file: file, store: store,
                mirrors: mirrors,
                environment: [
                    "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "\(bench.folder)/summary",
                    "GITHUB_OUTPUT": "\(bench.folder)/output",
                ])
            return (try JSONDecoder().decode(Report.self, from: Data(try bench.read("report.json").utf8)), answer)
        }

        /// Every form that the last run wrote says the same of each check.
        func agree(_ report: Report, _ answer: Workbench.Answer, _ what: String, line: UInt) throws {
            let checks = report.runtimes.first?.checks ?? []
            let lines = answer.output.split(separator: "\n").map(String.init)
            // The table: a column a check, words of two letters and more between two blanks.
            let row = lines.first { $0.hasPrefix("test  ") || $0.hasPrefix("test ") } ?? ""
            let words = row.components(separatedBy: "  ").map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }
            XCTAssertEqual(
                Array(words.dropFirst()), checks.map { $0.verdict.replacing("-", with: "") }, "\(what): \(row)",
                line: line)
            let junit = try bench.read("gate.xml")
            func count(_ part: String, _ text: String) -> Int { text.components(separatedBy: part).count - 1 }
            func verdicts(_ verdict: String) -> Int { checks.count { $0.verdict == verdict } }
            XCTAssertEqual(count("<failure ", junit), verdicts("no"), what, line: line)
            XCTAssertEqual(count("<error ", junit), verdicts("undecided"), what, line: line)
            XCTAssertEqual(count("<skipped ", junit), verdicts("left-out"), what, line: line)
            let annotations = lines.count { $0.hasPrefix("::error ") || $0.hasPrefix("::warning ") }
            XCTAssertEqual(annotations, verdicts("no") + verdicts("undecided"), what, line: line)
            let output = try bench.read("output")
            XCTAssertTrue(output.contains("\n\(report.verdict)\n"), "\(what): \(output)", line: line)
            XCTAssertEqual(answer.status, ["yes": 0, "no": 1, "undecided": 2][report.verdict], what, line: line)
        }

        func run(
            _ options: [String], file: String? = nil, store: String = "store", mirrors: Bool = true,
            environment: [String: String] = [:]
        ) throws -> Workbench.Answer {
            try bench.run(
                [Workbench.program, "gate"] + (file.map { [$0] } ?? []) + options
                    + ["--store", "\(bench.folder)/\(store)", "--keyring", "\(bench.folder)/keyring.gpg"]
                    + (mirrors ? archive.mirror : ["--only-mirror"]),
                environment: ["GITHUB_ACTIONS": ""].merging(environment) { $1 })
        }

        func edit(_ path: String, _ old: String, _ new: String) throws {
            let text = try bench.read(path)
            XCTAssertTrue(text.contains(old), "\(path) has no \(old)")
            try bench.write(text.replacing(old, with: new), to: path)
        }

        /// gate.toml with further lines for the runtime.
        func spec(_ lines: String, gate: String = "", to path: String = "gate.toml") throws {
            try bench.write("[gate]\n\(gate)\n[[runtime]]\nmanifest = \"\(Self.manifest)\"\n\(lines)\n", to: path)
        }
    }

    /// A step that writes what looks like a private key, and is none.
    private static func key(in path: String) -> String {
        let body = String(repeating: "QUJD", count: 16)
        return "{ echo '-----BEGIN OPENSSH PRIVATE KEY-----'; echo \(body); } > \"\(path)\""
    }

    /// Checks and verdicts, in words.
    private func row(_ report: Report) -> [String: String] {
        Dictionary(uniqueKeysWithValues: (report.runtimes.first?.checks ?? []).map { ($0.check, $0.verdict) })
    }

    private let yes = [
        "manifest": "yes", "archives": "yes", "golden": "yes", "builds": "yes", "audit": "yes", "contract": "left-out",
    ]

    /// One column is otherwise, and the exit status with it.
    private func expect(
        _ changes: [String: String], _ status: Int32, _ found: (report: Report, answer: Workbench.Answer),
        _ what: String, line: UInt = #line
    ) {
        XCTAssertEqual(row(found.report), yes.merging(changes) { $1 }, what, line: line)
        XCTAssertEqual(found.answer.status, status, what + found.answer.errors, line: line)
        XCTAssertNoThrow(try project?.agree(found.report, found.answer, what, line: line))
    }

    /// Whose forms are compared.
    private var project: Project?

    func testManifestLockAndArchivesAreAsked() throws {
        let project = try Project()
        self.project = project
        let bench = project.bench
        defer { bench.remove() }
        expect([:], 0, try project.gate(), "a project in order")
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder)/store/work"), [])
        // Offline, with what was fetched: the same.
        let offline = try project.gate(["--offline"], mirrors: false)
        expect([:], 0, offline, "offline")
        XCTAssertTrue(
            offline.answer.output.contains("note  test archives: the lock lets keys sign that are not Debian's"),
            offline.answer.output)
        let manifest = try bench.read(Project.manifest)
        try project.edit(Project.manifest, "\"late\"", "\"late\", \"special\"")
        expect(["manifest": "no"], 1, try project.gate(), "a stale lock")
        try bench.write("[runtime\n", to: Project.manifest)
        expect(["manifest": "undecided"], 2, try project.gate(), "no manifest")
        try bench.write(manifest, to: Project.manifest)

        // An entry that is not the archive's; the image stays what it is.
        let (lock, golden) = (try bench.read(Project.lock), try bench.read(Project.golden))
        let name = "name = \"late\"\nversion = \"1.0\""
        try project.edit(Project.lock, name, name.replacing("1.0", with: "1.1"))
        try project.renewGolden()
        let forged = try project.gate()
        expect(["archives": "no"], 1, forged, "a forged entry")
        let text = try project.run([])
        XCTAssertTrue(text.output.contains("no  test archives: the lock does not follow"), text.output)
        XCTAssertTrue(text.output.contains("run: rtverify lock verify lockfiles/test.lock --fetch"), text.output)
        XCTAssertTrue(text.output.hasSuffix("no: 4 yes, 1 no, 0 undecided, 1 left out\n"), text.output)
        try bench.write(lock, to: Project.lock)
        try bench.write(golden, to: Project.golden)
        // The Releases have left the mirrors, and this store has no more than what is built from.
        XCTAssertEqual(
            try bench.rtverify(
                ["build", "--lock", Project.lock, "-o", "x.squashfs"] + project.archive.mirror, store: "fresh"
            ).status, 0)
        expect(
            ["archives": "undecided"], 2, try project.gate(["--offline"], store: "fresh", mirrors: false), "no Release")
    }

    func testGoldenBuildsAuditAndContractAreAsked() throws {
        let project = try Project()
        self.project = project
        let bench = project.bench
        defer { bench.remove() }
        let golden = try bench.read(Project.golden)
        try bench.write(golden.replacing("\"sha256\":\"", with: "\"sha256\":\"0"), to: Project.golden)
        expect(["golden": "no"], 1, try project.gate(), "other bytes")
        try bench.write(golden.replacing("lock_sha256\":\"", with: "lock_sha256\":\"0"), to: Project.golden)
        expect(["golden": "no"], 1, try project.gate(), "a golden of another lock")
        XCTAssertEqual(try bench.run(["rm", Project.golden]).status, 0)
        expect(["golden": "undecided"], 2, try project.gate(), "no golden")
        try bench.write(golden, to: Project.golden)
        try project.spec("vary = [\"tiem\"]")
        expect(["builds": "undecided"], 2, try project.gate(), "no such variation")
        // One image elsewhere: that it can't be read is said of what would look at it.
        try project.spec("image = \"missing.squashfs\"")
        expect(["golden": "undecided", "audit": "undecided"], 2, try project.gate(), "no image")
        try project.spec("vary = []")
        expect(["builds": "undecided"], 2, try project.gate(), "nothing to vary")
        try project.spec("image = \"other.squashfs\"")
        XCTAssertEqual(
            try bench.run([
                "sh", "-c",
                "mkdir other-tree && echo x > other-tree/x && mksquashfs other-tree other.squashfs -quiet -no-progress",
            ])
            .status, 0)
        let other = try project.gate()
        XCTAssertEqual(row(other.report)["golden"], "no", other.answer.errors)
        XCTAssertEqual(row(other.report)["builds"], "yes")

        let clock = try Project(step: "date +%Y > /etc/year")
        defer { clock.bench.remove() }
        self.project = clock
        let found = try clock.gate()
        expect(["builds": "no"], 1, found, "a step that writes the time")
        XCTAssertTrue(
            found.report.runtimes[0].checks.contains {
                $0.details.contains { $0.hasPrefix("the time: /etc/year, by step 1") }
            })

        let secret = try Project(step: Self.key(in: "/etc/key"))
        defer { secret.bench.remove() }
        self.project = secret
        let audited = try secret.gate()
        expect(["audit": "no"], 1, audited, "a private key")
        let command = audited.report.runtimes[0].checks.compactMap(\.command).first ?? ""
        XCTAssertTrue(command.contains("-o test.squashfs "), command)
        XCTAssertTrue(command.contains(" && rtverify audit --lock"), command)
        // Where nobody looks for them, an image with private keys is none, as `build` has it.
        try secret.spec("skip.audit = \"later\"")
        let unseen = try secret.gate(["-o", "images"])
        XCTAssertEqual(unseen.answer.status, 2, unseen.answer.errors)
        XCTAssertEqual(row(unseen.report)["golden"], "undecided")
        XCTAssertFalse(secret.bench.exists("images/test.squashfs"))
        // A contract that had nothing to look at is no warning.
        let keys = try Project(step: Self.key(in: "/etc/key"), more: "[init]\ncommand = \"/bin/true\"\n")
        defer { keys.bench.remove() }
        try keys.spec("", gate: "undecided = \"warn\"\nchecks = [\"manifest\", \"contract\"]")
        let unbuilt = try keys.run(["--offline"])
        XCTAssertEqual(unbuilt.status, 2, unbuilt.output)
        XCTAssertTrue(unbuilt.output.contains("could not be read, built or written"), unbuilt.output)

        // An init that is there and can't work, as nothing else that a supervisor expects.
        let contract = try Project(step: "echo '#!/nowhere' > /sbin/init", more: "[init]\ncommand = \"/bin/true\"\n")
        defer { contract.bench.remove() }
        self.project = contract
        expect(["contract": "no"], 1, try contract.gate(), "no init that works")
    }

    func testThePublishedItemIsAsked() throws {
        let project = try Project()
        self.project = project
        let bench = project.bench
        defer { bench.remove() }
        let (report, _) = try project.gate(["--offline", "-o", "images"])
        let image = try XCTUnwrap(report.runtimes.first?.image)
        XCTAssertEqual(try bench.sha256("images/test.squashfs"), image.sha256)
        try project.spec("content-hash = \"\(image.cid)\"")
        expect(["published": "yes"], 0, try project.gate(), "its own CID")
        try project.spec("content-hash = \"\(Digest.of([1]).hex)\"")
        expect(["published": "no"], 1, try project.gate(), "another hash")
        try project.spec("", gate: "checks = [\"published\"]")
        let lacking = try project.gate()
        XCTAssertEqual(row(lacking.report), ["published": "undecided"])
        XCTAssertEqual(lacking.answer.status, 2)

        let (owner, stranger) = (TestKey(1), TestKey(2))
        let message = TestMessage(TestMessage.store(image.sha256, owner: owner.address), by: owner)
        let forged = message.with("item_content", TestMessage.store(Digest.of([2]).hex, owner: owner.address))
        var lying = TestNode(message)
        lying.show(message.itemHash, forged.answer())
        func item(_ more: String = "") throws {
            try project.spec("item-hash = \"\(message.itemHash)\"\n\(more)", gate: "undecided = \"warn\"")
        }
        try TestNode(message).serving(bench) { url in
            try item("sender = \"\(owner.address)\"")
            expect(["published": "yes"], 0, try project.gate(["--api", url]), "a node's word, checked")
            try item("owner = [\"\(stranger.address)\"]")
            expect(["published": "undecided"], 2, try project.gate(["--api", url]), "somebody else's")
        }
        try item()
        expect(["published": "undecided"], 2, try project.gate(["--offline"]), "nobody is asked")
        try lying.serving(bench) { url in
            // Undecided is never passed over where it is about what is published.
            expect(["published": "undecided"], 2, try project.gate(["--api", url]), "a node that lies")
        }
        expect(
            ["published": "undecided"], 2, try project.gate(["--api", "http://127.0.0.1:9", "--node-timeout", "2"]),
            "a node that is down")
    }

    func testWhatCannotBeReachedIsSaidAndNothingIsNeverYes() throws {
        let project = try Project()
        self.project = project
        let bench = project.bench
        defer { bench.remove() }
        let lock = try bench.read(Project.lock)
        try bench.write(lock.replacing("[image]", with: "[image"), to: Project.lock)
        let broken = try project.gate()
        XCTAssertEqual(Set(row(broken.report).values), ["undecided"])
        XCTAssertTrue(
            broken.report.runtimes[0].checks.contains {
                $0.check == "builds" && $0.reason.hasPrefix("not reached: the image could not be built")
            })
        try bench.write(lock, to: Project.lock)
        // Left out, all of it: no answer.
        let reasons = ["manifest", "archives", "golden", "builds", "audit", "contract"].map { "skip.\($0) = \"later\"" }
        try project.spec(reasons.joined(separator: "\n"))
        let none = try project.run([])
        XCTAssertEqual(none.status, 2, none.output)
        XCTAssertTrue(none.output.contains("left out  test manifest: later"), none.output)
        try project.spec("skip.builds = \"it takes long\"")
        expect(["builds": "left-out"], 0, try project.gate(), "one left out")
        // A warning that is undecided is 0 where it is safe, and said.
        try bench.write("no image", to: "no.squashfs")
        let few = "undecided = \"warn\"\nchecks = [\"manifest\", \"audit\"]"
        try project.spec("image = \"missing.squashfs\"", gate: few)
        let missing = try project.run([])
        XCTAssertEqual(missing.status, 2, missing.output)
        // Nothing that could be read, and a name that would be a command: no output says yes.
        try project.spec("image = \"miss\\n::add-mask::x\"", gate: "checks = [\"manifest\", \"builds\"]")
        let hidden = try project.run(
            ["--offline", "--junit", "hidden.xml"],
            environment: ["GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": "\(bench.folder)/outputs"])
        XCTAssertEqual(hidden.status, 2, hidden.output)
        XCTAssertTrue(try bench.read("outputs").contains("\nundecided\n"))
        XCTAssertTrue(try bench.read("hidden.xml").contains("<error message="))
        XCTAssertFalse((hidden.output + hidden.errors).contains("\n::add-mask"), hidden.errors)
        try project.spec("image = \"no.squashfs\"", gate: few)
        let warned = try project.run([])
        XCTAssertEqual(warned.status, 0, warned.output)
        XCTAssertTrue(warned.output.hasSuffix("1 undecided only warned (undecided = \"warn\")\n"), warned.output)
        for (text, words) in [
            ("[gate]\ncheks = []", "did you mean 'gate.checks'"),
            ("[[runtime]]\nmanifst = \"x\"", "did you mean 'runtime[0].manifest'"),
            ("[gate]\nchecks = [\"audt\"]", "did you mean 'audit'"),
            ("[gate]\nundecided = \"ignore\"", "'fail' or 'warn'"),
            ("[[runtime]]\nmanifest = \"a/b\"\nskip.audit = \"\"", "a reason"),
        ] {
            try bench.write(text, to: "bad.toml")
            let answer = try project.run([], file: "bad.toml")
            XCTAssertEqual(answer.status, 2, text)
            XCTAssertTrue(answer.errors.contains(words), "\(text): \(answer.errors)")
        }
        let empty = try bench.run([
            "sh", "-c", "mkdir empty && cd empty && '\(Workbench.program)' gate --store ../store",
        ])
        XCTAssertEqual(empty.status, 2)
        XCTAssertTrue(empty.errors.contains("nothing to check"), empty.errors)
        try project.spec("")
        // What can't be written is found before the builds; what turns out so after them keeps nothing else back.
        for options in [
            ["--junit", "/dev/full/x"], ["--report", "no/such/folder"], ["--markdown", "golden"],
            ["-o", "/dev/null/x"],
        ] {
            let answer = try project.run(["--offline"] + options)
            XCTAssertEqual(answer.status, 2, "\(options)")
            XCTAssertFalse(answer.errors.contains("install"), answer.errors)
        }
        XCTAssertEqual(try bench.run(["mkdir", "-p", "images/test.squashfs"]).status, 0)
        let kept = try project.run(["--offline", "-o", "images", "--markdown", "kept.md"])
        XCTAssertEqual(kept.status, 2, kept.output)
        XCTAssertTrue(kept.output.contains("undecided: 5 yes"), kept.output)
        XCTAssertTrue(bench.exists("kept.md"))
    }

    /// From another folder: what is printed works where it is read, and paths are words of a shell.
    func testCommandsAndAnnotationsAreOfThisFolder() throws {
        let project = try Project()
        let bench = project.bench
        defer { bench.remove() }
        XCTAssertEqual(
            try bench.run(["sh", "-c", "mkdir 'a $(b)' && mv runtimes lockfiles golden 'a $(b)/'"]).status, 0)
        try project.spec("", to: "a $(b)/gate.toml")
        XCTAssertEqual(try bench.run(["rm", "a $(b)/golden/test.json"]).status, 0)
        let (report, answer) = try project.gate(file: "a $(b)/gate.toml")
        XCTAssertEqual(row(report)["golden"], "undecided")
        XCTAssertTrue(answer.output.contains("::error file=a $(b)/lockfiles/test.lock,"), answer.output)
        let line = try XCTUnwrap(answer.output.split(separator: "\n").first { $0.hasPrefix("    run: rtverify build") })
        XCTAssertTrue(line.contains("--lock 'a $(b)/lockfiles/test.lock' --golden 'a $(b)/golden/test.json' --store"))
        let command = line.dropFirst("    run: rtverify ".count)
        let again = try bench.run(["sh", "-c", "'\(Workbench.program)' \(command) -o x.squashfs"])
        XCTAssertTrue(again.errors.contains("golden/test.json: No such file"), again.errors)
    }

    /// A runner reads commands from both streams, as they come.
    func testCommandsOfTheRunnerStopBeforeAnythingElseIsPrinted() throws {
        let project = try Project(step: "echo ::set-output name=verdict::yes")
        let bench = project.bench
        defer { bench.remove() }
        for json in ["", "--json"] {
            let answer = try bench.run([
                "sh", "-c",
                """
                export GITHUB_ACTIONS=true; mkfifo pipe
                '\(Workbench.program)' gate -v --offline --only-mirror --store store \(json) >out 2>&1 \(json.isEmpty ? "" : "2>err")
                cat err out 2>/dev/null; rm -f pipe err
                """,
            ])
            let lines = answer.output.split(separator: "\n").map(String.init)
            let stop = try XCTUnwrap(lines.firstIndex { $0.hasPrefix("::stop-commands::") }, answer.output)
            let step = try XCTUnwrap(lines.firstIndex { $0.contains("::set-output") }, answer.output)
            let end = try XCTUnwrap(lines.firstIndex(of: "::\(lines[stop].dropFirst("::stop-commands::".count))::"))
            XCTAssertTrue(stop < step && step < end, answer.output)
            guard !json.isEmpty else { continue }
            XCTAssertNoThrow(try JSONDecoder().decode(Report.self, from: Data(try bench.read("out").utf8)))
        }
    }

    /// Names that mean something to each form: a pipe, a tag, a line's end and a runner's command.
    func testStrangersNamesDoNoHarmInAnyForm() throws {
        let name = "/etc/a|b <img src=x> `c` [d](e)\n::set-output name=verdict::yes"
        let project = try Project(step: Self.key(in: "$(printf '\(name.replacing("\n", with: "\\n"))')"))
        let bench = project.bench
        defer { bench.remove() }
        for file in ["summary", "output"] { try bench.write("", to: file) }
        let answer = try project.run(
            ["--junit", "gate.xml", "--markdown", "gate.md", "--report", "gate.json", "-o", "images"],
            environment: [
                "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "\(bench.folder)/summary",
                "GITHUB_OUTPUT": "\(bench.folder)/output",
            ])
        XCTAssertEqual(answer.status, 1, answer.errors)
        let lines = answer.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        XCTAssertTrue(lines[0].hasPrefix("::stop-commands::"))
        let token = lines[0].dropFirst("::stop-commands::".count)
        let end = try XCTUnwrap(lines.firstIndex(of: "::\(token)::"))
        XCTAssertFalse(lines[1..<end].contains { $0.hasPrefix("::") })
        let annotations = lines[(end + 1)...].filter { !$0.isEmpty }
        XCTAssertEqual(annotations.count, 1, "\(annotations)")
        XCTAssertTrue(annotations[0].hasPrefix("::error file=lockfiles/test.lock,line="), annotations[0])
        XCTAssertTrue(
            annotations[0].contains("title=test audit%3A no::1 findings%3A") || annotations[0].contains("::1 findings"))
        XCTAssertFalse(answer.errors.contains("\n::"), answer.errors)
        for file in ["summary", "gate.md"] {
            let text = try bench.read(file)
            XCTAssertFalse(text.contains("<img") || text.contains("\n::set-output") || text.contains("a|b"), text)
            XCTAssertTrue(text.contains("a&#124;b &#60;img"), text)
        }
        let output = try bench.read("output")
        XCTAssertTrue(output.contains("verdict<<rtverify-\(token)\nno\nrtverify-\(token)\n"), output)
        XCTAssertTrue(output.contains("image<<rtverify-\(token)\nimages/test.squashfs\n"), output)
        let parse = """
            import sys, xml.dom.minidom as dom
            suites = dom.parse("gate.xml").documentElement
            assert suites.tagName == "testsuites" and not suites.hasAttribute("skipped")
            allowed = {"testsuites": {"name", "time", "tests", "failures", "disabled", "errors"},
                "testsuite": {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id",
                    "package", "file", "log", "url", "version"},
                "testcase": {"name", "time", "classname", "group"}, "skipped": {"type", "message"},
                "failure": {"type", "message"}, "error": {"type", "message"}}
            for element in [suites] + suites.getElementsByTagName("*"):
                assert set(element.attributes.keys()) <= allowed[element.tagName], element.toxml()
            for suite in suites.getElementsByTagName("testsuite"):
                cases = suite.getElementsByTagName("testcase")
                assert int(suite.getAttribute("tests")) == len(cases) == 6
                for kind in ("failure", "error", "skipped"):
                    name = {"failure": "failures", "error": "errors"}.get(kind, kind)
                    assert int(suite.getAttribute(name)) == len(suite.getElementsByTagName(kind)), kind
            """
        let checked = try bench.run(["python3", "-c", parse])
        XCTAssertEqual(checked.status, 0, checked.errors)
    }
}

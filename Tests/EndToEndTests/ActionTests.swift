import Foundation
import XCTest

/// The action, the workflow and what docs/ci.md shows, by other people's checkers; and the action's own steps, run.
final class ActionTests: XCTestCase {
    /// A throw-away environment with check-jsonschema, actionlint and zizmor, made and used by a user without rights.
    private func tools(_ bench: Workbench) throws -> (run: (String) throws -> Workbench.Answer, remove: () -> Void) {
        let requirements = "\(bench.folder)/workflow-tools.txt"
        let copied = try bench.run([
            "sh", "-ec",
            """
            cp '\(Workbench.sources)/Fixtures/workflow-tools.txt' . && mkdir -p files/.github/workflows
            cd '\(Workbench.checkout)' && cp action.yml docs/ci.md '\(bench.folder)/files/'
            cp .github/workflows/*.yml '\(bench.folder)/files/.github/workflows/'
            chmod -R a+rX '\(bench.folder)'
            """,
        ])
        XCTAssertEqual(copied.status, 0, copied.errors)
        let user = getuid() == 0 ? try TestUser(bench) : nil
        func run(_ script: String) throws -> Workbench.Answer {
            guard let user else { return try bench.run(["sh", "-c", script]) }
            // Where the index is, is this host's own to know.
            return try bench.run(["su", user.name, "-c", "cd; \(script)"], environment: ["HOME": "/home/\(user.name)"])
        }
        let made = try run(
            "python3 -m venv tools && tools/bin/pip install -q --disable-pip-version-check --only-binary :all: "
                + "--require-hashes -r '\(requirements)'")
        guard made.status == 0 else {
            user?.remove()
            throw XCTSkip("the checkers can't be had: \(made.errors)")
        }
        return (run, { user?.remove() })
    }

    func testOthersCheckersFindNothing() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let (run, remove) = try tools(bench)
        defer { remove() }
        // The jobs that docs/ci.md shows are files like any other.
        let extract = """
            import re, sys
            text = open("\(bench.folder)/files/ci.md").read()
            for mark, path in [("# .github/workflows/gate.yml", "shown.yml"), ("# .gitlab-ci.yml", "gitlab.yml")]:
                block = text[text.index("    " + mark):]
                lines = []
                for line in block.splitlines():
                    if line and not line.startswith("    "): break
                    lines.append(line[4:])
                open(path, "w").write("\\n".join(lines).replace("OWNER/rtverify@COMMIT", "owner/rtverify@" + "0" * 40) + "\\n")
            """
        try bench.write(extract, to: "extract.py")
        _ = try bench.run(["chmod", "a+r", "extract.py"])
        let files = "\(bench.folder)/files"
        for command in [
            "python3 '\(bench.folder)/extract.py'",
            "tools/bin/check-jsonschema --builtin-schema vendor.github-actions '\(files)/action.yml'",
            "tools/bin/check-jsonschema --builtin-schema vendor.github-workflows \(files)/.github/workflows/*.yml shown.yml",
            "tools/bin/check-jsonschema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci gitlab.yml",
            "tools/bin/actionlint -shellcheck= -pyflakes= \(files)/.github/workflows/*.yml shown.yml",
            "tools/bin/zizmor --offline --no-progress --persona regular '\(files)/action.yml' \(files)/.github/workflows shown.yml",
        ] {
            let answer = try run(command)
            XCTAssertEqual(answer.status, 0, "\(command)\n\(answer.output)\(answer.errors)")
        }
    }

    /// The lines of a step's `run: |`.
    private func script(of step: String) throws -> String {
        let text = try String(contentsOfFile: "\(Workbench.checkout)/action.yml", encoding: .utf8)
        let step = try XCTUnwrap(text.components(separatedBy: "      id: \(step)\n").last)
        let body = try XCTUnwrap(step.components(separatedBy: "      run: |\n").dropFirst().first)
        let script = body.components(separatedBy: "\n").prefix { $0.isEmpty || $0.hasPrefix("        ") }
            .map { String($0.dropFirst(8)) }.joined(separator: "\n")
        XCTAssertFalse(script.contains("${{"), "no expression is expanded into a script")
        return script
    }

    /// A package is installed when its hash is the one that was given, and only then.
    func testTheActionInstallsAPackageByItsHash() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can install a package") }
        let bench = try Workbench()
        defer { bench.remove() }
        let name = "rtverify-test-\(getpid())"
        let made = try bench.run([
            "sh", "-ec",
            """
            mkdir -p tree/DEBIAN tree/usr/share/\(name) temp && echo here > tree/usr/share/\(name)/file
            printf 'Package: \(name)\\nVersion: 1\\nArchitecture: all\\nMaintainer: nobody <nobody@example.org>\\nDescription: a test\\n' \
                > tree/DEBIAN/control
            dpkg-deb --root-owner-group --build tree 'a package.deb' && echo other > tree/usr/share/\(name)/file
            dpkg-deb --root-owner-group --build tree other.deb
            """,
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        try bench.write(try script(of: "install"), to: "step.sh")
        defer { _ = try? bench.run(["dpkg", "--purge", name]) }
        let sha256 = try bench.sha256("a package.deb")
        for (package, hash, status, words) in [
            ("a package.deb", "", Int32(2), "package-sha256 must be"),
            (
                "a package.deb", String(repeating: "0", count: 64), 2,
                "the package is another one: its SHA-256 is \(sha256)"
            ),
            ("no.deb", sha256, 2, "can't be read"), ("http://127.0.0.1/a.deb", sha256, 2, "an https URL or a path"),
            ("https://127.0.0.1:9/a.deb", sha256, 2, "can't be downloaded"),
            ("other.deb", try bench.sha256("other.deb"), 0, name), ("a package.deb", sha256, 0, name),
        ] {
            let answer = try bench.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "step.sh"],
                environment: ["PACKAGE": package, "PACKAGE_SHA256": hash, "RUNNER_TEMP": "\(bench.folder)/temp"])
            XCTAssertEqual(answer.status, status, answer.output + answer.errors)
            XCTAssertTrue(answer.output.contains(words), answer.output + answer.errors)
            let isThere = FileManager.default.fileExists(atPath: "/usr/share/\(name)/file")
            XCTAssertEqual(isThere, status == 0, "\(package) \(hash)")
        }
        // Of the same version, and other bytes.
        XCTAssertEqual(try String(contentsOfFile: "/usr/share/\(name)/file", encoding: .utf8), "here\n")
    }

    /// What is given and would not be used is no release gate's.
    func testInputsThatContradictEachOtherAreRefused() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        try bench.write(try script(of: "check"), to: "step.sh")
        for (package, hash, program, status) in [
            ("", "", "", Int32(0)), ("a.deb", "0", "", 0), ("", "", "rtverify", 0), ("", "0", "", 2),
            ("a.deb", "0", "rtverify", 2),
        ] {
            let answer = try bench.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "step.sh"],
                environment: ["PACKAGE": package, "PACKAGE_SHA256": hash, "PROGRAM": program])
            XCTAssertEqual(answer.status, status, answer.output + answer.errors)
        }
    }

    /// The gate step's script, as a runner would run it.
    func testTheActionsStepsDoWhatTheySay() throws {
        let script = try script(of: "gate")
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        let prepared = try bench.run([
            "sh", "-ec",
            "mkdir -p runtimes/test lockfiles temp && mv runtime.toml runtimes/test/ && mv test.lock lockfiles/",
        ])
        XCTAssertEqual(prepared.status, 0, prepared.errors)
        try bench.write(script, to: "step.sh")
        try bench.write(
            "[gate]\nchecks = [\"manifest\", \"audit\"]\n[[runtime]]\nmanifest = \"runtimes/test/runtime.toml\"\n",
            to: "a gate.toml")
        for (file, verdict, status) in [("a gate.toml", "yes", Int32(0)), ("", "undecided", 2)] {
            for name in ["output", "summary"] { try bench.write("", to: name) }
            let arguments =
                (archive.mirror + ["--keyring", "\(bench.folder)/keyring.gpg"]).joined(separator: "\n") + "\n\n"
            let answer = try bench.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "step.sh"],
                environment: [
                    "GATE_FILE": file, "GATE_ARGUMENTS": arguments, "GATE_IMAGES": "images",
                    "GATE_PROGRAM": Workbench.program,
                    "GITHUB_ACTION_PATH": Workbench.checkout, "RUNNER_TEMP": "\(bench.folder)/temp",
                    "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": "\(bench.folder)/output",
                    "GITHUB_STEP_SUMMARY": "\(bench.folder)/summary",
                ])
            XCTAssertEqual(answer.status, status, answer.output + answer.errors)
            let lines = try bench.read("output").components(separatedBy: "\n")
            func output(_ name: String) -> String? {
                lines.firstIndex { $0.hasPrefix("\(name)<<") }.map { lines[$0 + 1] }
            }
            XCTAssertEqual(output("verdict"), verdict)
            XCTAssertEqual(output("report"), "\(bench.folder)/temp/rtverify-gate.json")
            XCTAssertEqual(output("image"), "images/test.squashfs")
            XCTAssertEqual(output("sha256"), try bench.sha256("images/test.squashfs"))
            XCTAssertTrue(try bench.read("summary").contains("| test |"))
            for report in ["json", "xml", "md"] { XCTAssertTrue(bench.exists("temp/rtverify-gate.\(report)")) }
        }
    }
}

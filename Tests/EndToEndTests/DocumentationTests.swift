import Foundation
import XCTest

/// The guide to custom runtimes, followed as it stands, in an empty folder and with an empty store.
final class DocumentationTests: XCTestCase {
    func testTheGuideToCustomRuntimesWorksAsWritten() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let guide = try String(contentsOfFile: "\(Workbench.checkout)/docs/custom-runtimes.md", encoding: .utf8)
        var blocks = CodeBlocks.of(guide)
        blocks.removeAll { $0.contains("HASH") }
        let manifest = "runtimes/mine/runtime.toml"
        var commands = 0
        for block in blocks {
            if block.hasPrefix("rtverify ") {
                for line in block.split(separator: "\n") {
                    let arguments = line.dropFirst("rtverify ".count)
                    let answer = try bench.run(
                        ["sh", "-c", "'\(Workbench.program)' \(arguments)"],
                        environment: ["XDG_CACHE_HOME": "\(bench.folder)/cache"])
                    if answer.status == 2, answer.errors.contains("could not be fetched") {
                        throw XCTSkip("the archives can't be reached: \(answer.errors)")
                    }
                    XCTAssertEqual(answer.status, 0, "\(line)\n\(answer.errors)\(answer.output.suffix(2000))")
                    commands += 1
                }
            } else if block.hasPrefix("install = ") {
                let lines = try bench.read(manifest).split(separator: "\n", omittingEmptySubsequences: false)
                let changed = lines.map { $0.hasPrefix("install = ") ? Substring(block) : $0 }
                XCTAssertEqual(changed.filter { $0 == block }.count, 1, "the template has one list of packages")
                try bench.write(changed.joined(separator: "\n"), to: manifest)
            } else if block.hasPrefix("[") {
                try bench.write(try bench.read(manifest) + "\n" + block + "\n", to: manifest)
            } else {
                try bench.write(block + "\n", to: "runtimes/mine/hello.py")
            }
        }
        XCTAssertEqual(commands, 6)
        let listed = try bench.run(["unsquashfs", "-l", "mine.squashfs"])
        for path in ["/usr/bin/jq", "/opt/hello.py", "/opt/libs/requests/__init__.py"] {
            XCTAssertTrue(listed.output.contains("squashfs-root\(path)\n"), path)
        }
    }

    /// Pages that begin with what can't be run here: a container, a guide that has a test of its own, the pages' list.
    private static let others: Set = ["containers.md", "custom-runtimes.md", "README.md"]

    /// A page begins with a command and what it prints, `...` for lines that are left out. All are run in one folder: with the
    /// folders of this checkout, the Alpine runtime's inputs in the default store, and a message about its image.
    func testEachPageBeginsWithAnExampleThatWorks() throws {
        let folder = "\(Workbench.checkout)/docs"
        let bench = try Workbench()
        defer { bench.remove() }
        let environment = ["XDG_CONFIG_HOME": "\(bench.folder)/config", "HOME": bench.folder]
        try prepare(bench, environment)
        for page in try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        where page.hasSuffix(".md") && !Self.others.contains(page) {
            let text = try String(contentsOfFile: "\(folder)/\(page)", encoding: .utf8)
            let example = try XCTUnwrap(CodeBlocks.examples(of: text).first, page)
            XCTAssertEqual(text.split(separator: "\n")[1].prefix(6), "    $ ", "\(page) begins with another thing")
            for (command, expected) in example {
                let run = command.replacing(#/^rtverify/#, with: "'\(Workbench.program)'")
                let answer = try bench.run(["sh", "-c", run], environment: environment)
                if answer.errors.contains("could not be fetched") {
                    throw XCTSkip("the archive that the kernel comes from can't be reached: \(answer.errors)")
                }
                XCTAssertEqual(answer.status, 0, "\(page): \(command)\n\(answer.errors)")
                let found = answer.output.replacing("\r\n", with: "\n").split(
                    separator: "\n", omittingEmptySubsequences: false)
                XCTAssertTrue(
                    CodeBlocks.matches(found.map(String.init), expected), "\(page): \(command)\n\(answer.output)")
            }
        }
    }

    private func prepare(_ bench: Workbench, _ environment: [String: String]) throws {
        let mirrors = SharedMirrors.options.filter { $0 != "--mirror" }.joined(separator: "\n")
        let owner = TestKey(1)
        let made = try bench.run(
            [
                "sh", "-ec",
                """
                mkdir -p config/rtverify && printf '%s\\n' '\(mirrors)' > config/rtverify/mirrors
                for folder in lockfiles golden examples; do ln -s '\(Workbench.checkout)'/$folder .; done
                cp -r '\(Workbench.checkout)/runtimes' .
                '\(Workbench.program)' build --lock lockfiles/alpine-minimal.lock -o alpine-minimal.squashfs --no-cache -q
                '\(Workbench.program)' lock verify lockfiles/alpine-minimal.lock --fetch -q
                """,
            ], environment: environment)
        if made.errors.contains("could not be fetched") {
            throw XCTSkip("what the Alpine runtime locks can't be fetched: \(made.errors)")
        }
        XCTAssertEqual(made.status, 0, made.errors)
        let message = TestMessage(
            TestMessage.store(try bench.sha256("alpine-minimal.squashfs"), owner: owner.address), by: owner)
        try bench.write(message.answer(), to: "message.json")
        let gate = try String(contentsOfFile: "\(Workbench.checkout)/docs/gate.md", encoding: .utf8)
        let file = try XCTUnwrap(CodeBlocks.of(gate).first { $0.hasPrefix("# gate.toml\n") })
        try bench.write(file + "\n", to: "gate.toml")
    }
}

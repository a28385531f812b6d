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
}

import ContentHash
import Foundation
import XCTest

/// docs/publish.md, followed as it stands: from an image to a program that runs on it, with a stand-in for the node.
final class PublishGuideTests: XCTestCase {
    private let key = TestKey(11)

    func testTheGuideGoesFromAnImageToAProgramThatRunsOnIt() throws {
        try AlpineMirror.require()
        let bench = try Workbench()
        defer { bench.remove() }
        let linked = try bench.run([
            "sh", "-ec", "for i in lockfiles golden runtimes examples; do ln -s '\(Workbench.checkout)'/$i .; done",
        ])
        XCTAssertEqual(linked.status, 0, linked.errors)
        // A signer that knows what it will be asked: the key is this test's.
        try bench.write("#!/bin/sh\ncat signatures/$(sha256sum | cut -c1-64)\n", to: "my-signer")
        _ = try bench.run(["sh", "-c", "chmod +x my-signer; mkdir signatures"])
        let guide = try String(contentsOfFile: "\(Workbench.checkout)/docs/publish.md", encoding: .utf8)
        let start = try XCTUnwrap(guide.range(of: "## From an image")).upperBound
        let end = try XCTUnwrap(guide.range(of: "## prepare")).lowerBound
        try bench.write("{}", to: "state.json")
        try Server.running(["publishing_node.py", "\(bench.folder)/state.json"]) { url in
            var hashes: [String: String] = ["ADDRESS": key.address]
            var commands = 0
            for block in CodeBlocks.of(guide[start..<end]) {
                guard block.hasPrefix("rtverify ") || block.hasPrefix("cc ") else {
                    try writeProgram(hashes.reduce(block) { $0.replacing($1.key, with: $1.value) }, bench)
                    continue
                }
                for line in block.split(separator: "\n") {
                    let command = hashes.sorted { $0.key > $1.key }.reduce(String(line)) {
                        $0.replacing($1.key, with: $1.value)
                    }
                    try follow(command, bench, url)
                    commands += 1
                    for (name, folder) in [("SERVER_HASH", "server.publish"), ("ITEM_HASH", "alpine-minimal.publish")]
                    where bench.exists(folder) { hashes[name] = try sign(folder, bench) }
                }
            }
            XCTAssertEqual(commands, 11)
        }
    }

    private func follow(_ line: String, _ bench: Workbench, _ url: String) throws {
        var words = line.hasPrefix("rtverify ") ? "'\(Workbench.program)' \(line.dropFirst("rtverify ".count))" : line
        let mirrors = SharedMirrors.options.map { "'\($0)'" }.joined(separator: " ")
        let asksNode = ["publish ", "verify ", "run "].contains { line.contains("rtverify \($0)") }
        if asksNode { words += " --api \(url)" }
        if ["build ", "store export", "run "].contains(where: line.contains) { words += " \(mirrors)" }
        let answer = try bench.run(
            ["sh", "-c", words], environment: ["XDG_CACHE_HOME": "\(bench.folder)/cache"])
        if answer.status == 2, answer.errors.contains("could not be fetched") {
            throw XCTSkip("the archives can't be reached: \(answer.errors)")
        }
        XCTAssertEqual(answer.status, 0, "\(line)\n\(answer.errors.suffix(3000))\(answer.output.suffix(2000))")
    }

    /// Has the signer know what a folder's messages are signed by.
    /// - Returns: The item hash.
    private func sign(_ folder: String, _ bench: Workbench) throws -> String {
        for place in [folder, "\(folder)/inputs"] where bench.exists("\(place)/to-sign.txt") {
            let text = try bench.read("\(place)/to-sign.txt")
            try bench.write(
                "0x" + Hex.encode(key.sign(text)), to: "signatures/\(Digest.of(Array(text.utf8)).hex)")
        }
        return try bench.sha256("\(folder)/content.json")
    }

    private func writeProgram(_ content: String, _ bench: Workbench) throws {
        // As it would be hashed.
        let object = try JSONSerialization.jsonObject(with: Data(content.utf8))
        let text = String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self)
        try bench.write(TestMessage(text, type: "PROGRAM", by: key).answer(), to: "program.json")
    }
}

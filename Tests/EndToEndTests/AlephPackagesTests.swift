import Foundation
import XCTest

/// Messages and signatures, held against Aleph's own Python packages in an environment that goes with the test.
final class AlephPackagesTests: XCTestCase {
    func testWhatWeWriteIsWhatTheyWouldHaveSigned() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let fixtures = "\(Workbench.sources)/Fixtures"
        let made = try bench.run([
            "sh", "-c",
            "python3 -m venv tools && tools/bin/pip install -q --disable-pip-version-check --no-deps --only-binary :all: "
                + "--require-hashes -r '\(fixtures)/aleph-packages.txt'",
        ])
        guard made.status == 0 else { throw XCTSkip("the checkers can't be had: \(made.errors)") }
        func theirs(_ words: [String]) throws -> String {
            let answer = try bench.run(["tools/bin/python", "\(fixtures)/aleph_packages.py"] + words)
            XCTAssertEqual(answer.status, 0, answer.errors)
            return answer.output.filter { $0 != "\n" }
        }
        try bench.write(String(repeating: "an image ", count: 100_000), to: "image")
        for (chain, more) in [
            ("ETH", [String]()), ("SOL", []), ("BASE", ["--engine", "ipfs"]),
            ("ETH", ["--engine", "ipfs", "--ref", "latest é \u{1f600} \"x\"", "--time", "1790000000"]),
        ] {
            let folder = "p-\(UUID())"
            let address = try theirs(["address", chain])
            let prepared = try bench.rtverify(
                [
                    "publish", "prepare", "image", "--address", address, "--chain", chain, "--offline", "--anyway",
                    "-o", folder,
                ] + more)
            XCTAssertEqual(prepared.status, 0, prepared.errors)
            if chain == "BASE" { continue }
            let full = try theirs(["check", chain, folder])
            let command = "tools/bin/python '\(fixtures)/aleph_packages.py' sign \(chain)"
            try bench.write("{}", to: "state.json")
            // As their client spells it, bare, by a command, and by the lines that `prepare` prints.
            let bare = try bench.run(["sh", "-c", "\(command) < \(folder)/to-sign.txt"]).output.filter { $0 != "\n" }
            let snippet = try self.snippet(prepared.output, bench, address: address)
            for how in [
                ["--signature", full], ["--signature", bare], ["--sign-with", command], ["--signature", snippet],
            ] {
                try Server.running(["publishing_node.py", "\(bench.folder)/state.json"]) { url in
                    let sent = try bench.rtverify(["publish", "send", folder, "--yes", "--api", url] + how)
                    XCTAssertEqual(sent.status, 0, "\(chain) \(how): \(sent.errors)")
                    XCTAssertTrue(sent.output.contains("signature: \(address) signed it"), sent.output)
                }
            }
        }
    }

    /// Runs the Python lines that are printed, with a key file.
    private func snippet(_ output: String, _ bench: Workbench, address: String) throws -> String {
        let start = try XCTUnwrap(output.range(of: "python3 - "))
        let end = try XCTUnwrap(output.range(of: "\nEND", range: start.lowerBound..<output.endIndex))
        let lines = output[start.lowerBound..<end.upperBound]
        XCTAssertEqual(lines.split(separator: "\n").count, 5)
        let answer = try bench.run(
            [
                "sh", "-c",
                "python3 -c 'import hashlib, sys; sys.stdout.buffer.write(hashlib.sha256(b\"a key for rtverify\\x27s tests\").digest())' > own.key\n"
                    + "PATH=\"$PWD/tools/bin:$PATH\"\n" + lines,
            ], environment: ["ALEPH_PRIVATE_KEY_FILE": "\(bench.folder)/own.key"])
        XCTAssertEqual(answer.status, 0, answer.errors)
        return answer.output.filter { $0 != "\n" }
    }
}

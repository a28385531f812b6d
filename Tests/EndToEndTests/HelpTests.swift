import Foundation
import XCTest

/// The examples of every command's help, run as they stand, in a folder that has what they name.
final class HelpTests: XCTestCase {
    private static let commands = [
        "init", "lock", "lock resolve", "lock update", "lock check", "lock verify", "lock diff", "lock draft",
        "lock upgrade",
        "build", "hash", "car", "verity", "compare", "inspect", "audit", "verify", "gate", "message", "boot", "run",
        "doctor", "store", "store list", "store verify", "store gc", "store export", "store import",
        "publish", "publish prepare", "publish send", "publish status",
    ]

    /// The example lines of a command's help.
    private func examples(_ command: String, _ bench: Workbench) throws -> [String] {
        let help = try bench.run(
            [Workbench.program, "help"] + command.split(separator: " ").map(String.init),
            environment: ["COLUMNS": "400"])
        XCTAssertEqual(help.status, 0, help.errors)
        let text = help.output.components(separatedBy: "EXAMPLES:\n").dropFirst().first ?? ""
        return text.components(separatedBy: "\n\n")[0].split(separator: "\n").map {
            $0.trimmingCharacters(in: .whitespaces)
        }.filter { $0.hasPrefix("rtverify ") }
    }

    /// The help has the words that people search for.
    func testTheHelpHasTheFieldsWords() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        func help(_ command: String) throws -> String {
            // The first sentence, which the list of commands and apropos have.
            let text = try bench.rtverify(["help"] + command.split(separator: " ").map(String.init)).output.lowercased()
            return text.components(separatedBy: "\n\n")[0].replacing("\n", with: " ")
        }
        for (command, words) in [
            ("", ["reproducible", "rebuild", "verify"]), ("build", ["reproduce"]),
            ("hash", ["checksums", "digest"]),
            ("lock", ["pin", "version", "digest", "lockfile"]), ("compare", ["diff"]), ("lock draft", ["reproduce"]),
            ("store", ["rebuild", "offline"]),
        ] {
            let text = try help(command)
            let found = text.split { !$0.isLetter }.map(String.init)
            for word in words { XCTAssertTrue(found.contains(word), "\(command): \(word)\n\(text)") }
        }
    }

    /// A small project under the names that the examples have.
    private func project() throws -> TestArchive {
        let archive = try TestArchive()
        let bench = archive.bench
        try archive.manifest(["late", "openssl"])
        let name = "debian-12-minimal"
        try bench.write(
            try bench.read("runtime.toml").replacing("name = \"test\"", with: "name = \"\(name)\""), to: "runtime.toml")
        let made = try bench.run([
            "sh", "-ec", "mkdir -p runtimes/\(name) lockfiles golden unpacked && cp runtime.toml runtimes/\(name)/",
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        let lock = "lockfiles/\(name).lock"
        XCTAssertEqual(try archive.lock(output: lock).status, 0)
        let built = try bench.rtverify(["build", "--lock", lock, "-o", "image.squashfs", "--json"] + archive.mirror)
        XCTAssertEqual(built.status, 0, built.errors)
        let files = """
            echo note > unpacked/note; touch saved-message.json
            for i in a b mine theirs minimal runtime old new; do cp image.squashfs $i.squashfs; done
            cp \(lock) my.lock; cp \(lock) old.lock; cp \(lock) new.lock; cp \(lock) runtime.lock
            sha256sum image.squashfs > SHA256SUMS
            printf '[[runtime]]\\nname = "\(name)"\\n[runtime.checks]\\nonly = ["manifest"]\\n' > gate.toml
            """
        XCTAssertEqual(try bench.run(["sh", "-ec", files]).status, 0)
        let golden = try JSONSerialization.jsonObject(with: Data(built.output.utf8)) as? [String: Any]
        let wanted = ["lock_sha256", "size", "sha256", "cid"].reduce(into: [String: Any]()) { $0[$1] = golden?[$1] }
        try bench.write(
            String(decoding: try JSONSerialization.data(withJSONObject: wanted), as: UTF8.self),
            to: "golden/\(name).json")
        return archive
    }

    /// What a command is given besides, so that it asks this archive and nobody else; and the statuses that are right.
    private func surroundings(_ line: String, _ archive: TestArchive) -> (more: [String], statuses: Set<Int32>) {
        let keyring = ["--keyring", "keyring.gpg"]
        let words = line.split(separator: " ").dropFirst().map(String.init)
        switch (words[0], words.count > 1 ? words[1] : "") {
        case ("lock", "check"), ("lock", "upgrade"): return ([], [0])
        case ("lock", "diff"): return ([], [0])
        // The image's Debian is the test's, which has no suite of that name.
        case ("lock", "draft"): return (keyring + archive.mirror, [0, 1, 2])
        case ("lock", _): return (keyring + archive.mirror, [0])
        case ("build", _): return (archive.mirror, [0])
        case ("compare", _): return ([], [0, 1])
        case ("audit", _): return ([], [0, 1])
        case ("gate", _): return (keyring + archive.mirror, [0, 1, 2])
        case ("store", "export"): return (archive.mirror, [0])
        // No node of Aleph's is asked by a test.
        case ("verify", _): return (["--api", "http://127.0.0.1:1", "--gateway", "http://127.0.0.1:1"], [1, 2])
        case ("message", _): return (["--api", "http://127.0.0.1:1"], [2])
        // Nobody has signed what the examples prepare; `send` finds no signature that is one.
        case ("publish", "prepare"): return (["--offline"], [0])
        case ("publish", "send"): return (["--api", "http://127.0.0.1:1"], [1, 2])
        case ("publish", "status"): return (["--api", "http://127.0.0.1:1"], [2])
        // BootTests start machines; here is none.
        case ("boot", _): return (archive.mirror.filter { $0 != "--only-mirror" }, [2])
        case ("run", _): return (archive.mirror.filter { $0 != "--only-mirror" }, [2])
        case ("doctor", _): return ([], [0, 1, 2])
        default: return ([], [0])
        }
    }

    func testEveryExampleOfEveryHelpIsRight() throws {
        let archive = try project()
        let bench = archive.bench
        defer { bench.remove() }
        for command in Self.commands {
            let examples = try examples(command, bench)
            XCTAssertGreaterThanOrEqual(examples.count, 2, "\(command) has \(examples.count) examples")
            for line in examples {
                let (more, statuses) = surroundings(line, archive)
                _ = try bench.run(["rm", "-rf", "runtimes/mine"])
                // Another time is another message, and no folder is written over.
                if line.contains("publish prepare") { _ = try bench.run(["sh", "-c", "rm -rf *.publish"]) }
                let text = line.dropFirst("rtverify ".count) + more.map { " '\($0)'" }.joined()
                let answer = try bench.run(
                    ["sh", "-c", "'\(Workbench.program)' \(text)"],
                    environment: ["XDG_CACHE_HOME": "\(bench.folder)/cache"])
                XCTAssertTrue(statuses.contains(answer.status), "\(line): \(answer.status)\n\(answer.errors)")
                XCTAssertFalse(answer.errors.contains("note: `rtverify"), line)
            }
        }
    }
}

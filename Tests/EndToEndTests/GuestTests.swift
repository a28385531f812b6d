import Foundation
import XCTest

/// The agent without a machine, with address and undefined sanitizers.
final class GuestTests: XCTestCase {
    private static let guest = "\(Workbench.checkout)/guest"

    /// Compiles sources of guest/ with what finds mistakes.
    private func compile(_ bench: Workbench, _ output: String, without left: [String], with more: [String]) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.guest).filter {
            $0.hasSuffix(".c") && !left.contains($0)
        }
        let built = try bench.run(
            [
                "gcc", "-std=c99", "-D_GNU_SOURCE", "-DMOST_CONNECTIONS=120", "-g", "-O1", "-Wall", "-Wextra",
                "-Werror",
                "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-o", output,
            ] + more + names.sorted().map { "\(Self.guest)/\($0)" })
        XCTAssertEqual(built.status, 0, built.errors)
    }

    /// Every row of the protocol, over sockets of the file system.
    func testItDoesWhatTheProtocolAsks() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can enter the namespaces that the agent is run in") }
        let bench = try Workbench()
        defer { bench.remove() }
        try compile(bench, "agent", without: ["vsock.c"], with: ["\(Self.guest)/tests/unix_sockets.c"])
        let driven = try bench.run([
            "timeout", "-k", "5", "300", "python3", "\(Self.guest)/tests/drive.py", "agent",
            Self.guest, ".",
        ])
        XCTAssertEqual(driven.status, 0, driven.output + driven.errors)
        XCTAssertTrue(driven.output.hasSuffix("all shown\n"), driven.output)
        XCTAssertGreaterThan(driven.output.split(separator: "\n").count, 20, driven.output)
    }

    /// The fuzzer's corpus, cut at each length and changed a thousand times.
    func testItsParsersStandWhatStrangersSend() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        try compile(
            bench, "replay", without: ["agent.c", "configure.c", "program.c", "relay.c", "requests.c", "vsock.c"],
            with: ["-DREPLAY", "\(Self.guest)/tests/fuzz.c"])
        let corpus = try FileManager.default.contentsOfDirectory(atPath: "\(Self.guest)/tests/corpus").sorted()
        let replayed = try bench.run(
            ["./replay"] + corpus.map { "\(Self.guest)/tests/corpus/\($0)" },
            environment: ["ASAN_OPTIONS": "detect_leaks=0"])
        XCTAssertEqual(replayed.status, 0, replayed.errors)
        XCTAssertGreaterThan(Int(replayed.output.split(separator: " ").first ?? "") ?? 0, 1000 * corpus.count)
    }
}

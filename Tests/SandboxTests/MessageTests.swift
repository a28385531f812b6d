import ContentHash
import Host
import RuntimeSpec
import Sandbox
import XCTest

/// What processes of the sandbox tell each other.
final class SandboxMessageTests: XCTestCase {
    func testTasksArriveAsTheyWereSent() throws {
        let tasks: [ChrootTask] = [
            .write(path: "/a \u{1b}é", mode: 0o4755, bytes: [0, 10, 255]), .extract(["a", "b"]), .prune("/x"),
            .removeEntries(of: "/etc/ssh", prefix: "ssh_host_", suffix: "_key"),
        ]
        let line = try JSONText.line(tasks)
        XCTAssertEqual(line.last, 10)
        XCTAssertEqual(line.count { $0 == 10 }, 1)
        XCTAssertEqual(try JSONText.line(try JSONText.decode([ChrootTask].self, from: line)), line)
    }

    func testAQuestionHasThePackagesThatItNeedsAndNoOthers() throws {
        func package(_ name: String) -> Lockfile.Package {
            .init(
                archive: "x", name: name, version: "1", architecture: "all",
                file: .init(path: "\(name).deb", of: Array(name.utf8)), stage: 0)
        }
        let debian = Lockfile.Base.debian(
            .init(release: "x", selection: nil, packages: [package("python3"), package("bash"), package("libc6")]))
        let target = PipTarget(
            base: debian, interpreter: ["python3", "libc6"], toolchain: [package("pip")], sourceDateEpoch: 1)
        XCTAssertEqual(target.interpreter, .packages([package("libc6"), package("python3")]))
        // A volume has no interpreter of its own: the toolchain's.
        func interpreter(_ base: Lockfile.Base) -> PipTarget.Interpreter {
            PipTarget(base: base, interpreter: ["python3"], toolchain: [], sourceDateEpoch: 1).interpreter
        }
        XCTAssertEqual(interpreter(.empty), .toolchain)
        let tarball = Lockfile.Input(path: "base.tar", of: [1])
        XCTAssertEqual(interpreter(.tarball(tarball)), .tarball(tarball))
        let read = try JSONText.decode(PipTarget.self, from: try JSONText.line(target))
        XCTAssertEqual(read.interpreter, target.interpreter)
        XCTAssertEqual(read.toolchain, target.toolchain)
        // A hash that is none doesn't arrive as one.
        let broken = String(decoding: try JSONText.line(target), as: UTF8.self).replacing(
            Digest.of(Array("pip".utf8)).hex, with: "xyz")
        XCTAssertThrowsError(try JSONText.decode(PipTarget.self, from: Array(broken.utf8)))
    }

    func testAProgramsWordsComeAfterItsRoot() {
        let words = RootEntry.command("/root folder", ["sh", "-c", "true"], options: .init(sharesNetwork: true))
            .map { String(decoding: $0.dropLast(), as: UTF8.self) }
        XCTAssertEqual(words, ["sandbox-enter", "--network", "/root folder", "sh", "-c", "true"])
        XCTAssertEqual(Set(HiddenCommand.allCases.map(\.rawValue)).count, HiddenCommand.allCases.count)
    }
}

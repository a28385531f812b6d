import Foundation
import XCTest

/// `rtverify run` on an image with another agent: whether an old official runtime still runs. No official image is here; this
/// one, from the real archive, answers as they do.
final class OfficialInitTests: XCTestCase {
    func testARuntimeWithAnotherAgentRunsPrograms() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let files = try bench.run([
            "cp", "\(Workbench.sources)/Fixtures/official_init.py", "\(Workbench.checkout)/guest/asgi_messagepack.py",
            ".",
        ])
        XCTAssertEqual(files.status, 0)
        try bench.write(
            """
            #!/bin/sh
            # As the official one: it ends as the agent.
            mount -t proc proc /proc
            mount -t tmpfs tmpfs /run
            exec python3 -OO /root/init1.py
            """, to: "init")
        try bench.write(
            """
            [runtime]
            name = "official"
            [base]
            system = "debian"
            release = "bookworm"
            [packages]
            install = ["python3-minimal", "libpython3-stdlib"]
            [[file]]
            source = "init"
            target = "/sbin/init"
            mode = "0755"
            [[file]]
            source = "official_init.py"
            target = "/root/init1.py"
            [[file]]
            source = "asgi_messagepack.py"
            target = "/root/asgi_messagepack.py"

            """, to: "runtime.toml")
        let locked = try bench.rtverify(["lock", "runtime.toml", "-o", "official.lock"] + SharedMirrors.options)
        guard locked.status == 0 else { throw XCTSkip("the Debian archive can't be reached: \(locked.errors)") }
        let built = try bench.rtverify(
            ["build", "--lock", "official.lock", "-o", "image.squashfs"] + SharedMirrors.options)
        XCTAssertEqual(built.status, 0, built.errors)
        let audited = try bench.rtverify(["audit", "--runtime", "image.squashfs"])
        XCTAssertTrue(audited.output.contains("looks like the official init"), audited.output)
        try bench.write(
            """
            async def app(scope, receive, send):
                if scope["path"] == "/raise": raise ValueError("on purpose")
                if scope["path"] == "/exit": raise SystemExit(1)
                body = str((scope["path"], scope["query_string"])).encode()
                await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
                await send({"type": "http.response.body", "body": body})
            """, to: "main.py")
        let runs = ProgramRuns(bench: bench, memory: 256)
        let answer = try runs.run(
            "main.py",
            [
                "--request", "GET /a%20b?c=d+e", "--expect", "('/a b', 'c=d e')", "--request", "GET /raise",
                "--expect-status", "500", "--expect", "ValueError: on purpose",
            ])
        XCTAssertEqual(answer.status, 0, answer.errors)
        XCTAssertFalse(answer.errors.contains("did not say that it halted"), answer.errors)
        let ended = try runs.run("main.py", ["--request", "GET /exit", "--expect-status", "502"])
        XCTAssertEqual(ended.status, 0, ended.errors)
        XCTAssertTrue(ended.errors.contains("Kernel panic"), ended.errors)
        let refused = try runs.run("main.py", ["--entrypoint", "main:nope"])
        XCTAssertEqual(refused.status, 1, refused.errors)
        XCTAssertTrue(refused.errors.contains("the program was refused"), refused.errors)
    }
}

import Foundation
import XCTest

/// Programs on a runtime that a test has built: `image.squashfs` of its workbench.
struct ProgramRuns {
    let bench: Workbench
    let memory: Int

    private static let program = "\(Workbench.sources)/Fixtures/program"

    /// `rtverify run`, emulated.
    func run(_ program: String, _ options: [String], image: String = "image.squashfs") throws -> Workbench.Answer {
        let answer = try bench.rtverify(
            ["run", image, program, "--emulate", "--memory", "\(memory)", "--boot-timeout", "300"] + options
                + SharedMirrors.options)
        if answer.errors.contains("could not be fetched") {
            throw XCTSkip("the archive that the kernel comes from can't be reached: \(answer.errors)")
        }
        return answer
    }

    private func good(
        _ answer: Workbench.Answer, has texts: [String], file: StaticString = #filePath, line: UInt = #line
    ) {
        XCTAssertEqual(answer.status, 0, answer.errors + answer.output.suffix(2000), file: file, line: line)
        for text in texts {
            XCTAssertTrue(
                (answer.output + answer.errors).contains(text), "\(text)\n\(answer.errors)", file: file, line: line)
        }
    }

    /// Volumes: one that is only read, one that is written to, and data.
    private func volumes() throws -> [String] {
        let made = try bench.run([
            "sh", "-ec",
            """
            mkdir fixed && printf fixed-volume > fixed/name && mksquashfs fixed fixed.squashfs -quiet -no-progress > /dev/null
            truncate -s 16M written.ext4 && mkfs.ext4 -q written.ext4
            python3 -c 'import zipfile; zipfile.ZipFile("data.zip", "w").writestr("given", "x")'
            head -c 10000000 /dev/urandom > large
            """,
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        return [
            "--volume", "fixed.squashfs:/opt/fixed", "--volume", "written.ext4:/mnt/written:rw", "--data", "data.zip",
        ]
    }

    /// A FastAPI program that does all that programs do, and then those that end it.
    func fastAPI() throws {
        func ask(_ path: String, _ options: String...) -> [String] { ["--request", "GET \(path)"] + options }
        let volumes = try volumes()
        let requests: [[String]] = [
            ask("/log", "--expect", "[\"up\"]"), ask("/log", "--expect", "[\"up\",\"background\"]"),
            ask("/url?a=b%20c", "--expect", "http://localhost/url?a=b%20c"), ask("/stream", "--expect", "part 4"),
            ask("/zipped", "--header", "accept-encoding: gzip", "--expect", String(repeating: "x", count: 1000)),
            ask("/raise", "--expect-status", "500"), ask("/nothing", "--expect-status", "404"),
            ask(
                "/socket", "--header", "connection: upgrade", "--header", "upgrade: websocket", "--expect-status", "404"
            ),
            ask("/fork", "--expect", "forked"), ask("/flood", "--expect", "flooded"),
            ask("/machine", "--expect", "\"greeting\":\"hi there\"", "--expect", "given", "--expect", "fixed-volume"),
            ask("/write", "--expect", "hello"), ask("/api/properties", "--expect", "vm_hash"),
            ask("/api/sign", "--expect", "501"),
            ["--request", "POST /echo", "--body", "large"], ask("/memory"),
        ]
        let answer = try run(
            Self.program, ["--variable", "GREETING=hi there", "--json"] + volumes + requests.flatMap { $0 })
        good(answer, has: ["ValueError: on purpose", "console: lifespan is over"])
        let report = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
        XCTAssertEqual(report["isHalted"] as? Bool, true)
        XCTAssertEqual(report["version"] as? String, "2.0.0")
        XCTAssertEqual(
            (report["parts"] as? [[String: Any]])?.map { $0["name"] as? String },
            ["kernel", "initramfs", "vsock-device"])
        let answers = try XCTUnwrap(report["answers"] as? [[String: Any]])
        XCTAssertEqual(answers.compactMap { $0["size"] as? Int }.max(), 10_000_000)
        let untouched = try bench.run(["sh", "-c", "debugfs -R 'ls -p /' written.ext4 2>/dev/null | grep -c new"])
        XCTAssertEqual(untouched.output, "0\n", "a copy was written to")
        for (path, word) in [("/exit", "status 3"), ("/signal", "signal 11")] {
            let ended = try run(Self.program, ask(path, "--expect-status", "502"))
            good(ended, has: ["the program ended with \(word)"])
        }
        try unanswered()
    }

    /// A request that has no answer in time, and a halt in its midst; and a refusal.
    private func unanswered() throws {
        let late = try run(Self.program, ["--request", "GET /never", "--request-timeout", "20"])
        XCTAssertEqual(late.status, 1, late.errors)
        XCTAssertTrue(late.errors.contains("no answer within 20 s"), late.errors)
        XCTAssertTrue(late.errors.contains("console: lifespan is over"), late.errors)
        XCTAssertFalse(late.errors.contains("did not say that it halted"), late.errors)
        let refused = try run(Self.program, ["--entrypoint", "main:nope"])
        XCTAssertEqual(refused.status, 1, refused.errors)
        XCTAssertTrue(refused.errors.contains("the program was refused: AttributeError"), refused.errors)
        XCTAssertTrue(refused.errors.contains("Traceback"), refused.errors)
    }

    /// The examples that docs/programs.md walks through.
    func pythonExamples() throws {
        let examples = "\(Workbench.checkout)/examples"
        good(
            try run(
                "\(examples)/fastapi",
                [
                    "--variable", "GREETING=Salut", "--request", "GET /", "--expect", "Salut", "--request",
                    "GET /numbers/3", "--expect", "2",
                ]),
            has: ["console: stopped after 1 visits"])
        try bench.write("{\"item\": 1}", to: "event.json")
        good(
            try run(
                "\(examples)/asgi",
                ["--request", "GET /path", "--expect", "GET /path with 0 bytes", "--event", "event.json"]),
            has: ["seen"])
    }

    /// A static executable: plain, in a folder, in a squashfs image where it can't be made executable.
    func executables() throws {
        let built = try bench.run([
            "sh", "-ec",
            """
            gcc -static -O1 -o server '\(Workbench.checkout)/examples/executable/server.c'
            mkdir code && cp server code/ && mksquashfs code code.squashfs -quiet -no-progress > /dev/null
            """,
        ])
        XCTAssertEqual(built.status, 0, built.errors)
        good(
            try run("server", ["--request", "GET /a%20b?x=1", "--expect", "GET /a%20b?x=1 HTTP/1.1"]),
            has: ["console: serving", "first answer after"])
        good(try run("code", ["--request", "GET /", "--expect", "GET /"]), has: [])
        good(try run("code.squashfs", ["--entrypoint", "server", "--request", "GET /", "--expect", "GET /"]), has: [])
        let ended = try bench.run(["sh", "-c", "printf '#!/bin/sh\\nexit 5\\n' > ends && chmod +x ends"])
        XCTAssertEqual(ended.status, 0)
        let answer = try run("ends", [])
        XCTAssertEqual(answer.status, 1, answer.errors)
        XCTAssertTrue(answer.errors.contains("ended with status 5"), answer.errors)
        try serve()
    }

    /// A developer's loop, with a hundred requests at once, until Ctrl-C.
    private func serve() throws {
        let script = """
            '\(Workbench.program)' run image.squashfs server --emulate --memory \(memory) --serve 127.0.0.1:0 \
                > output 2> errors & program=$!
            for i in $(seq 600); do
                url=$(grep -o 'http://127[^;]*' errors) && break; kill -0 $program || break; sleep 0.1
            done
            python3 - "$url" <<'PYTHON'
            import concurrent.futures, sys, urllib.request
            ask = lambda number: urllib.request.urlopen(f"{sys.argv[1]}{number}", timeout=60).read() == b"GET /%d HTTP/1.1\\n" % number
            with concurrent.futures.ThreadPoolExecutor(100) as pool:
                print(sum(pool.map(ask, range(100))))
            PYTHON
            kill -INT $program; wait $program; echo "status $?"
            """
        let answer = try bench.run(["sh", "-c", script])
        XCTAssertEqual(answer.output, "100\nstatus 0\n", answer.errors + ((try? bench.read("errors")) ?? ""))
        XCTAssertEqual(
            try bench.run(["pgrep", "-f", "\(bench.folder)/image.squashfs"]).output, "", "nothing outlives it")
    }
}

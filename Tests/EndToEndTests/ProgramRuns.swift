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
    /// - Parameter isWhole: Whether what is the same on each runtime is shown too.
    func fastAPI(isWhole: Bool = true) throws {
        func ask(_ path: String, _ options: String...) -> [String] { ["--request", "GET \(path)"] + options }
        let volumes = try volumes()
        let requests: [[String]] = [
            ask("/log", "--expect", "[\"up\"]"),
            ask("/url?a=b%20c", "--expect", "http://localhost/url?a=b%20c"), ask("/stream/5", "--expect", "part 4"),
            ask("/stream/200000", "--expect", "part 199999"),
            ask("/zipped", "--header", "accept-encoding: gzip", "--expect", String(repeating: "x", count: 1000)),
            ask("/raise", "--expect-status", "500", "--expect", "ValueError: on purpose"),
            ask("/nothing", "--expect-status", "404"),
            ask(
                "/socket", "--header", "connection: upgrade", "--header", "upgrade: websocket", "--expect-status", "404"
            ),
            ask("/fork", "--expect", "forked"), ask("/flood", "--expect", "flooded"),
            ask("/machine", "--expect", "\"greeting\":\"hi there\"", "--expect", "given", "--expect", "fixed-volume"),
            ask("/write", "--expect", "hello"), ask("/api/properties", "--expect", "vm_hash"),
            ask("/api/sign", "--expect", "501"),
            ["--request", "POST /echo", "--body", "large"], ask("/memory"),
            ask("/log", "--expect", "[\"up\",\"background\"]"),
        ]
        let answer = try run(
            Self.program, ["--variable", "GREETING=hi there", "--json"] + volumes + requests.flatMap { $0 })
        good(answer, has: ["ValueError: on purpose", "console: lifespan is over"])
        let report = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
        XCTAssertEqual(report["is_halted"] as? Bool, true)
        XCTAssertEqual(report["version"] as? String, "2.0.0")
        XCTAssertEqual(
            (report["parts"] as? [[String: Any]])?.map { $0["name"] as? String },
            ["kernel", "initramfs", "vsock-device"])
        let answers = try XCTUnwrap(report["answers"] as? [[String: Any]])
        XCTAssertEqual(answers.compactMap { $0["size"] as? Int }.max(), 10_000_000)
        let untouched = try bench.run(["sh", "-c", "debugfs -R 'ls -p /' written.ext4 2>/dev/null | grep -c new"])
        XCTAssertEqual(untouched.output, "0\n", "a copy was written to")
        guard isWhole else { return }
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

    /// What docs/programs.md walks through with a runtime's image, as it is written there.
    /// - Returns: How many programs were run.
    func documented(_ name: String) throws -> Int {
        let guide = try String(contentsOfFile: "\(Workbench.checkout)/docs/programs.md", encoding: .utf8)
        let lines = guide.split(separator: "\n").filter { $0.hasPrefix("    ") }.map { $0.dropFirst(4) }
        let setting = try bench.run([
            "sh", "-ec", "ln -sf image.squashfs \(name).squashfs; ln -sfn '\(Workbench.checkout)/examples' examples",
        ])
        XCTAssertEqual(setting.status, 0, setting.errors)
        var count = 0
        for line in lines where line.hasPrefix("cc ") || line.hasPrefix("rtverify run \(name).squashfs ") {
            let isRun = line.hasPrefix("rtverify ")
            let command =
                isRun ? "'\(Workbench.program)' \(line.dropFirst(9)) --emulate --memory \(memory)" : String(line)
            good(try bench.run(["sh", "-c", command]), has: isRun ? ["first answer after"] : [])
            count += isRun ? 1 : 0
        }
        return count
    }

    /// An event beside a request, for a program with nothing but the interface; and the network.
    func events() throws {
        try bench.write("{\"item\": 1}", to: "event.json")
        good(
            try run(
                "\(Workbench.checkout)/examples/asgi",
                ["--request", "GET /path", "--expect", "GET /path with 0 bytes", "--event", "event.json"]),
            has: [#""seen":"{\"item\": 1}""#, #""type":"aleph.message.response""#])
        try bench.write(
            """
            import urllib.request
            async def app(scope, receive, send):
                if scope["type"] == "lifespan": return
                body = urllib.request.urlopen("http://10.0.2.2:" + scope["path"][1:] + "/event.json", timeout=20).read()
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": body})
            """, to: "fetch.py")
        try Server.serving(bench.folder, "") { url in
            let port = url.split(separator: ":").last ?? ""
            let ask = ["--request", "GET /\(port)"]
            good(try run("fetch.py", ["--network"] + ask + ["--expect", "item"]), has: [])
            XCTAssertEqual(try run("fetch.py", ask).status, 1, "there is no network unless it is asked for")
        }
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
        try hung()
        try serve()
        try message()
        try gate()
    }

    /// A machine whose kernel has said that it resets, and which doesn't end, as when QEMU and the device wait for each other:
    /// whoever waits for its answer hears that there is none. (The program says the kernel's word itself.)
    private func hung() throws {
        try bench.write(
            """
            #include <arpa/inet.h>
            #include <stdio.h>
            #include <unistd.h>
            int main(void) {
                struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8080)};
                int listener = socket(AF_INET, SOCK_STREAM, 0);
                if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 9) < 0) return 1;
                if (accept(listener, NULL, NULL) < 0) return 1;
                puts("[   33.442524] reboot: Restarting system");
                fflush(stdout);
                sleep(600);
            }
            """, to: "hung.c")
        XCTAssertEqual(try bench.run(["gcc", "-static", "-o", "hung", "hung.c"]).status, 0)
        good(
            try run("hung", ["--request", "GET /", "--request-timeout", "300", "--expect-status", "502"]),
            has: ["reboot: Restarting system", "GET /: 502"])
    }

    /// The gate's check: yes, no with what came, and undecided without a program.
    private func gate() throws {
        let checkout = Workbench.checkout
        let runtime = """
            [gate]
            checks = ["programs"]
            [[runtime]]
            manifest = "\(checkout)/runtimes/alpine-minimal/runtime.toml"
            lock = "\(checkout)/lockfiles/alpine-minimal.lock"
            golden = "\(checkout)/golden/alpine-minimal.json"
            image = "image.squashfs"

            """
        let program =
            "[[runtime.program]]\npath = \"server\"\nmemory = \(memory)\n[[runtime.program.request]]\nask = \"GET /x\"\n"
        for (more, status, text) in [
            (program + "status = 200\nhas = \"GET /x HTTP\"\n", Int32(0), "1 yes, 0 no"),
            (program + "status = 404\n", 1, "server: GET /x: status 200, expected 404"),
            ("", 2, "no [[runtime.program]]"),
        ] {
            try bench.write(runtime + more, to: "gate.toml")
            let answer = try bench.rtverify(["gate", "gate.toml", "-v"] + SharedMirrors.options)
            XCTAssertEqual(answer.status, status, answer.output + answer.errors)
            XCTAssertTrue(answer.output.contains(text), answer.output + answer.errors)
        }
    }

    /// A program as its message has it, on images that a node's messages prove.
    private func message() throws {
        let owner = TestKey(1)
        func store(_ path: String) throws -> TestMessage {
            TestMessage(TestMessage.store(try bench.sha256(path), owner: owner.address), by: owner)
        }
        let (runtime, code) = (try store("image.squashfs"), try store("code.squashfs"))
        let made = try bench.run([
            "sh", "-ec",
            "mkdir given && echo given > given/name && mksquashfs given given.squashfs -quiet -no-progress >/dev/null",
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        let volume = try store("given.squashfs")
        func reference(_ message: TestMessage) -> [String: Any] { ["ref": message.itemHash, "use_latest": false] }
        let content: [String: Any] = [
            "address": owner.address, "time": 1, "type": "vm-function", "allow_amend": false,
            "code": reference(code).merging(["encoding": "squashfs", "entrypoint": "server", "interface": "binary"]) {
                $1
            },
            "runtime": reference(runtime), "variables": ["A": "b"],
            "resources": ["memory": 128, "seconds": 30, "vcpus": 1],
            "environment": ["internet": false], "on": ["http": true],
            "volumes": [
                reference(volume).merging(["mount": "/opt/given"]) { $1 },
                ["mount": "/mnt/own", "ephemeral": true, "size_mib": 8],
            ],
        ]
        let program = TestMessage(TestNode.json(content), type: "PROGRAM", by: owner)
        try bench.write(program.answer(), to: "program.json")
        try TestNode(runtime, code, volume, program).serving(bench) { url in
            let options = ["--message", "program.json", "--verify", "--api", url]
            let proven = try run("code.squashfs", options + ["--volume", "given.squashfs:/opt/given"])
            good(proven, has: ["is the runtime that the message names", "GET / HTTP/1.1"])
            let lacking = try run("code.squashfs", options)
            XCTAssertEqual(lacking.status, 2, lacking.errors)
            XCTAssertTrue(lacking.errors.contains("--volume IMAGE:/opt/given"), lacking.errors)
            let other = try run("code.squashfs", options + ["--volume", "code.squashfs:/opt/given"])
            XCTAssertEqual(other.status, 1, other.errors)
            XCTAssertTrue(other.errors.contains("is not proven to be the volume at /opt/given"), other.errors)
        }
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

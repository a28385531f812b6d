import ContentHash
import Foundation
import Mirrors
import XCTest

/// A server that is told things, and answers in ways that servers shouldn't.
final class RemoteServerTests: XCTestCase {
    /// Answers by the path: /form says what it was sent, the others misbehave.
    private static let server = #"""
        import email, hashlib, json, socket, sys, threading, time
        listening = socket.create_server(("127.0.0.1", 0))
        print(listening.getsockname()[1], flush=True)
        def serve(connection):
            stream = connection.makefile("rb")
            path = stream.readline().split()[1].decode()
            headers = {}
            while (line := stream.readline()) not in (b"\r\n", b""):
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            length = int(headers.get("content-length", 0))
            send = connection.sendall
            try:
                if path == "/early":
                    send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large")
                    time.sleep(1)
                    return
                if path == "/deaf":
                    time.sleep(8)
                    return
                body = stream.read(length)
                if path == "/form":
                    text = b"Content-Type: " + headers["content-type"].encode() + b"\r\n\r\n" + body
                    parts = {p.get_param("name", header="content-disposition"): p for p in email.message_from_bytes(text).get_payload()}
                    said = {n: [p.get_filename(), p.get_content_type(), hashlib.sha256(p.get_payload(decode=True)).hexdigest()] for n, p in parts.items()}
                    said = json.dumps(said).encode()
                    send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said)
                elif path == "/taken":
                    send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                elif path == "/trickle":
                    send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
                    for _ in range(12): time.sleep(0.5); send(b" ")
                elif path == "/continue":
                    for _ in range(12): time.sleep(0.5); send(b"HTTP/1.1 100 Continue\r\n\r\n")
                elif path == "/head":
                    send(b"HTTP/1.1 200 OK\r\n")
                    for _ in range(12): time.sleep(0.5); send(b"A: b\r\n")
                elif path == "/endless":
                    send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    for _ in range(64): send(b"10000\r\n" + b" " * 65536 + b"\r\n")
                elif path == "/moved":
                    send(b"HTTP/1.1 307 There\r\nLocation: /form\r\nContent-Length: 0\r\n\r\n")
                elif path == "/cut":
                    send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                elif path == "/silent":
                    time.sleep(8)
            except OSError:
                pass
            finally:
                connection.close()
        def accept():
            while True: threading.Thread(target=serve, args=[listening.accept()[0]], daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        sys.stdin.read()
        """#

    private func serving(_ body: (RemoteServer) async throws -> Void) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.server]
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        let port = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).filter(\.isNumber)
        let server = RemoteServer(url: "http://127.0.0.1:\(port)/", timeout: 2) { _ in nil }
        do { try await body(server) } catch { XCTFail("\(error)") }
        await server.shutdown()
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    private func file(_ bytes: Int) throws -> (RemoteServer.FormFile, String) {
        let path = NSTemporaryDirectory() + "rtverify-form-\(UUID())"
        try Data((0..<bytes).map { UInt8(truncatingIfNeeded: $0 >> 3) }).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let identity = try FileIdentity(path: path, profiles: [])
        let file = RemoteServer.FormFile(
            field: "file", name: "an \"image\".squashfs", file: try InputFile(path: path), size: bytes)
        return (file, identity.sha256.hex)
    }

    func testAFormIsWhatItShouldBe() async throws {
        for size in [0, 1, 1_000_000] {
            let (file, sha256) = try file(size)
            try await serving { server in
                let answer = try await server.post(
                    "/form", field: "metadata", json: Array(#"{"a": "é"}"#.utf8), file: file, limit: 1000
                ) { XCTAssertLessThanOrEqual($0, size + 1000) }
                XCTAssertEqual(answer.status, 200)
                let said = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: [Any]]
                XCTAssertEqual(said?["file"]?[2] as? String, sha256)
                XCTAssertEqual(said?["file"]?[0] as? String, "an image.squashfs")
                XCTAssertEqual(said?["metadata"]?[1] as? String, "application/json")
                XCTAssertEqual(said?["metadata"]?[2] as? String, Digest.of(Array(#"{"a": "é"}"#.utf8)).hex)
                // The server has closed the connection without a word, and the next one is asked on one of its own.
                for _ in 0..<50 {
                    let again = try await server.post("/taken", json: [], limit: 1000)
                    XCTAssertEqual(again.status, 200)
                }
                // Nobody is told elsewhere what was for this server.
                let moved = try await server.post("/moved", json: [], limit: 10)
                XCTAssertEqual(moved.status, 307)
                XCTAssertEqual(moved.location, "/form")
            }
        }
    }

    func testNoAnswerIsWaitedForWithoutEnd() async throws {
        let (file, _) = try file(20_000_000)
        try await serving { server in
            for path in ["/trickle", "/continue", "/head", "/silent", "/endless", "/cut", "/deaf", "/early"] {
                let started = ContinuousClock.now
                do {
                    let answer = try await server.post(path, field: "m", json: [], file: file, limit: 1000) { _ in }
                    XCTAssertEqual(path, "/early")
                    XCTAssertEqual(answer.status, 413)
                } catch let silence as RemoteServer.Silence {
                    XCTAssertTrue(silence.description.contains(path), silence.description)
                    XCTAssertEqual(silence.mayPass, path != "/endless", silence.description)
                }
                XCTAssertLessThan(started.duration(to: .now), .seconds(6), path)
            }
        }
    }
}

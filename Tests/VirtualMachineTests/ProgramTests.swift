import Foundation
import VirtualMachine
import XCTest

/// What a supervisor makes of a program, a request and an answer.
final class ProgramTests: XCTestCase {
    private var folder = ""

    override func setUpWithError() throws {
        folder = NSTemporaryDirectory() + "rtverify-program-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    override func tearDown() { try? FileManager.default.removeItem(atPath: folder) }

    private func write(_ text: String, _ name: String, mode: Int = 0o644) throws -> String {
        let path = "\(folder)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }

    func testTheOneEntrypointIsFound() throws {
        _ = try write("from fastapi import FastAPI\napp = FastAPI(title='x')\n", "main.py")
        _ = try write("def helper(): pass\n", "helper.py")
        let program = try Program(path: folder, entrypoint: nil, interface: nil)
        XCTAssertEqual(program.entrypoint, "main:app")
        XCTAssertEqual(program.interface, .asgi)
        XCTAssertEqual(program.encoding, .zip)
        XCTAssertEqual(program.code.prefix(2), [0x50, 0x4b])
        XCTAssertEqual(
            program.code, try Program(path: folder, entrypoint: nil, interface: nil).code, "one folder, one archive")
        _ = try write("async def other(scope, receive, send):\n    pass\n", "second.py")
        XCTAssertThrowsError(try Program(path: folder, entrypoint: nil, interface: nil)) {
            XCTAssertTrue("\($0)".contains("--entrypoint main:app, --entrypoint second:other"), "\($0)")
        }
        XCTAssertEqual(try Program(path: folder, entrypoint: "second:other", interface: nil).entrypoint, "second:other")
    }

    func testEachFormIsKnownByItsBytes() throws {
        let wrapped = try write("http = FastAPI()\napp = AlephApp(http_app=http)\n", "wrapped.py")
        let plain = try Program(path: wrapped, entrypoint: nil, interface: nil)
        XCTAssertEqual([plain.entrypoint, plain.encoding.rawValue], ["wrapped:app", "plain"])
        let script = try Program(path: try write("#!/bin/sh\n", "serve", mode: 0o755), entrypoint: nil, interface: nil)
        XCTAssertEqual([script.entrypoint, script.interface.rawValue], ["serve", "executable"])
        let image = try Program(
            path: try write("hsqs and more", "code.squashfs"), entrypoint: "bin/server", interface: nil)
        XCTAssertEqual(image.encoding, .squashfs)
        XCTAssertEqual(image.code, [])
        XCTAssertNotNil(image.disk)
        XCTAssertThrowsError(try Program(path: try write("text", "notes.txt"), entrypoint: nil, interface: nil)) {
            XCTAssertTrue(
                "\($0)".contains("no folder, zip archive, squashfs image, Python file or executable"), "\($0)")
        }
        XCTAssertThrowsError(try Program(path: try write("x = 1\n", "nothing.py"), entrypoint: nil, interface: nil)) {
            XCTAssertTrue("\($0)".contains("--entrypoint main:app"), "\($0)")
        }
    }

    func testARequestIsUnescapedAsAWebServerDoes() throws {
        let scope = try HTTPRequest(line: "get /a%20b%3Fc/d%25e%23?x=1+2%20&y=%26&z=%C3%A9").scope
        XCTAssertEqual(scope["path"], .text("/a b?c/d%e#"))
        XCTAssertEqual(scope["query_string"], .text("x=1 2 &y=%26&z=é"))
        XCTAssertEqual(scope["method"], .text("GET"))
        XCTAssertEqual(
            scope["headers"], .array([.array([.binary(Array("host".utf8)), .binary(Array("localhost".utf8))])]))
        for line in ["GET", "GET path", "/ GET", "GET /a b", ""] {
            XCTAssertThrowsError(try HTTPRequest(line: line), line)
        }
    }

    func testAnAnswerIsWhatAClientGets() {
        func answer(_ headers: [(String, String)], _ body: String) -> MessagePack {
            .map([
                (
                    "headers",
                    .map([
                        ("status", .integer(201)),
                        (
                            "headers",
                            .array(headers.map { .array([.binary(Array($0.0.utf8)), .binary(Array($0.1.utf8))]) })
                        ),
                    ])
                ), ("body", .map([("body", .binary(Array(body.utf8)))])),
            ])
        }
        let good = HTTPAnswer(
            answer([("Set-Cookie", "a"), ("Content-Encoding", "gzip"), ("Vary", "x"), ("Set-Cookie", "b")], "hi"))
        XCTAssertEqual(good.status, 201)
        XCTAssertEqual(good.headers.map(\.name), ["Set-Cookie", "Set-Cookie"])
        XCTAssertNil(good.failure)
        XCTAssertEqual(HTTPAnswer(nil).status, 502)
        XCTAssertTrue(HTTPAnswer(nil).isNone)
        let failed = HTTPAnswer(.map([("error", .text("E")), ("traceback", .text("T")), ("output", .text(""))]))
        XCTAssertEqual([failed.status, failed.body.count], [500, 1])
        XCTAssertEqual(HTTPAnswer(.map([("headers", .map([("status", .integer(200))]))])).status, 500, "no body")
        let texts = MessagePack.map([
            ("headers", .map([("status", .integer(200)), ("headers", .array([.array([.text("a"), .text("b")])]))])),
            ("body", .map([("body", .binary([]))])),
        ])
        XCTAssertEqual(HTTPAnswer(texts).status, 500, "headers are bytes")
    }
}

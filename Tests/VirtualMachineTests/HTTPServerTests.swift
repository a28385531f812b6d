import Glibc
import Synchronization
import VirtualMachine
import XCTest

/// The server that hands requests to a machine, on loopback.
final class HTTPServerTests: XCTestCase {
    /// An answer that a slow reader hasn't taken when it is whole arrives all the same, though the connection ends with it.
    func testALargeAnswerArrivesWholeBeforeTheConnectionEnds() async throws {
        let size = 20_000_000
        let (ports, found) = AsyncStream<Int>.makeStream()
        let serving = Task {
            try await HTTPServer.serve(
                at: .loopback(host: "127.0.0.1", port: 0), isListening: { found.yield($0 ?? 0) },
                answer: { request in
                    var answer = HTTPAnswer(status: 200, text: "")
                    answer.body = [UInt8](repeating: UInt8(request.body.count), count: size)
                    return answer
                })
        }
        defer { serving.cancel() }
        var port = 0
        for await number in ports {
            port = number
            break
        }
        for request in [
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", "GET / HTTP/1.0\r\n\r\n",
        ] {
            let answer = try Self.ask(port, request)
            let head = try XCTUnwrap(answer.firstRange(of: Array("\r\n\r\n".utf8)))
            XCTAssertEqual(answer.count - head.upperBound, size, request)
            XCTAssertEqual(answer.last, request.hasSuffix("abc") ? 3 : 0)
        }
    }

    /// What comes until the other side closes, read slowly.
    private static func ask(_ port: Int, _ request: String) throws -> [UInt8] {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        XCTAssertEqual(connected, 0)
        XCTAssertEqual(send(descriptor, request, request.utf8.count, 0), request.utf8.count)
        usleep(500_000)
        var (answer, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
        while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { answer += buffer[..<count] }
        return answer
    }
}

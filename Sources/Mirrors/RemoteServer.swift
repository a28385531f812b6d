import ContentHash
import Host
import NIOCore
import NIOHTTP1

/// A server that is told things as well as asked: what it answers is given whatever its status, and nothing is repeated, so
/// that the caller decides what is sent twice. Redirects aren't followed: what is told one server isn't told another.
public final class RemoteServer: Sendable {
    /// What a server answered.
    public struct Answer: Sendable {
        /// RFC 9110 15.
        public let status: Int
        /// No more than was asked for.
        public let body: [UInt8]
        /// Seconds that it asks to wait.
        public let retryAfter: Int?
        /// Bytes that it says the body has.
        public let length: Int?
        /// Where it leads instead.
        public let location: String?
    }

    /// Why there is no answer.
    public struct Silence: Error, CustomStringConvertible {
        /// For people, with the URL.
        public let description: String
        /// Whether it may pass.
        public let mayPass: Bool
    }

    /// A file in a form (RFC 7578).
    public struct FormFile: Sendable {
        /// The field's name.
        public var field: String
        /// The file's name.
        public var name: String
        /// What is sent.
        public var file: InputFile
        /// Its bytes.
        public var size: Int

        /// Made of its parts.
        public init(field: String, name: String, file: InputFile, size: Int) {
            (self.field, self.name, self.file, self.size) = (field, name, file, size)
        }
    }

    /// Its URL without a slash at the end.
    public let url: String
    private let client: WebClient
    private let timeout: Int

    /// - Parameters:
    ///   - url: Of the server, or of a folder on it.
    ///   - timeout: Seconds that an answer may take when everything has been sent, and that nothing may be taken.
    public init(url: String, timeout: Int, environment: (String) -> String?) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.timeout = timeout
        client = WebClient(settings: NetworkSettings(environment: environment), timeout: timeout)
    }

    /// Closes its connections.
    public func shutdown() async { await client.shutdown() }

    /// For people: without user and password.
    public var shown: String { WebAddress.withoutLogin(url) }

    /// - Parameter limit: Bytes of the answer; more are an error.
    /// - Throws: `Silence`.
    public func get(_ path: String, limit: Int) async throws -> Answer {
        try await ask(path, .init(), limit: limit)
    }

    /// What a GET would be answered, without its body.
    /// - Throws: `Silence`.
    public func head(_ path: String) async throws -> Answer {
        try await ask(path, .init(method: .HEAD), limit: 0)
    }

    /// - Parameter json: The whole body.
    /// - Throws: `Silence`.
    public func post(_ path: String, json: [UInt8], limit: Int) async throws -> Answer {
        try await ask(
            path,
            .init(
                method: .POST, headers: [("Content-Type", "application/json")], body: SentBody([.bytes(json)])),
            limit: limit)
    }

    /// Sends a form of a JSON text and a file, the file as it is read.
    /// - Parameters:
    ///   - field: The JSON's.
    ///   - progress: Gets how many bytes have been handed over.
    /// - Throws: `Silence`.
    public func post(
        _ path: String, field: String, json: [UInt8], file: FormFile, limit: Int,
        progress: @escaping @Sendable (Int) -> Void
    ) async throws -> Answer {
        let boundary = "rtverify-\(Digest.of(json).hex)"
        func part(_ name: String, _ more: String) -> [UInt8] {
            Array("--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\(more)\r\n\r\n".utf8)
        }
        let name = file.name.filter { $0.isASCII && $0 != "\"" && $0 != "\\" && !$0.isNewline }
        let body = SentBody(
            [
                .bytes(part(field, "\r\nContent-Type: application/json") + json + Array("\r\n".utf8)),
                .bytes(part(file.field, "; filename=\"\(name)\"\r\nContent-Type: application/octet-stream")),
                .file(file.file, size: file.size), .bytes(Array("\r\n--\(boundary)--\r\n".utf8)),
            ], sent: progress)
        return try await ask(
            path,
            .init(method: .POST, headers: [("Content-Type", "multipart/form-data; boundary=\(boundary)")], body: body),
            limit: limit)
    }

    private func ask(_ path: String, _ request: WebClient.Request, limit: Int) async throws -> Answer {
        let address: WebAddress
        do { address = try WebAddress(url + path) } catch { throw Silence(description: "\(error)", mayPass: false) }
        var request = request
        request.login = address.login
        // A connection of its own each time: one that was kept may be closed by the server just as a request goes out, and whether
        // that request was heard would not be known.
        request.headers.append(("Connection", "close"))
        do {
            let isAnswering = Latch()
            return try await withSilenceLimit(request.body, isAnswering, address) { [request] in
                try await self.send(request, to: address, limit: limit, isAnswering)
            }
        } catch WebClient.Failure.hopeless(let reason) {
            throw Silence(description: "\(address.shown): \(reason)", mayPass: false)
        } catch WebClient.Failure.broken(let reason) {
            throw Silence(description: "\(address.shown): \(reason)", mayPass: true)
        }
    }

    /// The whole answer must be there `timeout` seconds after everything was sent, or after it began, and something of a body be taken in each
    /// `timeout` seconds before: an answer that comes a byte a minute is none, and so is a server that doesn't read.
    private func withSilenceLimit(
        _ body: SentBody?, _ isAnswering: Latch, _ address: WebAddress,
        _ work: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        try await withThrowingTaskGroup(of: Answer.self) { group in
            group.addTask(operation: work)
            group.addTask { [timeout] in
                var (taken, since) = (0, ContinuousClock.now)
                while let body, !body.isSent, !isAnswering.isSet {
                    try await Task.sleep(for: .milliseconds(500))
                    if body.sentCount > taken { (taken, since) = (body.sentCount, .now) }
                    guard since.duration(to: .now) < .seconds(timeout) else {
                        throw Silence(
                            description: "\(address.shown): timeout: nothing was taken for \(timeout) s", mayPass: true)
                    }
                }
                try await Task.sleep(for: .seconds(timeout))
                throw Silence(
                    description: "\(address.shown): timeout: no whole answer in \(timeout) s", mayPass: true)
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }

    private func send(
        _ request: WebClient.Request, to address: WebAddress, limit: Int, _ isAnswering: Latch
    ) async throws -> Answer {
        var answer: Answer?
        try await client.send(request, to: address) { head, next in
            isAnswering.set()
            var body: [UInt8] = []
            while request.method != .HEAD, let piece = try await next() {
                body += Array(buffer: piece)
                guard body.count <= limit else {
                    throw Silence(
                        description: "\(address.shown): its answer has more than \(limit) bytes", mayPass: false)
                }
            }
            try Task.checkCancellation()
            answer = Answer(
                status: head.status, body: body,
                retryAfter: head.headers.first(name: "Retry-After").flatMap(Downloader.seconds(retryAfter:)),
                length: head.headers.first(name: "Content-Length").flatMap { Int($0) },
                location: head.headers.first(name: "Location"))
        }
        guard let answer else { throw Silence(description: "\(address.shown): no answer", mayPass: true) }
        return answer
    }
}

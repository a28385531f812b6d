import AsyncHTTPClient
import ContentHash
import FoundationEssentials
import Glibc
import Host
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Asks one server for one thing, through the proxy that this host has for it. Redirects and repeats are its caller's.
final class WebClient: Sendable {
    /// What comes before a body.
    struct Head: Sendable {
        var status: Int
        var headers: HTTPHeaders
        /// Whether the end of the body is marked, and not only that of the connection (RFC 9112 8).
        var isFramed: Bool
        /// The proxy that answered in the server's place; nil for none.
        var proxy: NetworkSettings.Proxy?
    }

    /// The body, piece by piece; nil at its end.
    typealias Body = () async throws -> ByteBuffer?

    /// Why there is no answer.
    enum Failure: Error {
        /// It is of no use to ask again: nobody listens, nobody knows the name, the certificate isn't trusted.
        case hopeless(String)
        /// It may pass.
        case broken(String)
    }

    private let settings: NetworkSettings
    private let timeout: Int
    private let clients = Mutex<[NetworkSettings.Proxy?: HTTPClient]>([:])
    /// Seconds for a connection.
    private let connectTimeout: Int

    /// - Parameter timeout: Seconds without a byte after which a connection is given up, and for the head of an answer.
    init(settings: NetworkSettings, timeout: Int) {
        (self.settings, self.timeout, connectTimeout) = (settings, timeout, max(1, min(10, timeout)))
    }

    func shutdown() async {
        for client in clients.withLock({ Array($0.values) }) {
            do { try await client.shutdown() } catch { /* A client that is closed already is what was wanted. */  }
        }
    }

    /// What is asked, and sent with it.
    struct Request: Sendable {
        var method = HTTPMethod.GET
        var headers: [(String, String)] = []
        /// Whose right to ask it is; no proxy is told.
        var login: WebAddress.Login?
        /// A body that is sent, its length known.
        var body: SentBody?
    }

    /// Sends a request and gives the answer to `body`.
    /// - Throws: `Failure`, and what `body` throws.
    func send(
        _ request: Request, to address: WebAddress, _ body: (Head, Body) async throws -> Void
    ) async throws {
        var headers = HTTPHeaders([("User-Agent", "rtverify")] + request.headers)
        if let login = request.login ?? settings.login(for: address) {
            headers.add(name: "Authorization", value: Self.basic(login))
        }
        let proxy: NetworkSettings.Proxy?
        do { proxy = try settings.proxy(for: address) } catch { throw Failure.hopeless("\(error)") }
        if let proxy, proxy.scheme == .http, address.scheme == "http" {
            return try await send(request, headers, through: proxy, to: address, body)
        }
        var asked = HTTPClientRequest(url: address.shown)
        (asked.method, asked.headers) = (request.method, headers)
        if let sent = request.body { asked.body = .stream(sent, length: .known(Int64(sent.length))) }
        let client = try client(for: address, through: proxy)
        let response: HTTPClientResponse
        do {
            if request.body == nil {
                // The deadline is for the head: one that never ends, and answers of 1xx without end, are none.
                response = try await withDeadline(seconds: timeout + connectTimeout) { [asked] in
                    try await client.execute(asked, deadline: .distantFuture)
                }
            } else {
                // A body takes as long as it takes: whoever sends it watches that it goes on.
                response = try await client.execute(asked, deadline: .distantFuture)
            }
        } catch {
            throw classified(error, address, proxy)
        }
        let isFramed =
            response.headers.contains(name: "Content-Length") || response.version == .http2
            || response.headers["Transfer-Encoding"].contains { $0.lowercased().contains("chunked") }
        var pieces = response.body.makeAsyncIterator()
        try await body(
            Head(status: Int(response.status.code), headers: response.headers, isFramed: isFramed, proxy: nil)
        ) {
            do { return try await pieces.next() } catch { throw classified(error, address, proxy) }
        }
    }

    private static func basic(_ login: WebAddress.Login) -> String {
        "Basic " + Data("\(login.user):\(login.password)".utf8).base64EncodedString()
    }

    private func client(for address: WebAddress, through proxy: NetworkSettings.Proxy?) throws -> HTTPClient {
        if address.scheme == "https" { try checkCertificates() }
        return clients.withLock { clients in
            if let client = clients[proxy] { return client }
            var tls = TLSConfiguration.makeClientConfiguration()
            if let certificates = settings.certificates { tls.trustRoots = .file(certificates) }
            var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
            configuration.timeout = .init(
                connect: .seconds(Int64(connectTimeout)), read: .seconds(Int64(timeout)))
            configuration.httpVersion = .http1Only
            // A port that nobody listens on is known at once.
            configuration.connectionPool.retryConnectionEstablishment = false
            configuration.proxy = proxy.map { proxy in
                let login = proxy.login.map { HTTPClient.Authorization.basic(username: $0.user, password: $0.password) }
                return proxy.scheme == .socks
                    ? .socksServer(host: proxy.host, port: proxy.port)
                    : .server(host: proxy.host, port: proxy.port, authorization: login)
            }
            configuration.redirectConfiguration = .disallow
            // Bodies are hashed as they are stored on the server; nothing is asked for compressed.
            configuration.decompression = .disabled
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            clients[proxy] = client
            return client
        }
    }

    /// - Throws: `Failure.hopeless` where the file that is to be trusted holds nothing to trust.
    private func checkCertificates() throws {
        guard let path = settings.certificates else { return }
        var status = stat()
        let isFolder = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        if isFolder { return }
        if let found = try? NIOSSLCertificate.fromPEMFile(path), !found.isEmpty { return }
        throw Failure.hopeless("the file of trusted certificates \(path) (SSL_CERT_FILE) can't be read, or holds none")
    }

    /// A wrong address stays wrong; anything else on the way may pass.
    private func classified(_ error: any Error, _ address: WebAddress, _ proxy: NetworkSettings.Proxy?) -> any Error {
        if error is CancellationError || Task.isCancelled { return CancellationError() }
        let through = proxy.map { " through the proxy \($0.shown)" } ?? ""
        switch error {
        // What was to be sent can't be read: no server's fault.
        case is FileReadError: return error
        case is DeadlineExceeded: return Failure.broken("timeout: no answer in \(timeout + connectTimeout) s")
        // Neither a name nobody knows nor a port nobody listens on gets better within seconds.
        case is NIOConnectionError, is SocketAddressError: return Failure.hopeless("cannot connect\(through)")
        case let error as IOError where [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].contains(error.errnoCode):
            return Failure.hopeless("cannot connect\(through): \(String(cString: strerror(error.errnoCode)))")
        case let error as IOError: return Failure.broken(String(cString: strerror(error.errnoCode)))
        case let error as HTTPClientError where error == .invalidProxyResponse:
            return Failure.hopeless("the proxy \(proxy?.shown ?? "") doesn't connect to \(address.authority)")
        case let error as HTTPClientError where error == .proxyAuthenticationRequired:
            return Failure.hopeless("the proxy \(proxy?.shown ?? "") asks for a user and a password")
        case let error as HTTPClientError where error == .connectTimeout:
            return Failure.hopeless("timeout: cannot connect\(through) in \(connectTimeout) s")
        case let error as HTTPClientError: return Failure.broken(error.shortDescription)
        // Nor does a certificate. Everything else that ends a handshake may be the network's fault.
        case let error as HTTPParserError: return Failure.broken("it answers what is no HTTP (\(error))")
        case let error as NIOSSLError:
            guard "\(error)".contains("CERTIFICATE_VERIFY_FAILED") || error == .unableToValidateCertificate else {
                return Failure.broken("the TLS handshake failed")
            }
            return Failure.hopeless(
                "its certificate isn't one that this host trusts (SSL_CERT_FILE names a file of certificates to trust "
                    + "instead)")
        default: return Failure.broken("\(type(of: error))")
        }
    }

    // MARK: Plain http through a proxy

    /// The proxy is asked for the whole URL (RFC 9112 3.2.2): few let anyone tunnel to port 80, which is all that the client
    /// library can do.
    private func send(
        _ request: Request, _ headers: HTTPHeaders, through proxy: NetworkSettings.Proxy, to address: WebAddress,
        _ body: (Head, Body) async throws -> Void
    ) async throws {
        let timeout = Int64(timeout)
        let connection: Connection
        do { connection = try await connect(to: proxy, sending: request.body != nil) } catch {
            throw classified(error, address, proxy)
        }
        var headers = headers
        headers.add(name: "Host", value: address.authority)
        headers.add(name: "Connection", value: "close")
        if let login = proxy.login { headers.add(name: "Proxy-Authorization", value: Self.basic(login)) }
        if let sent = request.body { headers.add(name: "Content-Length", value: "\(sent.length)") }
        let head = HTTPRequestHead(version: .http1_1, method: request.method, uri: address.shown, headers: headers)
        do {
            try await connection.executeThenClose { inbound, outbound in
                try await outbound.write(.head(head))
                if let sent = request.body {
                    for try await piece in sent { try await outbound.write(.body(.byteBuffer(piece))) }
                }
                try await outbound.write(.end(nil))
                let channel = connection.channel
                let deadline = Task {
                    try await Task.sleep(for: .seconds(timeout + Int64(connectTimeout)))
                    try await channel.close()
                }
                defer { deadline.cancel() }
                var parts = inbound.makeAsyncIterator()
                while let part = try await parts.next() {
                    guard case .head(let head) = part, head.status.code >= 200 else { continue }
                    deadline.cancel()
                    let answer = Head(
                        status: Int(head.status.code), headers: head.headers,
                        isFramed: head.headers.contains(name: "Content-Length")
                            || head.headers["Transfer-Encoding"].contains { $0.lowercased().contains("chunked") },
                        proxy: proxy)
                    return try await body(answer) {
                        guard case .body(let bytes)? = try await parts.next() else { return nil }
                        return bytes
                    }
                }
                throw Failure.broken("the proxy \(proxy.shown) ended the connection without an answer")
            }
        } catch let error as ChannelError {
            throw Failure.broken("timeout: \(error)")
        } catch let error as IOError {
            throw classified(error, address, proxy)
        } catch let error as HTTPParserError {
            throw Failure.broken("the proxy \(proxy.shown) answers what is no HTTP: \(error)")
        }
    }

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// - Parameter sending: Whether a body is sent, during which nothing is heard.
    private func connect(to proxy: NetworkSettings.Proxy, sending: Bool) async throws -> Connection {
        let timeout = Int64(timeout)
        return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(Int64(connectTimeout)))
            .connect(host: proxy.host, port: proxy.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        sending
                            ? IdleStateHandler(allTimeout: .seconds(timeout))
                            : IdleStateHandler(readTimeout: .seconds(timeout)))
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(SilenceHandler())
                    return try Connection(wrappingChannelSynchronously: channel)
                }
            }
    }

    /// Closes a connection on which nothing is heard.
    private final class SilenceHandler: ChannelInboundHandler, Sendable {
        typealias InboundIn = HTTPClientResponsePart
        typealias InboundOut = HTTPClientResponsePart

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard event is IdleStateHandler.IdleStateEvent else { return context.fireUserInboundEventTriggered(event) }
            context.fireErrorCaught(Failure.broken("timeout: nothing was heard"))
            context.close(promise: nil)
        }
    }
}

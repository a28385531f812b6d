import AsyncHTTPClient
import CLinux
import ContentHash
import Glibc
import NIOCore
import NIOSSL
import Reporting
import RuntimeSpec
import Synchronization

/// What one source said instead of the right bytes.
struct SourceFailure: Error, CustomStringConvertible {
    enum Kind {
        /// The source is there and lacks the file, or serves another.
        case file
        /// The source itself can't be reached.
        case source
    }

    var kind: Kind
    var description: String
}

/// Where a body goes, piece by piece.
protocol BodySink: AnyObject {
    func append(_ bytes: UnsafeRawBufferPointer) throws
    /// The body begins anew.
    func restart() throws
}

/// A file whose bytes are hashed while they are written.
final class FileSink: BodySink {
    private let file: AtomicFile
    private var hasher: SHA256Hasher? = SHA256Hasher()

    init(_ file: AtomicFile) { self.file = file }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        try file.write(bytes)
        hasher?.update(bytes)
    }

    func restart() throws {
        try file.reset()
        hasher = SHA256Hasher()
    }

    /// The digest of what was written; once.
    func finish() -> Digest {
        guard let hasher = hasher.take() else { return SHA256Hasher().finalize() }
        return hasher.finalize()
    }
}

/// Downloads by http and https: resumed, retried with a growing pause that honours Retry-After (RFC 9110 10.2.3).
final class Downloader: Sendable {
    private let settings: NetworkSettings
    private let timeout: TimeAmount
    private let clients = Mutex<[NetworkSettings.Proxy?: HTTPClient]>([:])
    private let attempts = 4
    /// The longest pause that a server may ask for.
    private let longestPause = 120

    /// - Parameter timeout: Seconds without a byte after which a connection is given up.
    init(settings: NetworkSettings, timeout: Int) {
        self.settings = settings
        self.timeout = .seconds(Int64(timeout))
    }

    func shutdown() async {
        for client in clients.withLock({ Array($0.values) }) {
            do { try await client.shutdown() } catch { /* A client that is closed already is what was wanted. */  }
        }
    }

    /// Downloads a file whose bytes are known: no more than `input.size` bytes are taken, and their hash must be right.
    func download(
        _ url: String, as input: Lockfile.Input, into file: AtomicFile, received: @Sendable (Int) -> Void
    ) async throws {
        let sink = FileSink(file)
        let size = try await download(url, limit: input.size, into: sink, isPinned: true, received: received)
        let digest = sink.finish()
        guard size == input.size, digest.hex == input.sha256 else {
            let what = size == input.size ? "sha256 \(digest)" : "\(size) bytes"
            throw SourceFailure(
                kind: .file,
                description: "\(url): wrong bytes: \(what) instead of \(input.size) bytes, "
                    + "sha256 \(input.sha256)")
        }
    }

    /// Downloads at most `limit` bytes.
    /// - Parameter isPinned: Whether the caller knows what the bytes must hash to.
    /// - Returns: How many there were.
    func download(
        _ url: String, limit: Int, into sink: any BodySink, isPinned: Bool = false, received: @Sendable (Int) -> Void
    ) async throws -> Int {
        var transfer = Transfer(sink: sink, isPinned: isPinned)
        var pause = 1
        for attempt in 1...attempts {
            do {
                try await self.attempt(url, limit: limit, transfer: &transfer, received: received)
                return transfer.size
            } catch let failure as Retry where attempt < attempts {
                let seconds = min(failure.after ?? pause, longestPause)
                pause *= 2
                try await Task.sleep(for: .seconds(seconds))
            } catch let failure as Retry {
                throw SourceFailure(kind: .source, description: "\(url): \(failure.reason) (tried \(attempts) times)")
            }
        }
        throw SourceFailure(kind: .source, description: "\(url): given up")
    }

    /// What may pass if one waits.
    private struct Retry: Error {
        var reason: String
        var after: Int?
    }

    /// The part of a body that has arrived.
    private struct Transfer {
        let sink: any BodySink
        var size = 0
        /// Whether the hash of the whole is known, and will tell.
        let isPinned: Bool
        /// The server's name for the bytes that it sent (RFC 9110 8.8.3), so that only the rest of those is taken.
        var entityTag: String?

        mutating func restart() throws {
            try sink.restart()
            size = 0
        }

        mutating func append(_ bytes: ByteBuffer) throws {
            try bytes.withUnsafeReadableBytes { try sink.append($0) }
            size += bytes.readableBytes
        }
    }

    private func attempt(
        _ url: String, limit: Int, transfer: inout Transfer, received: @Sendable (Int) -> Void
    ) async throws {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "User-Agent", value: "rtverify")
        // Without a name for what came before, the rest might be another file's.
        if transfer.size > 0, transfer.entityTag == nil, !transfer.isPinned { try transfer.restart() }
        if transfer.size > 0 {
            request.headers.add(name: "Range", value: "bytes=\(transfer.size)-")
            if let tag = transfer.entityTag { request.headers.add(name: "If-Range", value: tag) }
        }
        let response: HTTPClientResponse
        do {
            response = try await client(for: url).execute(request, deadline: .distantFuture)
        } catch {
            try Task.checkCancellation()
            throw Self.classify(error, url: url)
        }
        switch response.status.code {
        case 206 where transfer.size > 0:
            // Another part than asked for would be spliced in (RFC 9110 14.4).
            let range = response.headers.first(name: "Content-Range") ?? ""
            guard range.hasPrefix("bytes \(transfer.size)-") else {
                try transfer.restart()
                throw Retry(reason: "the server sent another part than asked for")
            }
        case 200: if transfer.size > 0 { try transfer.restart() }
        case 408, 425, 429, 500...599:
            throw Retry(
                reason: "answered \(response.status.code)",
                after: response.headers.first(name: "Retry-After").flatMap(Self.seconds(retryAfter:)))
        case 416 where transfer.size > 0:
            try transfer.restart()
            throw Retry(reason: "the file changed while it was resumed")
        default:
            throw SourceFailure(kind: .file, description: "\(url): answered \(response.status.code)")
        }
        // A weak one doesn't promise the same bytes.
        transfer.entityTag = response.headers.first(name: "ETag").flatMap { $0.hasPrefix("W/") ? nil : $0 }
        let expected = response.headers.first(name: "Content-Length").flatMap { Int($0) }.map { $0 + transfer.size }
        // A body that ends with its connection is whole or cut: nobody can tell (RFC 9112 8).
        let isFramed =
            expected != nil || response.version == .http2
            || response.headers["Transfer-Encoding"].contains { $0.lowercased().contains("chunked") }
        guard isFramed else {
            throw SourceFailure(kind: .source, description: "\(url): the answer doesn't say where it ends")
        }
        do {
            for try await part in response.body {
                guard part.readableBytes <= limit - transfer.size else {
                    throw SourceFailure(kind: .file, description: "\(url): more than the expected \(limit) bytes")
                }
                try transfer.append(part)
                received(part.readableBytes)
            }
        } catch let error as SourceFailure {
            throw error
        } catch let error as StoreError {
            throw error
        } catch {
            try Task.checkCancellation()
            throw Self.classify(error, url: url)
        }
        // A cancelled body ends as if it were whole.
        try Task.checkCancellation()
        if let expected, transfer.size != expected {
            throw Retry(reason: "the connection ended after \(transfer.size) of \(expected) bytes")
        }
    }

    /// A wrong address stays wrong; anything else on the way may pass.
    private static func classify(_ error: any Error, url: String) -> any Error {
        if let error = error as? HTTPClientError, [.invalidURL, .emptyHost, .emptyScheme].contains(error) {
            return SourceFailure(kind: .source, description: "\(url): \(error.shortDescription)")
        }
        let text = String(describing: error)
        // Neither a name nobody knows nor a port nobody listens on gets better within seconds.
        if text.contains("SocketAddressError") || text.contains("refused") || text.contains("getaddrinfo") {
            return SourceFailure(kind: .source, description: "\(url): cannot connect")
        }
        // Nor does a certificate. Everything else that ends a handshake may be the network's fault.
        if text.contains("CERTIFICATE_VERIFY_FAILED") || text.contains("unableToValidateCertificate") {
            return SourceFailure(
                kind: .source,
                description: "\(url): its certificate isn't one that this host trusts "
                    + "(SSL_CERT_FILE names a file of certificates to trust instead)")
        }
        if text.contains("BoringSSLError") { return Retry(reason: "the TLS handshake failed") }
        let reason = (error as? HTTPClientError)?.shortDescription ?? text
        return Retry(reason: reason)
    }

    /// Retry-After's value: seconds, or an HTTP date.
    static func seconds(retryAfter text: String) -> Int? {
        if let seconds = Int(text) { return max(0, seconds) }
        let date = rtv_parse_time(text, "%a, %d %b %Y %H:%M:%S GMT")
        return date < 0 ? nil : max(0, Int(date) - time(nil))
    }

    private func client(for url: String) -> HTTPClient {
        let scheme = url.hasPrefix("https:") ? "https" : "http"
        let host = url.dropFirst(scheme.count + 3).prefix { $0 != "/" && $0 != ":" }
        let proxy = settings.proxy(scheme: scheme, host: String(host))
        return clients.withLock { clients in
            if let client = clients[proxy] { return client }
            var tls = TLSConfiguration.makeClientConfiguration()
            if let certificates = settings.certificates { tls.trustRoots = .file(certificates) }
            var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
            configuration.timeout = .init(connect: .seconds(10), read: timeout)
            configuration.httpVersion = .http1Only
            configuration.proxy = proxy.map { .server(host: $0.host, port: $0.port) }
            configuration.redirectConfiguration = .follow(max: 5, allowCycles: false)
            // Bodies are hashed as they are stored on the server; nothing is asked for compressed.
            configuration.decompression = .disabled
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            clients[proxy] = client
            return client
        }
    }
}

import CLinux
import Glibc
import Host
import NIOCore
import RuntimeSpec

/// What one source said instead of the right bytes.
struct SourceFailure: Error, CustomStringConvertible {
    enum Kind {
        /// The source is there and lacks the file.
        case file
        /// It serves another file.
        case wrongBytes
        /// The source is there, and had no time for this file, or broke off.
        case busy
        /// The source itself can't be reached.
        case source
    }

    var kind: Kind
    var description: String

    /// Whether it is of what was asked for, and the source may have something else.
    var isOfFile: Bool { kind == .file || kind == .wrongBytes }
}

/// Downloads by http and https: resumed, retried with a growing pause that honours Retry-After (RFC 9110 10.2.3) and holds
/// for all that is asked of that server.
package final class Downloader: Sendable {
    private let client: WebClient
    private let timeout: Int
    private let gates: ServerGates
    private let attempts = 4
    private static let connections = 8
    /// What the snapshot archive bears without throttling.
    private static let snapshotConnections = 2
    private static let redirects = 5
    /// Bytes a second, over a whole `timeout`, below which nothing arrives that is worth waiting for.
    private static let leastRate = 100

    /// - Parameters:
    ///   - timeout: Seconds without a byte after which a connection is given up.
    ///   - snapshot: The URL of an archive of old states, which is asked by few connections.
    init(settings: NetworkSettings, timeout: Int, snapshot: String? = nil) {
        self.timeout = timeout
        client = WebClient(settings: settings, timeout: timeout)
        let slow = snapshot.flatMap { try? WebAddress($0).server }
        gates = ServerGates { $0 == slow ? Self.snapshotConnections : Self.connections }
    }

    func shutdown() async { await client.shutdown() }

    /// Whether a server has had its chances: too many files in a row could not be had.
    func isGivenUp(_ url: String) async -> Bool {
        guard let address = try? WebAddress(url) else { return false }
        return await gates[address.server].isGivenUp
    }

    /// Downloads a file whose bytes are known, where `tries` says how often it is worth it if there is another way: no more than `input.size` bytes are taken, and their hash must be right.
    func download(
        _ url: String, as input: Lockfile.Input, into file: AtomicFile, tries: Int? = nil,
        received: @Sendable (Int) -> Void
    ) async throws {
        let sink = FileSink(file)
        let size = try await download(
            url, limit: input.size, into: sink, isPinned: true, tries: tries, received: received)
        let digest = sink.finish()
        guard size == input.size, digest == input.sha256 else {
            let what = size == input.size ? "sha256 \(digest)" : "\(size) bytes"
            throw SourceFailure(
                kind: .wrongBytes,
                description: "\(WebAddress.withoutLogin(url)): wrong bytes: \(what) instead of \(input.size) bytes, "
                    + "sha256 \(input.sha256)")
        }
    }

    /// Downloads at most `limit` bytes.
    /// - Parameters:
    ///   - isPinned: Whether the caller knows what the bytes must hash to.
    ///   - tries: How often a server is asked that breaks off, where that is nothing against the server; nil for as often as is
    ///     good.
    /// - Returns: How many there were.
    func download(
        _ url: String, limit: Int, into sink: any BodySink, isPinned: Bool = false, tries: Int? = nil,
        received: @Sendable (Int) -> Void
    ) async throws -> Int {
        let address: WebAddress
        do { address = try WebAddress(url) } catch {
            throw SourceFailure(kind: .source, description: "\(error)")
        }
        let gate = gates[address.server]
        var transfer = Transfer(sink: sink, isPinned: isPinned)
        var (broken, pause) = (0, 1)
        while true {
            try await gate.enter()
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await attempt(address, limit: limit, transfer: &transfer, received: received))
            } catch {
                outcome = .failure(error)
            }
            await gate.leave()
            do {
                try outcome.get()
                await gate.answered()
                return transfer.size
            } catch let busy as Busy {
                guard await gate.refused(askingFor: busy.after, limit: 10 * timeout) else {
                    await gate.failed()
                    let wish = busy.after.map { ", and asks to wait \($0) s" } ?? ""
                    throw SourceFailure(
                        kind: .busy,
                        description: "\(address.shown): answered \(busy.status)\(wish); it was waited for as long as "
                            + "10 times --timeout")
                }
            } catch WebClient.Failure.broken(let reason) {
                broken += 1
                guard broken < tries ?? attempts else {
                    if tries == nil { await gate.failed() }
                    throw SourceFailure(
                        kind: .busy, description: "\(address.shown): \(reason) (tried \(broken) times)")
                }
                await gate.broke(pause: pause)
                pause *= 2
            } catch WebClient.Failure.hopeless(let reason) {
                throw SourceFailure(kind: .source, description: "\(address.shown): \(reason)")
            } catch let failure as SourceFailure {
                await gate.answered()
                throw failure
            }
        }
    }

    /// The server has too much to do (RFC 6585 4, RFC 9110 15.6.4).
    private struct Busy: Error {
        var status: Int
        /// Seconds that it asks to wait.
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

    /// Follows redirects to the file. A login goes to the server that it was given for, and to no other.
    private func attempt(
        _ first: WebAddress, limit: Int, transfer: inout Transfer, received: @Sendable (Int) -> Void
    ) async throws {
        var address = first
        for _ in 0...Self.redirects {
            let login = address.server == first.server ? first.login : nil
            guard let location = try await ask(address, login, limit, &transfer, received) else { return }
            do { address = try address.redirected(to: location) } catch {
                throw SourceFailure(kind: .file, description: "\(first.shown): its redirect leads nowhere: \(error)")
            }
        }
        throw SourceFailure(kind: .file, description: "\(first.shown): more than \(Self.redirects) redirects")
    }

    /// - Returns: Where it leads instead; nil when the file has arrived.
    private func ask(
        _ address: WebAddress, _ login: WebAddress.Login?, _ limit: Int, _ transfer: inout Transfer,
        _ received: @Sendable (Int) -> Void
    ) async throws -> String? {
        var headers: [(String, String)] = []
        // Without a name for what came before, the rest might be another file's.
        if transfer.size > 0, transfer.entityTag == nil, !transfer.isPinned { try transfer.restart() }
        if transfer.size > 0 {
            headers.append(("Range", "bytes=\(transfer.size)-"))
            if let tag = transfer.entityTag { headers.append(("If-Range", tag)) }
        }
        var location: String?
        try await client.send(.init(headers: headers, login: login), to: address) { head, next in
            location = try Self.location(head)
            if location == nil { try await take(head, next, address, limit, &transfer, received) }
        }
        return location
    }

    private static func location(_ head: WebClient.Head) throws -> String? {
        guard [301, 302, 303, 307, 308].contains(head.status) else { return nil }
        guard let location = head.headers.first(name: "Location") else {
            throw WebClient.Failure.broken("answered \(head.status) without a Location")
        }
        return location
    }

    private func take(
        _ head: WebClient.Head, _ next: WebClient.Body, _ address: WebAddress, _ limit: Int, _ transfer: inout Transfer,
        _ received: @Sendable (Int) -> Void
    ) async throws {
        try Self.check(head, address)
        switch head.status {
        case 206 where transfer.size > 0:
            // Another part than asked for would be spliced in (RFC 9110 14.4).
            guard (head.headers.first(name: "Content-Range") ?? "").hasPrefix("bytes \(transfer.size)-") else {
                try transfer.restart()
                throw WebClient.Failure.broken("the server sent another part than asked for")
            }
        case 200: if transfer.size > 0 { try transfer.restart() }
        case 416 where transfer.size > 0:
            try transfer.restart()
            throw WebClient.Failure.broken("the file changed while it was resumed")
        default: throw SourceFailure(kind: .file, description: "\(address.shown): answered \(head.status)")
        }
        // A weak one doesn't promise the same bytes.
        transfer.entityTag = head.headers.first(name: "ETag").flatMap { $0.hasPrefix("W/") ? nil : $0 }
        let expected = head.headers.first(name: "Content-Length").flatMap { Int($0) }.map { $0 + transfer.size }
        // A body that ends with its connection is whole or cut: only its hash can tell (RFC 9112 8).
        guard head.isFramed || transfer.isPinned else {
            throw SourceFailure(kind: .file, description: "\(address.shown): the answer doesn't say where it ends")
        }
        var (windowStart, windowSize) = (ContinuousClock.now, 0)
        while let part = try await next() {
            guard part.readableBytes <= limit - transfer.size else {
                throw SourceFailure(kind: .file, description: "\(address.shown): more than the expected \(limit) bytes")
            }
            try transfer.append(part)
            received(part.readableBytes)
            windowSize += part.readableBytes
            guard windowStart.duration(to: .now) >= .seconds(timeout) else { continue }
            guard windowSize >= Self.leastRate * timeout else {
                throw SourceFailure(
                    kind: .file,
                    description: "\(address.shown): timeout: it sent \(windowSize) bytes in \(timeout) s (--timeout)")
            }
            (windowStart, windowSize) = (.now, 0)
        }
        // A cancelled body ends as if it were whole.
        try Task.checkCancellation()
        if let expected, transfer.size != expected {
            throw WebClient.Failure.broken("the connection ended after \(transfer.size) of \(expected) bytes")
        }
    }

    /// What a server, or a proxy in its place, says instead of a file.
    private static func check(_ head: WebClient.Head, _ address: WebAddress) throws {
        if let proxy = head.proxy {
            let own = head.headers.first(name: "X-Squid-Error") ?? head.headers.first(name: "Proxy-Status")
            if head.status == 407 {
                throw WebClient.Failure.hopeless("the proxy \(proxy.shown) asks for a user and a password")
            }
            if let own, head.status >= 400 {
                throw WebClient.Failure.hopeless("the proxy \(proxy.shown) answered \(head.status): \(own)")
            }
        }
        switch head.status {
        case 429, 503:
            throw Busy(
                status: head.status, after: head.headers.first(name: "Retry-After").flatMap(seconds(retryAfter:)))
        case 408, 425, 500...599: throw WebClient.Failure.broken("answered \(head.status)")
        default: return
        }
    }

    /// Retry-After's value: seconds, or an HTTP date.
    package static func seconds(retryAfter text: String) -> Int? {
        if let seconds = Int(text) { return max(0, seconds) }
        let date = rtv_parse_time(text, "%a, %d %b %Y %H:%M:%S GMT")
        return date < 0 ? nil : max(0, Int(date) - time(nil))
    }
}

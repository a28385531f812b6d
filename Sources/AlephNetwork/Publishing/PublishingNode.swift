import ContentHash
import Host
import Mirrors

/// One node, which is told things.
public final class PublishingNode: Sendable {
    private let server: RemoteServer
    private let uploads: RemoteServer
    private let timeout: Int

    /// More than any answer has.
    private static let largestAnswer = 4 << 20
    /// Seconds that a node may take to add a file of a gigabyte and to process a message (30 of them for that alone).
    private static let uploadTimeout = 600
    /// Seconds for a node to say whether it has a file: it may look for it on IPFS, where nobody has it yet.
    private static let lookTimeout = 5

    /// - Parameters:
    ///   - api: Its base URL.
    ///   - timeout: Seconds that an answer may take, but for one to an upload.
    public init(api: String, timeout: Int, environment: @escaping @Sendable (String) -> String?) {
        self.timeout = timeout
        server = RemoteServer(url: api, timeout: timeout, environment: environment)
        uploads = RemoteServer(url: api, timeout: Self.uploadTimeout, environment: environment)
    }

    /// Closes its connections.
    public func shutdown() async {
        await server.shutdown()
        await uploads.shutdown()
    }

    /// For people.
    public var name: String { server.shown }

    /// What it has of a message.
    /// - Throws: `MessageError`.
    public func state(of hash: ItemHash) async throws -> MessageState {
        let answer = try await asked { try await $0.get("/api/v0/messages/\(hash)", limit: Self.largestAnswer) }
        if answer.status == 404 { return .unknown }
        // Of one that is gone some answer with that status, and say the same.
        guard answer.status == 200 || answer.status == 410 else { throw unexpected(answer, "the message") }
        do { return try MessageState(answer.body, of: hash) } catch {
            throw MessageError.malformed("\(name): \(error)")
        }
    }

    /// What it takes; nil where it is too old to say.
    /// - Throws: `MessageError`.
    public func limits() async throws -> StorageLimits? {
        let answer = try await asked { try await $0.get("/api/v0/storage/limits.json", limit: 65_536) }
        if answer.status == 404 { return nil }
        guard answer.status == 200 else { throw unexpected(answer, "its limits") }
        do { return try StorageLimits(answer.body) } catch { throw MessageError.malformed("\(name): \(error)") }
    }

    /// What keeping a file costs that it doesn't have yet.
    /// - Parameter size: The file's bytes.
    /// - Throws: `MessageError`.
    public func price(of draft: StoreDraft, size: Int) async throws -> StoragePrice {
        let question = Array("{\"message\":\(draft.estimate(size: size))}".utf8)
        let answer = try await asked {
            try await $0.post("/api/v0/price/estimate", json: question, limit: Self.largestAnswer)
        }
        guard answer.status == 200 else { throw unexpected(answer, "the price") }
        do { return try StoragePrice(answer.body) } catch { throw MessageError.malformed("\(name): \(error)") }
    }

    /// Whether it says that it has a file already, whole.
    func has(_ file: ItemHash, size: Int) async -> Bool {
        let answer = try? await withDeadline(seconds: min(timeout, Self.lookTimeout)) { [server] in
            try await server.head("/api/v0/storage/raw/\(file)")
        }
        return answer?.status == 200 && answer?.length == size
    }

    /// Sends a signed message whose file the node has.
    /// - Throws: `RemoteServer.Silence`, `CancellationError`.
    func post(_ message: String) async throws -> RemoteServer.Answer {
        try await uploads.post(
            "/api/v0/messages", json: Array("{\"sync\":true,\"message\":\(message)}".utf8), limit: Self.largestAnswer)
    }

    /// Sends a signed message with its file.
    /// - Parameter progress: Gets how many bytes have been handed over.
    /// - Throws: `RemoteServer.Silence`, `FileReadError`, `CancellationError`.
    func upload(
        _ file: InputFile, size: Int, name: String, message: String, engine: StorageEngine,
        progress: @escaping @Sendable (Int) -> Void
    ) async throws -> RemoteServer.Answer {
        try await uploads.post(
            engine.uploadPath, field: "metadata", json: Array("{\"message\":\(message),\"sync\":true}".utf8),
            file: .init(field: "file", name: name, file: file, size: size), limit: Self.largestAnswer,
            progress: progress)
    }

    private func asked(
        _ question: @escaping @Sendable (RemoteServer) async throws -> RemoteServer.Answer
    ) async throws -> RemoteServer.Answer {
        do {
            return try await withDeadline(seconds: timeout) { [server] in try await question(server) }
        } catch is DeadlineExceeded {
            throw MessageError.unavailable("\(name): no whole answer in \(timeout) s")
        } catch let silence as RemoteServer.Silence {
            throw MessageError.unavailable("\(silence)")
        }
    }

    private func unexpected(_ answer: RemoteServer.Answer, _ what: String) -> MessageError {
        .unavailable("\(name): asked for \(what), it answered \(Self.said(answer))")
    }

    /// A node's answer that isn't what was asked for: status, and what it says of it.
    static func said(_ answer: RemoteServer.Answer) -> String {
        if let place = answer.location, (300..<400).contains(answer.status) {
            return
                "\(answer.status), and leads to \(VerificationLink.printable(RemoteFile.shown(String(place.prefix(200)))))"
        }
        let text = String(decoding: answer.body.prefix(600), as: UTF8.self)
        let words = VerificationLink.printable(text.split(whereSeparator: \.isWhitespace).joined(separator: " "))
        // Some answer with the status and its reason as text.
        let prefix = "\(answer.status): "
        return words.isEmpty ? "\(answer.status)" : words.hasPrefix(prefix) ? words : prefix + words
    }
}

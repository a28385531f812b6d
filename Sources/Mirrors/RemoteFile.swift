import ContentHash
import Host

/// A file behind an http(s) URL, read as it arrives; nothing of it is stored.
public struct RemoteFile: Sendable {
    /// As it was given.
    public let url: String
    private let timeout: Int
    private let settings: NetworkSettings
    private let events: EventSink

    /// Whether a name is a URL that this type reads.
    public static func isURL(_ text: String) -> Bool { text.hasPrefix("http://") || text.hasPrefix("https://") }

    /// - Parameter timeout: Seconds without a byte after which the connection is given up.
    public init(
        url: String, timeout: Int = 30, environment: (String) -> String?, events: @escaping EventSink = { _ in }
    ) {
        (self.url, self.timeout, self.events) = (url, timeout, events)
        settings = NetworkSettings(environment: environment)
    }

    /// Hashes the file while it is downloaded. A broken transfer goes on where it ended.
    /// - Parameter limit: More bytes than this are an error.
    public func identity(profiles: [UnixFSProfile], limit: Int = .max) async throws -> FileIdentity {
        let sink = IdentitySink(profiles: profiles)
        try await read(into: sink, limit: limit)
        return sink.finish()
    }

    /// The file's bytes, where there are no more than `limit`.
    public func bytes(limit: Int) async throws -> [UInt8] {
        let sink = MemorySink()
        try await read(into: sink, limit: limit)
        return sink.bytes
    }

    /// Downloads the file.
    /// - Parameter limit: More bytes than this are an error.
    public func download(into file: AtomicFile, limit: Int) async throws {
        try await read(into: FileSink(file), limit: limit)
    }

    /// A name for people: a URL without user and password.
    public static func shown(_ name: String) -> String { isURL(name) ? WebAddress.withoutLogin(name) : name }

    private func read(into sink: any BodySink, limit: Int) async throws {
        let downloader = Downloader(settings: settings, timeout: timeout)
        events(.phase(name: "download \(WebAddress.withoutLogin(url))", total: 0))
        do {
            _ = try await downloader.download(url, limit: limit, into: sink, received: { _ in })
        } catch {
            await downloader.shutdown()
            throw error
        }
        await downloader.shutdown()
    }
}

private final class IdentitySink: BodySink {
    private let profiles: [UnixFSProfile]
    private var hasher: ContentHasher

    init(profiles: [UnixFSProfile]) { (self.profiles, hasher) = (profiles, ContentHasher(profiles: profiles)) }

    func append(_ bytes: UnsafeRawBufferPointer) { hasher.update(bytes) }

    func restart() { hasher = ContentHasher(profiles: profiles) }

    func finish() -> FileIdentity { hasher.finalize() }
}

/// A small body.
final class MemorySink: BodySink {
    private(set) var bytes: [UInt8] = []

    func append(_ piece: UnsafeRawBufferPointer) { bytes += piece }

    func restart() { bytes = [] }
}

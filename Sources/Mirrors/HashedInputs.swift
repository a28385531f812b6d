import ContentHash
import Host

/// Files by the names that a command line gives them: paths, `-` for standard input, http(s) URLs.
public struct HashedInputs: Sendable {
    private let timeout: Int
    private let environment: @Sendable (String) -> String?
    private let events: EventSink

    /// - Parameters:
    ///   - timeout: Seconds without a byte after which a download is given up.
    ///   - environment: The process's: proxies and trust.
    public init(timeout: Int, environment: @escaping @Sendable (String) -> String?, events: @escaping EventSink) {
        (self.timeout, self.environment, self.events) = (timeout, environment, events)
    }

    /// Hashes each, one after the other, whatever becomes of those before it.
    public func identities(
        of names: [String], profiles: [UnixFSProfile], each: (String, Result<FileIdentity, any Error>) -> Void
    ) async {
        for name in names {
            do { each(name, .success(try await identity(of: name, profiles: profiles))) } catch {
                each(name, .failure(error))
            }
        }
    }

    private func identity(of name: String, profiles: [UnixFSProfile]) async throws -> FileIdentity {
        guard RemoteFile.isURL(name) else {
            return try await onThread { try FileIdentity(path: name, profiles: profiles) }
        }
        return try await RemoteFile(url: name, timeout: timeout, environment: environment, events: events)
            .identity(profiles: profiles)
    }

    /// Reads lists of names and hashes, and compares each file with its own.
    /// - Parameters:
    ///   - malformed: Gets a list, the number of a line from 1 on, and why it is none.
    ///   - each: Gets an entry and whether its file has the name, or why it can't be read.
    /// - Throws: `SystemError`, and `FileReadError` for a list without an entry.
    public static func check(
        lists: [String], malformed: (String, Int, String) -> Void,
        each: (HashList.Entry, Result<ContentName.Match, any Error>) -> Void
    ) async throws {
        for path in lists {
            let list = HashList(text: try SmallFile.bytes(path == "-" ? "/dev/stdin" : path))
            for (line, reason) in list.malformed { malformed(path, line, reason) }
            for entry in list.entries {
                do {
                    let identity = try await onThread {
                        try FileIdentity(path: entry.path, profiles: entry.name.profiles)
                    }
                    each(entry, .success(entry.name.answer(for: identity)))
                } catch { each(entry, .failure(error)) }
            }
            guard !list.entries.isEmpty else { throw FileReadError(file: path, reason: "it lists no file") }
        }
    }
}

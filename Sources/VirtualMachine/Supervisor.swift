import Glibc
import Host

/// What a supervisor of Aleph's network says to a machine's agent, and hears of it.
///
/// Facts of aleph-vm's guest protocol, version 2.0.0: docs/programs.md.
public struct Supervisor: Sendable {
    /// Where the vsock device's sockets are.
    private let socket: String
    private let announcements: GuestSocket

    /// The ports of the protocol: the agent's, and the guest API's.
    static let (agentPort, apiPort) = (52, 53)

    /// - Parameter socket: The vsock device's own socket.
    init(socket: String) throws {
        self.socket = socket
        announcements = try GuestSocket.listening(at: "\(socket)_\(Self.agentPort)")
    }

    /// Where the machine's connections to the guest API arrive.
    var apiSocket: String { "\(socket)_\(Self.apiPort)" }

    /// Something that took too long, or a connection that ended.
    public enum Failure: Error, CustomStringConvertible, Sendable {
        case noAnnouncement(seconds: Int)
        case noConnection
        case noAnswer(what: String, seconds: Int)
        case malformed(what: String, reason: String)

        /// For people.
        public var description: String {
            switch self {
            case .noAnnouncement(let seconds):
                "the machine did not say that it is ready within \(seconds) s (its init runs no agent, or failed: see its "
                    + "console; --boot-timeout waits longer)"
            case .noConnection: "the machine's agent takes no connection: it has ended, or the machine has"
            case .noAnswer(let what, let seconds): "\(what): no answer within \(seconds) s"
            case .malformed(let what, let reason): "\(what): \(reason)"
            }
        }
    }

    /// Work that waits for a socket, on a thread; cancelling the task ends the socket.
    private func waiting<Value: Sendable>(
        for socket: GuestSocket, _ work: @escaping @Sendable (GuestSocket) throws -> Value
    ) async throws -> Value {
        try await withTaskCancellationHandler {
            let value = try await onThread { try work(socket) }
            try Task.checkCancellation()
            return value
        } onCancel: {
            socket.end()
        }
    }

    /// Waits for the machine's announcement.
    /// - Returns: The protocol's version; nil where it closed without a word, as version 1.0.0 does.
    public func ready(within seconds: Int) async throws -> String? {
        try await waiting(for: announcements) { listener in
            let deadline = ContinuousClock.now + .seconds(seconds)
            guard let connection = listener.accept(until: deadline), let bytes = connection.receiveAll(until: deadline)
            else { throw Failure.noAnnouncement(seconds: seconds) }
            if bytes.isEmpty { return nil }
            guard let version = (try? MessagePack(packed: bytes))?["version"]?.text else {
                throw Failure.malformed(what: "the announcement", reason: "it is no map with a 'version'")
            }
            return version
        }
    }

    /// A connection to the agent. Nothing is sent before the device has answered: what comes behind CONNECT in the same write
    /// is lost.
    private func connect() async throws -> GuestSocket {
        let deadline = ContinuousClock.now + .seconds(20)
        let socket = socket
        return try await onThread {
            while ContinuousClock.now < deadline {
                if let connection = try GuestSocket.connected(to: socket),
                    connection.send(Array("CONNECT \(Self.agentPort)\n".utf8)),
                    Self.isAccepted(connection, until: deadline)
                {
                    return connection
                }
                usleep(50_000)
            }
            throw Failure.noConnection
        }
    }

    private static func isAccepted(_ connection: GuestSocket, until deadline: ContinuousClock.Instant) -> Bool {
        var line: [UInt8] = []
        while line.count < 64, line.last != 0x0a {
            guard let byte = connection.receive(1, until: deadline), !byte.isEmpty else { return false }
            line += byte
        }
        return line.starts(with: "OK ".utf8)
    }

    private func exchange(_ bytes: [UInt8], _ what: String, within seconds: Int) async throws -> [UInt8] {
        let connection = try await connect()
        return try await waiting(for: connection) { connection in
            _ = connection.send(bytes)
            guard let answer = connection.receiveAll(until: .now + .seconds(seconds)) else {
                throw Failure.noAnswer(what: what, seconds: seconds)
            }
            return answer
        }
    }

    /// What became of a configuration.
    public struct Refusal: Sendable {
        /// In a line.
        public let error: String
        /// Python's, or the error again.
        public let traceback: String
    }

    /// Sends the configuration.
    /// - Returns: nil when it succeeded.
    public func configure(_ configuration: MessagePack, within seconds: Int) async throws -> Refusal? {
        let what = "the configuration"
        let body = configuration.packed
        let connection = try await connect()
        let answer = try await waiting(for: connection) { connection in
            _ = connection.send(Array("\(body.count)\n".utf8) + body)
            // As a host reads it: at once.
            guard let answer = connection.receive(until: .now + .seconds(seconds)) else {
                throw Failure.noAnswer(what: what, seconds: seconds)
            }
            return answer
        }
        guard !answer.isEmpty else {
            throw Failure.malformed(what: what, reason: "the machine ended, or its agent, without an answer")
        }
        guard let map = try? MessagePack(packed: answer), case .boolean(let isDone)? = map["success"] else {
            throw Failure.malformed(what: what, reason: "the answer is no map with 'success'")
        }
        if isDone { return nil }
        let error = map["error"]?.text ?? "no reason given"
        return Refusal(error: error, traceback: map["traceback"]?.text ?? error)
    }

    /// Hands a scope to the program.
    /// - Returns: The answer's map; nil where there was none, which ends a machine on the network.
    public func ask(_ scope: MessagePack, within seconds: Int) async throws -> MessagePack? {
        let what = "the request"
        let answer = try await exchange(MessagePack.map([("scope", scope)]).packed, what, within: seconds)
        if answer.isEmpty { return nil }
        guard let map = try? MessagePack(packed: answer) else {
            throw Failure.malformed(
                what: what, reason: "the answer of \(answer.count) bytes is not one MessagePack value")
        }
        return map
    }

    /// Ends the machine.
    /// - Returns: Whether the agent said both words within the time that hosts give, five seconds.
    public func halt() async throws -> Bool {
        guard let answer = try? await exchange(Array("halt".utf8), "halt", within: 5) else { return false }
        return answer.elementsEqual("STOP\nSTOPZ\n".utf8)
    }
}

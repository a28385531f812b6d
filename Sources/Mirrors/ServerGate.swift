import Synchronization

/// How one server is asked: by so many connections at once, and by none while it has asked for a pause. What it says to one
/// of them holds for all.
actor ServerGate {
    private let capacity: Int
    private var active = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var notBefore = ContinuousClock.now
    private var refusals = 0
    private var firstRefusal: ContinuousClock.Instant?
    private var failures = 0

    /// Seconds of the longest pause that isn't asked for.
    private static let longestPause = 60
    /// Files in a row that could not be had, after which no other is asked for.
    private static let mostFailures = 3

    init(capacity: Int) { self.capacity = capacity }

    /// Takes a connection, when there is one and no pause.
    func enter() async throws {
        if active < capacity {
            active += 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
        do {
            while notBefore > .now { try await Task.sleep(until: notBefore, clock: .continuous) }
        } catch {
            leave()
            throw error
        }
    }

    /// Gives it back.
    func leave() {
        if waiting.isEmpty { active -= 1 } else { waiting.removeFirst().resume() }
    }

    /// The server is too busy, or broke off.
    /// - Parameters:
    ///   - seconds: What it asked for (RFC 9110 10.2.3); nil for nothing. Less than the pause that it has earned is taken for
    ///     that.
    ///   - limit: Seconds that a server may go on so.
    /// - Returns: Whether it is worth another try.
    func refused(askingFor seconds: Int?, limit: Int) -> Bool {
        // What was under way when it first said so says nothing new.
        if notBefore <= .now { refusals += 1 }
        let earned = min(1 << min(refusals - 1, 6), Self.longestPause)
        let pause = max(seconds ?? 0, earned)
        let first = firstRefusal ?? .now
        firstRefusal = first
        let end = ContinuousClock.now + .seconds(pause)
        guard first.duration(to: end) <= .seconds(limit) else {
            // Nobody waits so long: it is asked for nothing more, by nobody.
            failures = Self.mostFailures
            return false
        }
        notBefore = max(notBefore, end)
        return true
    }

    /// A connection broke; others wait a moment as well.
    func broke(pause: Int) { notBefore = max(notBefore, .now + .seconds(pause)) }

    /// It answered.
    func answered() { (refusals, firstRefusal, failures) = (0, nil, 0) }

    /// A file could not be had after all tries.
    func failed() { failures += 1 }

    var isGivenUp: Bool { failures >= Self.mostFailures }
}

/// The gates of a run, by server.
final class ServerGates: Sendable {
    private let gates = Mutex<[String: ServerGate]>([:])
    private let capacity: @Sendable (String) -> Int

    /// - Parameter capacity: Connections by a server's scheme, host and port.
    init(capacity: @escaping @Sendable (String) -> Int) { self.capacity = capacity }

    subscript(server: String) -> ServerGate {
        gates.withLock { gates in
            if let gate = gates[server] { return gate }
            let gate = ServerGate(capacity: capacity(server))
            gates[server] = gate
            return gate
        }
    }
}

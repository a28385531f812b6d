import CLinux
import Glibc
import Synchronization

/// Turns Ctrl-C and SIGTERM into the cancellation of a task, so that it cleans up before the program ends.
public enum Interruption {
    private static let pipeEnd = Atomic<CInt>(-1)
    private static let received = Atomic<CInt>(0)

    /// By which a person, a terminal or a limit ends a program. SIGPIPE is none of them when this process's own writing led to
    /// it: a closed standard error ends nothing.
    private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU, SIGPIPE]

    private static func receive(_ number: CInt) {
        received.store(number, ordering: .sequentiallyConsistent)
        var byte: UInt8 = 1
        _ = write(pipeEnd.load(ordering: .sequentiallyConsistent), &byte, 1)
    }

    /// Runs a body that a signal cancels.
    /// - Throws: `Interrupted` after a signal, whatever the body made of it.
    public static func cancelling<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        var ends: [CInt] = [0, 0]
        guard rtv_pipe(&ends) == 0 else { return try await body() }
        pipeEnd.store(ends[1], ordering: .sequentiallyConsistent)
        for number in signals {
            rtv_on_signal(number) { number, signal, _ in
                // What this process's own write to a pipe led to is told by write(2).
                if number == SIGPIPE, let signal, rtv_is_own(signal) != 0 { return }
                Interruption.receive(number)
            }
        }
        let task = Task { try await body() }
        let reading = ends[0]
        Task.detached {
            try await waitForByte(on: reading)
            task.cancel()
        }
        do {
            let value = try await task.value
            return value
        } catch {
            let number = received.load(ordering: .sequentiallyConsistent)
            throw number == 0 ? error : Interrupted(signal: number)
        }
    }

    private static func waitForByte(on descriptor: CInt) async throws {
        try await onThread {
            var byte: UInt8 = 0
            while read(descriptor, &byte, 1) < 0, errno == EINTR {}
        }
    }
}

/// Ctrl-C, SIGTERM or another signal by which a person, a terminal or a limit ends a program.
public struct Interrupted: Error, CustomStringConvertible {
    /// SIGINT, SIGTERM or another that ends a program.
    public let signal: CInt

    /// For people.
    public let description = "interrupted; nothing is left behind"
}

import CLinux
import Glibc
import Host
import RootfsBuild
import Synchronization

/// Turns Ctrl-C and SIGTERM into the cancellation of a task, so that it cleans up before the program ends.
public enum Interruption {
    private static let pipeEnd = Atomic<CInt>(-1)
    private static let received = Atomic<CInt>(0)

    /// Runs a body that a signal cancels.
    /// - Throws: `BuildError.interrupted` after a signal, whatever the body made of it.
    public static func cancelling<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        var ends: [CInt] = [0, 0]
        guard rtv_pipe(&ends) == 0 else { return try await body() }
        pipeEnd.store(ends[1], ordering: .sequentiallyConsistent)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { number in
                Interruption.received.store(number, ordering: .sequentiallyConsistent)
                var byte: UInt8 = 1
                _ = write(Interruption.pipeEnd.load(ordering: .sequentiallyConsistent), &byte, 1)
            }
        }
        let task = Task { try await body() }
        let reading = ends[0]
        Task.detached {
            try await RootThread.wait(on: reading)
            task.cancel()
        }
        do {
            let value = try await task.value
            return value
        } catch {
            let number = received.load(ordering: .sequentiallyConsistent)
            throw number == 0 ? error : BuildError.interrupted(signal: number)
        }
    }
}

private enum RootThread {
    /// Waits until a byte arrives.
    static func wait(on descriptor: CInt) async throws {
        try await onThread {
            var byte: UInt8 = 0
            while read(descriptor, &byte, 1) < 0, errno == EINTR {}
        }
    }
}

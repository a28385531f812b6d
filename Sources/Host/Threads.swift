import Glibc

/// Starts a thread of its own, which nobody waits for.
/// - Returns: 0, or an error number (pthread_create(3)).
public func startThread(_ work: @escaping @Sendable () -> Void) -> CInt {
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    defer { pthread_attr_destroy(&attributes) }
    let body = Unmanaged.passRetained(ThreadBody(work))
    let status = pthread_create(
        &thread, &attributes,
        { context in
            if let context { Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run() }
            return nil
        }, body.toOpaque())
    if status != 0 { body.release() }
    return status
}

/// Runs blocking work on a thread of its own: the cooperative pool has as many threads as the machine has cores, and
/// one that waits for a disk or a pipe is one less.
public func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        let status = startThread { continuation.resume(with: Result { try work() }) }
        if status != 0 { continuation.resume(throwing: SystemError("cannot start a thread", status)) }
    }
}

private final class ThreadBody {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Processors that this machine has on line (sysconf(3)).
public var processorCount: Int { max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) }

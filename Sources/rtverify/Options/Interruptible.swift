import Host

/// Runs work that hashes and copies on a thread of its own, and lets Ctrl-C end it.
/// - Parameter work: Gets a function that says whether nobody wants it any more.
func interruptible<Value: Sendable>(
    _ work: @escaping @Sendable (@escaping @Sendable () -> Bool) throws -> Value
) async throws -> Value {
    try await Interruption.cancelling {
        let isOver = Latch()
        return try await withTaskCancellationHandler {
            try await onThread { try work { isOver.isSet } }
        } onCancel: {
            isOver.set()
        }
    }
}

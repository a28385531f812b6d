import Synchronization

/// Something that is set once, by any thread, and asked by any.
public final class Latch: Sendable {
    private let value = Mutex(false)

    public init() {}

    public func set() { value.withLock { $0 = true } }

    public var isSet: Bool { value.withLock { $0 } }
}

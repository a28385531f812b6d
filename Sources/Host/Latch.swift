import Synchronization

/// Something that is set once, by any thread, and asked by any.
public final class Latch: Sendable {
    private let value = Mutex(false)

    /// Not yet set.
    public init() {}

    /// Sets it, for good.
    public func set() { value.withLock { $0 = true } }

    /// Whether it was set.
    public var isSet: Bool { value.withLock { $0 } }
}

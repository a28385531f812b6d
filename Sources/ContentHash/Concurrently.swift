import Dispatch
import Synchronization

/// Calls a body for every index, on all processors, and waits for all of them.
/// - Throws: The first error that a body threw; bodies that haven't begun then are left out.
package func concurrently(_ count: Int, _ body: @Sendable (Int) throws -> Void) throws {
    let failure = Mutex<(any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: count) { index in
        guard failure.withLock({ $0 == nil }) else { return }
        do { try body(index) } catch { failure.withLock { $0 = $0 ?? error } }
    }
    if let error = failure.withLock({ $0 }) { throw error }
}

/// Memory that concurrent bodies fill, each a part of its own.
struct SharedBuffer<Element>: @unchecked Sendable {
    let elements: UnsafeMutableBufferPointer<Element>
}

import Host
import Synchronization

/// The last lines of a machine's console.
package final class ConsoleTail: Sendable {
    private static let longest = 4096
    private let bytes = Mutex<[UInt8]>([])
    private let (restarts, restart) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    /// Nothing was printed yet.
    package init() {}

    /// Takes what was printed.
    package func add(_ part: UnsafeRawBufferPointer) {
        bytes.withLock {
            $0 += part
            if $0.count > 2 * Self.longest { $0.removeFirst($0.count - Self.longest) }
        }
        if hasLastWord { restart.yield() }
    }

    /// Whether the last line is what a kernel prints before it resets the machine: the line has a kernel's time, and nothing came
    /// after it.
    package var hasLastWord: Bool { lines.last?.wholeMatch(of: /\[ *\d+\.\d+\] reboot: Restarting system/) != nil }

    /// Returns when the kernel's last word has been the last for so long, or when the task is cancelled.
    package func lastWord(lasting: Duration) async throws {
        for await _ in restarts {
            try await Task.sleep(for: lasting)
            if hasLastWord { return }
        }
    }

    /// As a terminal may have them, ten at most.
    package var lines: [String] {
        let lines = bytes.withLock { $0 }.split(separator: 0x0a).suffix(10)
        return lines.map { TerminalText.safe(Array($0.filter { $0 != 0x0d })) }
    }
}

import Host
import Synchronization

/// The last lines of a machine's console.
final class ConsoleTail: Sendable {
    private static let longest = 4096
    /// What a kernel prints last, before it resets the machine.
    private static let lastWord = Array("reboot: Restarting system".utf8)
    private let bytes = Mutex<[UInt8]>([])
    private let (restarts, restart) = AsyncStream<Void>.makeStream()

    func add(_ part: UnsafeRawBufferPointer) {
        bytes.withLock {
            $0 += part
            if $0.suffix(part.count + Self.lastWord.count).contains(Self.lastWord) { restart.yield() }
            if $0.count > 2 * Self.longest { $0.removeFirst($0.count - Self.longest) }
        }
    }

    /// Returns when the kernel has said that it resets the machine, or when the task is cancelled.
    func lastWord() async { for await _ in restarts { return } }

    var lines: [String] {
        let lines = bytes.withLock { $0 }.split(separator: 0x0a).suffix(10)
        return lines.map { TerminalText.safe(Array($0.filter { $0 != 0x0d })) }
    }
}

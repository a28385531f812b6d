import VirtualMachine
import XCTest

/// What a machine printed last.
final class ConsoleTailTests: XCTestCase {
    private func tail(_ parts: String...) -> ConsoleTail {
        let tail = ConsoleTail()
        for part in parts { Array(part.utf8).withUnsafeBytes(tail.add) }
        return tail
    }

    /// The kernel's, in whatever pieces it comes, and nobody else's.
    func testTheKernelsLastWordIsItsLastLine() async throws {
        for said in [
            tail("[   33.442524] reboot: Restarting system\r\n"),
            tail("up\r\n[33.442524] reboot: Res", "tarting system"),
        ] {
            XCTAssertTrue(said.hasLastWord)
            try await said.lastWord(lasting: .milliseconds(1))
        }
        for other in [
            tail(), tail("reboot: Restarting system\n"), tail("log: [33.442524] reboot: Restarting system\n"),
            tail("[33.442524] reboot: Restarting system\n", "more\n"),
        ] {
            XCTAssertFalse(other.hasLastWord)
        }
    }
}

import Host
import Synchronization
import XCTest

/// What a command says of its work while it runs.
final class ProgressDisplayTests: XCTestCase {
    private func shown(_ level: ProgressDisplay.Level, isTerminal: Bool, _ events: [BuildEvent]) -> String {
        let text = Mutex("")
        let display = ProgressDisplay(level: level, isTerminal: isTerminal) { part in text.withLock { $0 += part } }
        for event in events { display.report(event) }
        display.finish()
        // How long it took is not what is asked.
        return text.withLock { $0 }.replacing(#/\d+\.\d s/#, with: "T")
    }

    private static let events: [BuildEvent] = [
        .phase(name: "fetch", total: 10), .note("from\u{1b}a mirror"), .detail("a program's line"),
        .phase(name: "hash", total: 0),
    ]

    func testAFileGetsALineAPhase() {
        XCTAssertEqual(
            shown(.normal, isTerminal: false, Self.events), "from\\u{1b}a mirror\nfetch: T\nhash: T\n")
        XCTAssertEqual(
            shown(.verbose, isTerminal: false, Self.events),
            "from\\u{1b}a mirror\na program's line\nfetch: T\nhash: T\n")
        XCTAssertEqual(shown(.quiet, isTerminal: false, Self.events), "")
    }

    func testATerminalsLineIsDrawnAgainAndGivesWay() {
        let clear = "\r\u{1b}[K"
        XCTAssertEqual(
            shown(.normal, isTerminal: true, [.phase(name: "fetch", total: 10), .note("a note")]),
            "\(clear)fetch… 0 %  T\(clear)a note\nfetch: T\n")
        XCTAssertEqual(
            shown(.normal, isTerminal: true, [.phase(name: "hash", total: 0)]), "\(clear)hash…  T\(clear)hash: T\n")
    }

    func testAPhaseMayHoldAStrangersName() {
        XCTAssertEqual(shown(.normal, isTerminal: false, [.phase(name: "a\u{1b}[2Jb", total: 0)]), "a\\u{1b}[2Jb: T\n")
    }
}

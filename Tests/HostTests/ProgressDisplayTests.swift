import Host
import Synchronization
import XCTest

/// What a command says of its work while it runs.
final class ProgressDisplayTests: XCTestCase {
    private func style(isTerminal: Bool, _ variables: [String: String] = ["TERM": "xterm", "NO_COLOR": "1"])
        -> TerminalStyle
    {
        TerminalStyle(isTerminal: isTerminal) { variables[$0] }
    }

    private func shown(
        _ level: ProgressDisplay.Level, _ style: TerminalStyle, columns: [Int] = [], _ events: [BuildEvent]
    ) -> String {
        let text = Mutex("")
        let rest = Mutex(columns)
        let width: @Sendable () -> Int = {
            rest.withLock { $0.isEmpty ? 80 : $0.count == 1 ? $0[0] : $0.remove(at: 0) }
        }
        let display = ProgressDisplay(level: level, style: style, width: width) { part in text.withLock { $0 += part } }
        for event in events { display.report(event) }
        display.finish()
        // How long it took is not what is asked.
        return text.withLock { $0 }.replacing(#/\d+\.\d s/#, with: "T")
    }

    private static let events: [BuildEvent] = [
        .phase(name: "fetch", total: 2_000_000, unit: .received), .note("from\u{1b}a mirror"),
        .detail("a program's line"), .progress(done: 2_000_000), .phase(name: "hash", total: 0),
    ]

    func testAFileGetsALineAPhaseAndASum() {
        for style in [style(isTerminal: false), style(isTerminal: true, ["TERM": "dumb"])] {
            XCTAssertEqual(
                shown(.normal, style, Self.events),
                "from\\u{1b}a mirror\nfetch: T\nhash: T\ntotal: 2.0 MB fetched, T\n")
            XCTAssertEqual(
                shown(.verbose, style, Self.events),
                "from\\u{1b}a mirror\na program's line\nfetch: T\nhash: T\ntotal: 2.0 MB fetched, T\n")
            XCTAssertEqual(shown(.quiet, style, Self.events), "")
        }
    }

    func testATerminalsLineIsDrawnAgainAndGivesWay() {
        let terminal = style(isTerminal: true)
        let clear = "\r\u{1b}[K"
        let bar = "  [--------------------]  0 %"
        XCTAssertEqual(
            shown(.normal, terminal, [.phase(name: "fetch", total: 10), .note("a note")]),
            "fetch\(bar)  T\(clear)a note\nfetch: T\n")
        XCTAssertEqual(
            shown(.normal, terminal, [.phase(name: "hash", total: 0)]), "hash  T\(clear)hash: T\n")
        XCTAssertEqual(shown(.quiet, terminal, [.phase(name: "hash", total: 0)]), "")
    }

    /// A terminal that became narrower has wrapped the line: all its rows go.
    func testALineOnANarrowerTerminalIsClearedWhole() {
        let long = String(repeating: "x", count: 60)
        XCTAssertEqual(
            shown(.normal, style(isTerminal: true), columns: [80, 25], [.phase(name: long, total: 0)]),
            "\(long)  T\r\u{1b}[2A\u{1b}[J\(long): T\n")
    }

    /// The line goes on by itself, after the sum of earlier work too; what is printed meanwhile has the line to itself.
    func testTheLineGoesOnByItselfAndGivesWay() async throws {
        let text = Mutex("")
        let display = ProgressDisplay(
            level: .normal, style: style(isTerminal: true), tick: .milliseconds(5), width: { 80 }
        ) { part in text.withLock { $0 += part } }
        for name in ["first", "second"] {
            display.report(.phase(name: name, total: 0))
            for _ in 0..<2000 where text.withLock({ $0.components(separatedBy: "\(name)  ").count }) < 5 {
                try await Task.sleep(for: .milliseconds(5))
            }
            XCTAssertGreaterThanOrEqual(text.withLock { $0.components(separatedBy: "\(name)  ").count }, 5)
            ProgressDisplay.giveWay { text.withLock { $0 += "printed\n" } }
            XCTAssertTrue(text.withLock { $0.contains("\r\u{1b}[Kprinted\n") })
            ProgressDisplay.leaveTerminal()
            let left = text.withLock { $0 }
            try await Task.sleep(for: .milliseconds(50))
            XCTAssertEqual(text.withLock { $0 }, left, "the terminal is another's")
            display.finish()
            text.withLock { $0 = "" }
        }
    }

    func testAPhaseMayHoldAStrangersName() {
        XCTAssertEqual(
            shown(.normal, style(isTerminal: false), [.phase(name: "a\u{1b}[2Jb", total: 0)]), "a\\u{1b}[2Jb: T\n")
    }

    func testColoursAreTheUsers() {
        func colors(_ isTerminal: Bool, _ variables: [String: String]) -> Bool {
            style(isTerminal: isTerminal, variables).hasColors
        }
        XCTAssertTrue(colors(true, ["TERM": "xterm"]))
        XCTAssertFalse(colors(false, ["TERM": "xterm"]))
        XCTAssertFalse(colors(true, ["TERM": "dumb"]))
        XCTAssertFalse(colors(true, [:]))
        XCTAssertFalse(colors(true, ["TERM": "xterm", "CLICOLOR": "0"]))
        XCTAssertFalse(colors(true, ["TERM": "xterm", "NO_COLOR": "1", "CLICOLOR_FORCE": "1"]))
        XCTAssertTrue(colors(false, ["CLICOLOR_FORCE": "1"]))
        XCTAssertFalse(colors(false, ["CLICOLOR_FORCE": "0"]))
        XCTAssertFalse(style(isTerminal: false, ["CLICOLOR_FORCE": "1", "TERM": "xterm"]).canRedraw)
        XCTAssertEqual(style(isTerminal: true, ["TERM": "xterm"]).alarm("no"), "\u{1b}[1;31mno\u{1b}[0m")
        XCTAssertEqual(style(isTerminal: false, [:]).alarm("no"), "no")
    }
}

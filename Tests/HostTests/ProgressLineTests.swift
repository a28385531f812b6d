import Host
import XCTest

/// A phase as one line of a terminal.
final class ProgressLineTests: XCTestCase {
    private func line(
        _ name: String, total: Int, unit: ProgressUnit, done: Int, seconds: Int, columns: Int
    ) -> String {
        let start = ContinuousClock.now
        var line = ProgressLine(name: name, total: total, unit: unit, started: start)
        line.done = done
        let shown = line.shown(columns: columns, now: start + .seconds(seconds))
        XCTAssertLessThanOrEqual(shown.columns, columns)
        return shown.name + shown.rest
    }

    func testBytesHaveARateAndATimeThatIsLeft() {
        func fetch(_ columns: Int) -> String {
            line(
                "fetch 3 inputs, 300.0 MB", total: 300_000_000, unit: .received, done: 75_000_000, seconds: 10,
                columns: columns)
        }
        XCTAssertEqual(
            fetch(120),
            "fetch 3 inputs, 300.0 MB  [#####---------------]  25 %  75.0 MB of 300.0 MB  7.5 MB/s  10.0 s, 0:30 left")
        XCTAssertEqual(
            fetch(100), "fetch 3 inputs, 300.0 MB  [##------]  25 %  75.0 MB of 300.0 MB  7.5 MB/s  10.0 s, 0:30 left")
        XCTAssertEqual(fetch(79), "fetch 3 inputs, 300.0 MB  [##------]  25 %  7.5 MB/s  10.0 s, 0:30 left")
        XCTAssertEqual(fetch(65), "fetch 3 inputs, 300.0 MB  [##------]  25 %  10.0 s, 0:30 left")
        XCTAssertEqual(fetch(45), "fetch 3 inputs, 300.0 MB  25 %  10.0 s")
        XCTAssertEqual(fetch(24), "fetch 3 inputs, 300.0 MB")
    }

    func testPackagesAreCounted() {
        XCTAssertEqual(
            line("install 614 packages", total: 614, unit: .packages, done: 307, seconds: 95, columns: 100),
            "install 614 packages  [##########----------]  50 %  307 of 614  95.0 s, 1:35 left")
        XCTAssertEqual(line("hash", total: 0, unit: .parts, done: 0, seconds: 2, columns: 80), "hash  2.0 s")
    }

    /// More than was announced, and nothing yet.
    func testWhatCannotBeIsNotShown() {
        XCTAssertEqual(
            line("a", total: 10, unit: .parts, done: 12, seconds: 2, columns: 80),
            "a  [####################]  100 %  2.0 s")
        XCTAssertEqual(
            line("a", total: 10, unit: .received, done: 0, seconds: 2, columns: 80),
            "a  [--------------------]  0 %  0 bytes of 10 bytes  2.0 s")
    }

    func testALongNameIsShortenedInItsMidst() {
        let url = "download https://example.org/a/very/long/folder/of/images/runtime.squashfs"
        XCTAssertEqual(
            line(url, total: 0, unit: .parts, done: 0, seconds: 1, columns: 40),
            "download https:/…runtime.squashfs  1.0 s")
        XCTAssertEqual(ProgressLine.shortened("日本語", to: 5), "日…語")
        XCTAssertEqual(ProgressLine.shortened("abcdef", to: 1), "…")
        for columns in -3..<90 { _ = line(url, total: 10, unit: .sent, done: 1, seconds: 2, columns: max(1, columns)) }
    }
}

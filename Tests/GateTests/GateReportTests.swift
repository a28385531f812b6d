import Gate
import RuntimeSpec
import XCTest

/// One verdict of many checks: nothing is yes where something is open.
final class GateReportTests: XCTestCase {
    private func report(
        _ results: [(GateSpec.Check, GateReport.Verdict)], warns: Bool = false, failures: [String] = []
    ) -> GateReport {
        let checks = results.map { GateReport.Result($0.0, $0.1, "") }
        return GateReport(
            runtimes: [
                .init(
                    name: "a", manifest: "m", lock: "l", checks: checks, image: nil, newer: nil, note: nil,
                    failures: failures)
            ], undecidedWarns: warns)
    }

    func testOneNoIsNoAndOneOpenCheckIsUndecided() {
        XCTAssertEqual(report([(.golden, .yes), (.audit, .yes)]).exitStatus, 0)
        XCTAssertEqual(report([(.golden, .yes), (.audit, .no), (.contract, .undecided)]).exitStatus, 1)
        XCTAssertEqual(report([(.golden, .yes), (.audit, .undecided)]).exitStatus, 2)
        XCTAssertEqual(report([(.golden, .yes), (.audit, .leftOut)]).exitStatus, 0)
    }

    func testNothingThatWasCheckedIsNoAnswer() {
        XCTAssertEqual(report([]).exitStatus, 2)
        XCTAssertEqual(report([(.golden, .leftOut)]).exitStatus, 2)
        XCTAssertEqual(report([(.golden, .yes)], failures: ["disk full"]).exitStatus, 2)
    }

    func testAWarningIsNeverOfWhatTheBytesAre() {
        XCTAssertEqual(report([(.golden, .yes), (.audit, .undecided)], warns: true).exitStatus, 0)
        XCTAssertEqual(report([(.golden, .undecided), (.audit, .yes)], warns: true).exitStatus, 2)
        XCTAssertEqual(report([(.audit, .undecided)], warns: true).exitStatus, 2)
    }
}

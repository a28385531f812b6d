import Archives
import XCTest

/// Versions, and the fields that say which of them are meant.
final class DebianVersionTests: XCTestCase {
    /// Debian Policy 5.6.12, and what dpkg --compare-versions says of each.
    func testVersionsAreInDpkgsOrder() {
        let sorted = [
            "1.0~~", "1.0~~a", "1.0~", "1.0~rc1", "1.0~rc2-1", "1.0", "1.0-1", "1.0-1a", "1.0-1+b1", "1.0-1.1",
            "1.0-10",
            "1.0a", "1.0+dfsg", "1.0.0", "1.1", "1.9", "1.10", "1.10a", "2", "1:0.1", "1:1-1-1", "2:0",
        ]
        for (i, a) in sorted.enumerated() {
            for (j, b) in sorted.enumerated() {
                XCTAssertEqual(DebianVersion(a) < DebianVersion(b), i < j, "\(a) < \(b)")
                XCTAssertEqual(DebianVersion(a) == DebianVersion(b), i == j, "\(a) == \(b)")
            }
        }
        for (a, b) in [("1.0", "0:1.0"), ("1.0", "1.00"), ("007", "7"), ("1.0", "1.0-0"), ("1.0-0", "1.0-00")] {
            XCTAssertTrue(DebianVersion(a) == DebianVersion(b), "\(a) == \(b)")
        }
    }

    func testARelationHoldsForVersionsAsDpkgOrdersThem() {
        let groups = DependencyField.relations("a (>= 1.0~rc1) | b, c:any (<<2), d [amd64], e ( = 1:3-1 )")
        XCTAssertEqual(groups.map { $0.map(\.name) }, [["a", "b"], ["c"], ["d"], ["e"]])
        func holds(_ group: Int, _ version: String) -> Bool { groups[group][0].holds(for: version) }
        XCTAssertEqual(["1.0~beta", "1.0~rc1", "1.0"].map { holds(0, $0) }, [false, true, true])
        XCTAssertEqual(["1.9", "2", "2.0-1"].map { holds(1, $0) }, [true, false, false])
        XCTAssertEqual(["0", "9:9"].map { holds(2, $0) }, [true, true])
        XCTAssertEqual(["1:3-1", "3-1"].map { holds(3, $0) }, [true, false])
        XCTAssertEqual(
            DependencyField.relations("x (<= 1), y (>> 1)").map { $0[0].holds(for: "1") }, [true, false])
    }

    func testADependencyFieldIsGroupsOfAlternatives() {
        XCTAssertEqual(
            DependencyField.names("libc6 (>= 2.36), a | b:any (= 1) | c [amd64] , python3:any ,, d<!nocheck>"),
            [["libc6"], ["a", "b", "c"], ["python3"], ["d<!nocheck>"]])
        XCTAssertEqual(DependencyField.names(""), [])
    }
}

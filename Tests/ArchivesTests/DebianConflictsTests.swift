import Archives
import XCTest

final class DebianConflictsTests: XCTestCase {
    private func holds(_ field: String, _ name: String, _ version: String?) -> Bool {
        DebianConflicts(of: Deb822(paragraph: Array(field.utf8))).hold(of: [
            .init(name: name, version: version)
        ])
    }

    func testConditionsAreThoseOfThePolicy() {
        for (field, name, version, expected) in [
            ("Conflicts: a", "a", "1", true), ("Conflicts: ab", "a", "1", false),
            ("Breaks: b, a (<< 2)", "a", "1.9", true),
            ("Breaks: a (<< 2)", "a", "2", false), ("Breaks: a(<<2~)", "a", "2~~", true),
            ("Breaks: a (<= 2)", "a", "2-0", true),
            ("Conflicts: a (= 1:2)", "a", "2", false), ("Conflicts: a (= 1:2)", "a", "1:2", true),
            ("Conflicts: a (>> 1)", "a", "1+b1", true), ("Conflicts: a (>= 1)", "a", "1~", false),
            ("Conflicts: a:any (>= 1)", "a", "1", true), ("Breaks: a [amd64]", "a", "1", true),
            ("Depends: a", "a", "1", false), ("Breaks:\n x,\n a (<< 5)", "a", "4", true),
        ] {
            XCTAssertEqual(holds(field, name, version), expected, "\(field) \(version)")
        }
        XCTAssertTrue(holds("Conflicts: v", "v", nil))
        XCTAssertFalse(holds("Conflicts: v (<< 3)", "v", nil), "what is provided without a version")
    }

    func testAPackageIsWhatItProvides() {
        let control = Deb822(paragraph: Array("Package: a\nProvides: b, c (= 3)\n".utf8))
        let subjects = DebianConflicts.subjects(of: control, version: "1")
        XCTAssertEqual(subjects.map(\.name), ["a", "b", "c"])
        XCTAssertEqual(subjects.map(\.version), ["1", nil, "3"])
    }
}

import Foundation
import XCTest

/// A short form of scripts/torture: whatever is killed, full, spoilt or lied to, the next build is golden.
final class TortureTests: XCTestCase {
    func testABuildSurvivesOneOfEach() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can mount and kill as this test does") }
        let bench = try Workbench()
        defer { bench.remove() }
        let answer = try bench.run(
            ["\(Workbench.checkout)/scripts/torture", "\(UInt16.random(in: 0...32767))", "1"],
            environment: ["RTVERIFY": Workbench.program])
        XCTAssertEqual(answer.status, 0, answer.errors + answer.output)
        XCTAssertTrue(answer.output.contains("a spoilt object"), answer.output)
    }
}

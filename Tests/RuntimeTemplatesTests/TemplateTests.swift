import RuntimeSpec
import RuntimeTemplates
import XCTest

/// Manifests to start from.
final class TemplateTests: XCTestCase {
    func testEveryTemplateIsAManifestUnderAnyName() throws {
        XCTAssertEqual(Set(RuntimeTemplate.all.map(\.name)).count, RuntimeTemplate.all.count)
        for template in RuntimeTemplate.all {
            let manifest = try Manifest(text: template.manifest(named: "mine"), file: template.name)
            XCTAssertEqual(manifest.name, "mine")
            let named = manifest.files.map(\.source.path)
            for file in template.files where file.name != "README.txt" {
                XCTAssertTrue(named.contains(file.name), "\(template.name) names no \(file.name)")
            }
        }
    }
}

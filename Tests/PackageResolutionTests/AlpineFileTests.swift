import Foundation
import PackageResolution
import XCTest

/// Alpine's own signed files, which lie beside the checkout: what abuild made, not we.
final class AlpineFileTests: XCTestCase {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/alpine").path
    private static let keyName = "alpine-devel@lists.alpinelinux.org-4a6a0840.rsa.pub"

    private func file(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: "\(Self.folder)/\(path)") else {
            throw XCTSkip("Alpine's files aren't beside the checkout (../shared/alpine)")
        }
        return Array(data)
    }

    func testAlpinesOwnIndexAndPackageAreSignedAsTheySay() throws {
        let key = try file("keys/\(Self.keyName)")
        let bytes = try file("v3.16/main/x86_64/APKINDEX.tar.gz")
        let signed = try AlpineSigned(bytes, name: "APKINDEX.tar.gz")
        XCTAssertEqual(signed.keyName, Self.keyName)
        XCTAssertTrue(signed.isSigned(by: key))
        XCTAssertEqual(signed.streams.count, 1)
        let index = try AlpineIndex(stream: signed.streams[0], name: "APKINDEX.tar.gz")
        let listed = try XCTUnwrap(index.package(named: "alpine-baselayout", version: "3.2.0-r23"))
        var package = try file("v3.16/main/x86_64/alpine-baselayout-3.2.0-r23.apk")
        XCTAssertNoThrow(try AlpinePackageFile.check(package, is: listed, name: "the package"))
        XCTAssertTrue(try AlpineSigned(package, name: "the package").isSigned(by: key))

        // Any bit of it that another has changed.
        for place in [package.count / 2, package.count - 30] {
            package[place] ^= 1
            XCTAssertThrowsError(try AlpinePackageFile.check(package, is: listed, name: "the package"))
            package[place] ^= 1
        }
        for place in stride(from: 700, to: bytes.count, by: bytes.count / 9) {
            var changed = bytes
            changed[place] ^= 1
            let other = try? AlpineSigned(changed, name: "changed")
            XCTAssertNotEqual(other?.isSigned(by: key), true, "byte \(place)")
        }
        var other = listed
        other.size += 1
        XCTAssertThrowsError(try AlpinePackageFile.check(package, is: other, name: "the package"))
    }
}

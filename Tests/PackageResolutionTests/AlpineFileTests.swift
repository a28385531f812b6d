import Foundation
import PackageResolution
import XCTest

/// Alpine's own signed files, which lie beside the checkout: what abuild made, not we.
final class AlpineFileTests: XCTestCase {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/alpine").path
    private func file(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: "\(Self.folder)/\(path)") else {
            throw XCTSkip("Alpine's files aren't beside the checkout (../shared/alpine)")
        }
        return Array(data)
    }

    /// What a program makes of its input.
    private func output(of command: [String], input: [UInt8] = []) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        let (input_, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (input_, output)
        try process.run()
        input_.fileHandleForWriting.write(Data(input))
        try input_.fileHandleForWriting.close()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        XCTAssertEqual(process.terminationStatus, 0, "\(command)")
        return Array(data)
    }

    func testAlpinesOwnIndexIsSignedByAKeyOfTheMinirootfs() throws {
        let bytes = try file("v3.16/main/x86_64/APKINDEX.tar.gz")
        let signed = try AlpineSigned(bytes, name: "APKINDEX.tar.gz")
        let minirootfs = "\(Self.folder)/v3.20/releases/x86_64/alpine-minirootfs-3.20.3-x86_64.tar.gz"
        let key = try output(of: ["tar", "-xzOf", minirootfs, "./etc/apk/keys/\(signed.keyName)"])
        XCTAssertTrue(signed.isSigned(by: key))
        XCTAssertEqual(signed.streams.count, 1)
        let index = try AlpineIndex(stream: signed.streams[0], name: "APKINDEX.tar.gz")
        XCTAssertNotNil(index.package(named: "alpine-baselayout", version: "3.2.0-r23"))
        for place in stride(from: 700, to: bytes.count, by: bytes.count / 9) {
            var changed = bytes
            changed[place] ^= 1
            let other = try? AlpineSigned(changed, name: "changed")
            XCTAssertNotEqual(other?.isSigned(by: key), true, "byte \(place)")
        }
    }

    func testAlpinesOwnPackageIsWhatItSays() throws {
        let key = try file("keys/alpine-devel@lists.alpinelinux.org-4a6a0840.rsa.pub")
        var package = try file("v3.16/main/x86_64/alpine-baselayout-3.2.0-r23.apk")
        let signed = try AlpineSigned(package, name: "the package")
        // It is signed by a key that isn't at hand, and not by another.
        XCTAssertEqual(signed.keyName, "alpine-devel@lists.alpinelinux.org-616ae350.rsa.pub")
        XCTAssertFalse(signed.isSigned(by: key))
        // What an index would say of it, by openssl.
        var listed = AlpineIndex.Package()
        (listed.name, listed.version, listed.size) = ("alpine-baselayout", "3.2.0-r23", package.count)
        let digest = try output(of: ["openssl", "dgst", "-sha1", "-binary"], input: signed.streams[0])
        listed.checksum = "Q1" + Data(digest).base64EncodedString()
        XCTAssertNoThrow(try AlpinePackageFile.check(package, is: listed, name: "the package"))
        for place in [package.count / 2, package.count - 30] {
            package[place] ^= 1
            XCTAssertThrowsError(try AlpinePackageFile.check(package, is: listed, name: "the package"))
            package[place] ^= 1
        }
        listed.size += 1
        XCTAssertThrowsError(try AlpinePackageFile.check(package, is: listed, name: "the package"))
    }
}

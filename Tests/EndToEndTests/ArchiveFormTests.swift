import Foundation
import XCTest

/// Archives in the forms that they have in the world: one archive, one image, however it is listed and signed.
final class ArchiveFormTests: XCTestCase {
    func testEveryFormOfAnArchiveGivesTheSameImage() throws {
        let archive = try TestArchive.locked(["late", "common"])
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        let expected = try bench.sha256("test.squashfs")
        for form in ["detached", "crlf", "plain", "xz", "zst", "bz2", "binary-all", "dotted", "folded"] {
            try archive.signAnew(["--form", form])
            let locked = try archive.lock()
            XCTAssertEqual(locked.status, 0, "\(form): \(locked.errors)")
            // What was written is read, by each command that reads locks.
            XCTAssertFalse(try bench.read("test.lock").contains("\"./"), form)
            let verified = try bench.rtverify(
                ["lock", "verify", "test.lock", "--offline", "--keyring", "\(bench.folder)/keyring.gpg"])
            XCTAssertEqual(verified.status, 0, "\(form): \(verified.errors)")
            try archive.serving("plain") { mirror in
                let built = try archive.build(store: form, mirror: mirror)
                XCTAssertEqual(built.status, 0, "\(form): \(built.errors)")
                XCTAssertEqual(try bench.sha256("test.squashfs"), expected, form)
            }
        }
        // A detached signature by another key is no signature.
        try archive.signAnew(["--form", "detached", "--unsigned-by-allowed"])
        XCTAssertEqual(try archive.lock().status, 2)
    }
}

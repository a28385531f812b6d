import Foundation
import XCTest

/// Packages unpacked by rtverify where it knows what dpkg would do, beside packages unpacked by dpkg.
final class UnpackingTests: XCTestCase {
    private func archive(_ packages: [String]) throws -> TestArchive {
        let archive = try TestArchive()
        let made = try archive.bench.run([
            "python3", "\(Workbench.sources)/Fixtures/unpacking_packages.py", archive.bench.folder,
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        try archive.signAnew([])
        try archive.manifest(packages)
        let locked = try archive.lock()
        XCTAssertEqual(locked.status, 0, locked.errors)
        return archive
    }

    private func names(_ archive: TestArchive) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(archive.bench.folder)/archive/pool").filter {
            $0.hasPrefix("u")
        }.map { String($0.prefix { $0 != "_" }) }.sorted()
    }

    /// Every file and every record: both are in the image, and its bytes are the same.
    func testWhatDpkgWouldDoIsDoneToTheByte() throws {
        let archive = try archive(["early"])
        let bench = archive.bench
        defer { bench.remove() }
        let packages = try names(archive)
        XCTAssertEqual(packages.count, 24)
        try archive.manifest(packages)
        let locked = try archive.lock()
        XCTAssertEqual(locked.status, 0, locked.errors)
        let built = try archive.build(["--verbose"])
        XCTAssertEqual(built.status, 0, built.errors)
        // What dpkg says of what it unpacked itself.
        let byDpkg = built.errors.split(separator: "\n").filter { $0.hasPrefix("Unpacking u") }.map {
            String($0.split(separator: " ")[1].prefix { $0 != ":" })
        }
        XCTAssertEqual(
            byDpkg,
            [
                "u06-replaces", "u07-diverts", "u08-diverted", "u10-below", "u11-pipe", "u12-hears",
                "u18-odd-control", "u20-no-sums", "u21-shuffled", "u22-takes", "u24-strange",
            ], built.errors)
        let kept = try archive.build(
            ["--check", "--vary", "unpacker", "--keep-differing", "differing"], image: "again.squashfs")
        if kept.status != 0 {
            let found = try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder)/differing").sorted()
            let compared = try bench.rtverify(["compare"] + found.prefix(2).map { "differing/\($0)" })
            XCTFail(kept.output + kept.errors + compared.output)
        }
        XCTAssertEqual(try bench.sha256("again.squashfs"), try bench.sha256("test.squashfs"))
        func cat(_ path: String) throws -> String {
            try bench.run(["unsquashfs", "-cat", "test.squashfs", path]).output
        }
        XCTAssertEqual(try cat("etc/u02/seen"), "shipped\na.conf\nb.conf\nplain\nseen\n")
        XCTAssertEqual(try cat("opt/u08.away"), "diverted\n")
        XCTAssertEqual(try cat("etc/u17.conf"), "kept\n")
        XCTAssertEqual(try cat("opt/u17"), "shipped\n")
        XCTAssertEqual(try cat("etc/u23.conf"), "as it was\n")
        XCTAssertEqual(try cat("opt/u05"), "third\n")
        let heard = try cat("var/lib/heard")
        XCTAssertTrue(heard.contains("triggered"), heard)
        XCTAssertTrue(try cat("var/lib/seen-by-u19-last").contains("DPKG_MAINTSCRIPT_NAME=preinst"))
    }

    /// What dpkg refuses is refused by dpkg, in its words: a package isn't unpacked because nobody asked it.
    func testWhatDpkgRefusesIsRefused() throws {
        let archive = try archive(["early", "v-overwrites"])
        defer { archive.bench.remove() }
        let answer = try archive.build()
        XCTAssertEqual(answer.status, 2)
        XCTAssertTrue(answer.errors.contains("trying to overwrite '/usr/share/early'"), answer.errors)
        XCTAssertFalse(archive.bench.exists("test.squashfs"))
        // libarchive would know what this means, and dpkg doesn't.
        let extended = try self.archive(["v-extended"])
        defer { extended.bench.remove() }
        let refused = try extended.build()
        XCTAssertEqual(refused.status, 2)
        XCTAssertTrue(refused.errors.contains("v-extended.deb"), refused.errors)
        let failing = try self.archive(["v-fails"])
        defer { failing.bench.remove() }
        let failed = try failing.build()
        XCTAssertEqual(failed.status, 2)
        XCTAssertTrue(failed.errors.contains("the preinst of v-fails failed (exited(3))"), failed.errors)
        XCTAssertTrue(failed.errors.contains("it said why"), failed.errors)
    }
}

import FileTree
import XCTest

/// What dpkg's and apk's databases say is installed.
final class DatabaseTests: XCTestCase {
    func testWhatWasRemovedIsNotInstalled() {
        let status = """
            Package: kept
            Status: install ok installed
            Version: 1.0-1
            Architecture: amd64

            Package: gone
            Status: deinstall ok config-files
            Version: 2.0

            Package: half
            Status: install ok half-installed
            Version: 3
            """
        XCTAssertEqual(
            DpkgStatus.packages(Array(status.utf8)).map { [$0.name, $0.version, $0.architecture] },
            [["kept", "1.0-1", "amd64"]])
        // Distroless's records have no status.
        let record = Array("Package: base-files\nVersion: 12\n".utf8)
        XCTAssertEqual(DpkgStatus.packages(record), [])
        XCTAssertEqual(DpkgStatus.packages(record, areRecords: true).map(\.name), ["base-files"])
        XCTAssertTrue(DpkgStatus.isRecord(Array("var/lib/dpkg/status.d/base".utf8)))
    }

    func testApksBlocksHoldPackagesFoldersAndFiles() {
        let text = "C:Q1x\nP:musl\nV:1.2-r0\nA:x86_64\nD:so:libc a>1\nF:\nF:lib\nR:ld.so\nP:again\n\nP:late\nF:etc\nR:x"
        let packages = ApkInstalled(text.utf8).packages
        XCTAssertEqual(packages.map(\.name), ["musl", "late"])
        XCTAssertEqual(packages[0].version, "1.2-r0")
        XCTAssertEqual(packages[0].dependencies, ["so:libc", "a>1"])
        XCTAssertEqual(packages[0].files, [Array("lib/ld.so".utf8)])
        XCTAssertEqual(packages[1].version, "")
        XCTAssertEqual(ApkInstalled("rubbish\n:\n\n".utf8).packages, [])
    }
}

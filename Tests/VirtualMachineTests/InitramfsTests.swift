import Foundation
import Host
import VirtualMachine
import XCTest

/// The first root of a machine, as the kernel reads it.
final class InitramfsTests: XCTestCase {
    func testItIsACpioArchiveWithInitProgramsAndModulesInOrder() throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/initramfs"
        try Initramfs(busybox: Array("busybox".utf8), modules: [[1], [2]]).write(to: path)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        // The kernel's "new ASCII format": buffer-format.rst.
        XCTAssertTrue(bytes.starts(with: Data("070701".utf8)))
        var places: [Int] = []
        for name in [
            "bin\0", "proc\0", "init\0", "bin/busybox\0", "modules/000.ko\0", "modules/001.ko\0", "TRAILER!!!\0",
        ] {
            places.append(try XCTUnwrap(bytes.range(of: Data(name.utf8)), name).lowerBound)
        }
        XCTAssertEqual(places, places.sorted())
    }
}

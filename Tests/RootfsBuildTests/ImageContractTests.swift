import ContentHash
import RootfsBuild
import RuntimeSpec
import XCTest

/// What every image of a base has, whoever builds it.
final class ImageContractTests: XCTestCase {
    private func input(_ path: String) -> Lockfile.Input { .init(path: path, of: Array(path.utf8)) }

    private func lock(_ base: Lockfile.Base, archives: [Lockfile.Archive] = []) -> Lockfile {
        Lockfile(
            manifestSHA256: .of([UInt8]()), sourceDateEpoch: 1, name: "x", base: base,
            contents: .init(image: ImageOptions()), archives: archives, toolchain: [])
    }

    private func archive(_ name: String, _ suite: String) -> Lockfile.Archive {
        .init(
            name: name, suite: suite, components: ["main", "contrib"], snapshot: "20261124T021215Z",
            inRelease: input("InRelease"), keys: [], indexes: [])
    }

    func testAptIsTheBasesOwnArchivesAndNotTheToolchains() {
        let package = Lockfile.Package(
            archive: "third", name: "a", version: "1", architecture: "all", file: input("a.deb"), stage: 0)
        let debian = lock(
            .debian(.init(release: "bookworm", selection: nil, packages: [package])),
            archives: [
                archive("bookworm-security", "bookworm-security"), archive("third", "third"),
                archive("trixie", "trixie"),
            ])
        let sources = ImageContract.written(for: debian).first { $0.path == "/etc/apt/sources.list" }?.text
        let line = "deb [check-valid-until=no] https://snapshot.debian.org/archive"
        XCTAssertEqual(
            sources,
            "\(line)/debian-security/20261124T021215Z/ bookworm-security main contrib\n"
                + "\(line)/debian/20261124T021215Z/ third main contrib\n")
    }

    func testNothingOfTheBuildersGetsIn() {
        let debian = lock(.debian(.init(release: "x", selection: nil, packages: [])))
        let written = Dictionary(uniqueKeysWithValues: ImageContract.written(for: debian).map { ($0.path, $0.text) })
        XCTAssertEqual(written["/etc/hostname"], "localhost\n")
        XCTAssertEqual(written["/etc/machine-id"], "")
        XCTAssertNotNil(written["/etc/resolv.conf"])
        // Its own packages, or its maker, wrote the rest; a volume is what its manifest names.
        let alpine = lock(.alpine(.init(release: "3.20.3", minirootfs: input("a"))))
        XCTAssertEqual(ImageContract.written(for: alpine).map(\.path), ["/etc/resolv.conf"])
        for base in [Lockfile.Base.tarball(input("a")), .empty] {
            XCTAssertEqual(ImageContract.written(for: lock(base)).count, 0)
        }
        XCTAssertGreaterThan(
            ImageContract.removals(for: .debian).count, ImageContract.removals(for: .alpine).count)
    }
}

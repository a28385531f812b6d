import Foundation
import XCTest

/// Two releases of one runtime, a day apart: what a maintainer compares.
final class ReleaseTests: XCTestCase {
    private struct Report: Decodable {
        struct Difference: Decodable {
            var path: String
            var kind: String
            var cause: String?
            var package: String?
        }
        struct Group: Decodable {
            struct Share: Decodable {
                var name: String
                var count: Int
            }
            var cause: String?
            var count: Int
            var packages: [Share]
        }
        struct Notes: Decodable, Equatable {
            struct Change: Decodable, Equatable {
                var list: String
                var name: String
                var old: String?
                var new: String?
                var change: String
            }
            struct Edit: Decodable, Equatable {
                var list: String
                var name: String
                var change: String
            }
            var packages: [Change]
            var edits: [Edit]
        }
        var differences: [Difference]
        var summary: [Group]
        var release: Notes
    }

    private static let keys =
        "\"B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8\", \"4D64FEC119C2029067D6E791F8D2585B8783D481\""
    private static let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

    /// Debian 12's Essential packages and Python, a package of an archive of ours, wheels, files and steps.
    private func manifest(_ archive: TestArchive, requirements: String, file: String, step: String) throws {
        try archive.bench.write(
            """
            [runtime]
            name = "day"
            [base]
            system = "debian"
            release = "bookworm"
            suites = ["bookworm", "test"]
            variant = "essential"
            keys = [\(Self.keys), "\(archive.fingerprint)"]
            [packages]
            install = ["common"]
            [python]
            target = "/opt/libs"
            requirements = [\(requirements)]
            [toolchain]
            suites = ["bookworm"]
            keys = [\(Self.keys)]
            [[file]]
            source = "\(file)"
            target = "/srv/\(file)"
            [[step]]
            run = "\(step)"
            """, to: "runtime.toml")
    }

    private func release(_ name: String, _ archive: TestArchive, time: Int) throws {
        let bench = archive.bench
        let pip = ["PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "\(bench.folder)/wheels", "PIP_INDEX_URL": ""]
        let mirror = ["--mirror", "\(bench.folder)/archive"]
        let locked = try bench.rtverify(
            ["lock", "runtime.toml", "-o", "\(name).lock", "--source-date-epoch", "\(time)"]
                + ["--keyring", Self.keyring, "--keyring", "keyring.gpg"] + mirror, environment: pip)
        if locked.errors.contains("could not be fetched") {
            throw XCTSkip("the Debian archive can't be reached: \(locked.errors)")
        }
        XCTAssertEqual(locked.status, 0, locked.errors)
        let built = try bench.rtverify(
            ["build", "--lock", "\(name).lock", "-o", "\(name).squashfs"] + mirror, environment: pip)
        XCTAssertEqual(built.status, 0, built.errors)
    }

    /// The archive's one package, and then a newer one.
    private func publish(_ archive: TestArchive, version: String, date: Int) throws {
        let made = try archive.bench.run([
            "sh", "-ec",
            """
            find archive/pool -name '*.deb' ! -name 'common_*' -delete
            dpkg-deb -R archive/pool/common_1.0_all.deb common
            sed -i 's/^Version: .*/Version: \(version)/' common/DEBIAN/control
            echo \(version) >> common/usr/share/common
            dpkg-deb -b common archive/pool/common_\(version)_all.deb && rm -r common
            """,
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        try archive.signAnew(["--date", "\(date)"])
    }

    func testReleasesADayApartAreComparedOnOneScreen() throws {
        guard FileManager.default.fileExists(atPath: Self.keyring) else {
            throw XCTSkip("this host has no keyring of Debian's")
        }
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        let wheels = try bench.run([
            "python3", "\(Workbench.sources)/Fixtures/make_wheels.py", "\(bench.folder)/wheels",
        ])
        XCTAssertEqual(wheels.status, 0, wheels.errors)
        for file in ["one", "two"] { try bench.write("\(file)\n", to: file) }
        try publish(archive, version: "1.1", date: 1_700_000_000)
        try manifest(archive, requirements: "\"rtv_always\"", file: "one", step: "true")
        try release("old", archive, time: 1_795_480_473)
        try publish(archive, version: "2.0", date: 1_700_086_400)
        try manifest(archive, requirements: "\"rtv_always\", \"rtv_new\"", file: "two", step: "true; true")
        try release("new", archive, time: 1_795_566_873)

        let compared = ["compare", "--lock", "old.lock", "--lock", "new.lock", "old.squashfs", "new.squashfs"]
        let text = try bench.rtverify(compared)
        XCTAssertEqual(text.status, 1, text.errors)
        let lines = text.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        XCTAssertLessThanOrEqual(lines.count, 40, text.output)
        XCTAssertTrue(lines[0].hasSuffix(", and each image's own time"), lines[0])
        XCTAssertEqual(
            Array(lines[2...8]),
            [
                "changed on purpose", "  moved    common 1.1 → 2.0", "  added    wheel rtv-new 1.0",
                "  removed  file /srv/one", "  added    file /srv/two", "  removed  step true",
                "  added    step true; true",
            ])
        let times = "entries carry their image's own time (2026-11-24T00:34:33Z → 2026-11-25T00:34:33Z)"
        XCTAssertTrue(text.output.contains(times), text.output)

        let report = try JSONDecoder().decode(
            Report.self, from: Data(try bench.rtverify(compared + ["--json"]).output.utf8))
        try checkCauses(report)
        try checkNotes(report.release, compared, bench)
        XCTAssertGreaterThan(try bench.rtverify(compared + ["--full"]).output.split(separator: "\n").count, 1000)
    }

    /// Each cause is true of what it explains, and nothing but the file is left without one.
    private func checkCauses(_ report: Report) throws {
        for difference in report.differences {
            let (path, cause) = (difference.path, difference.cause)
            switch path {
            case "/srv/one", "/srv/two": XCTAssertEqual(difference.package, "a file of the manifest", path)
            case _ where difference.kind == "time":
                XCTAssertEqual(cause, "image-time", path)
            case "/usr/share/common": XCTAssertEqual([cause, difference.package], ["package-version", "common"])
            case "/etc/apt/sources.list": XCTAssertEqual(cause, "archive-state")
            case _ where path.hasPrefix("/var/lib/dpkg/"): XCTAssertEqual(cause, "package-database", path)
            default:
                // The wheel's files, its byte code and the folders of both.
                XCTAssertTrue(path.hasPrefix("/opt/libs/rtv_new"), path)
                XCTAssertEqual([cause, difference.package], ["package-set", "wheel rtv-new"], path)
            }
        }
        let times = report.summary.first { $0.cause == "image-time" }
        XCTAssertEqual(times?.count, report.differences.count { $0.cause == "image-time" })
        XCTAssertEqual(report.summary.filter { $0.cause == nil }.map(\.count), [2])
        let wheel = report.summary.first { $0.cause == "package-set" }?.packages
        XCTAssertEqual(wheel?.map(\.name), ["wheel rtv-new"])
    }

    private func checkNotes(_ notes: Report.Notes, _ compared: [String], _ bench: Workbench) throws {
        XCTAssertEqual(
            notes.packages,
            [
                .init(list: "package", name: "common", old: "1.1", new: "2.0", change: "moved"),
                .init(list: "wheel", name: "rtv-new", old: nil, new: "1.0", change: "added"),
            ])
        let json = try bench.rtverify(compared + ["--release", "--json"])
        XCTAssertEqual(try JSONDecoder().decode(Report.Notes.self, from: Data(json.output.utf8)), notes)
        XCTAssertEqual(try bench.rtverify(compared + ["--release"]).output.split(separator: "\n").count, 6)
        let markdown = try bench.rtverify(compared + ["--release", "--markdown"]).output
        XCTAssertTrue(
            markdown.hasPrefix("### Added\n\n- wheel rtv-new 1.0\n- file /srv/two\n- step true; true\n"), markdown)
        XCTAssertTrue(markdown.contains("### Moved\n\n- common 1.1 → 2.0\n"), markdown)
        for wrong in [
            ["--markdown"], ["--release", "--full"], ["--release", "--json", "--markdown"], ["--lock", "old.lock"],
        ] {
            XCTAssertEqual(try bench.rtverify(compared + wrong).status, 64, "\(wrong)")
        }
    }
}

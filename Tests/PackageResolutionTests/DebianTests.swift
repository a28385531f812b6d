import ContentHash
import PackageResolution
import RuntimeSpec
import XCTest

/// Debian's rules, as Policy and dpkg have them.
final class DebianTests: XCTestCase {
    private func stanza(
        _ name: String, depends: String = "", preDepends: String = "", provides: String = "", essential: Bool = false
    ) -> PackageIndex.Stanza {
        var stanza = PackageIndex.Stanza()
        (stanza.name, stanza.depends, stanza.preDepends) = (name, depends, preDepends)
        (stanza.provides, stanza.isEssential) = (provides, essential)
        return stanza
    }

    func testAPackageComesAStageAfterItsPreDepends() throws {
        let graph = InstallationStages([
            stanza("base", depends: "libc", essential: true), stanza("libc"),
            stanza("plain", depends: "libc, helper"), stanza("helper", depends: "plain"),
            stanza("early", preDepends: "plain"), stanza("late", depends: "early | other", preDepends: "early (>= 1)"),
            stanza("user", depends: "mail-transport-agent"),
            stanza("mta", preDepends: "late", provides: "mail-transport-agent"),
        ])
        XCTAssertEqual(
            try graph.stages(),
            ["base": 0, "libc": 0, "plain": 1, "helper": 1, "early": 2, "late": 3, "mta": 4, "user": 4])
        XCTAssertEqual(graph.unmet(), [])
    }

    func testACircleSharesAStageAndAPreDependsMayNotGoRound() throws {
        let round = InstallationStages([
            stanza("a", depends: "b"), stanza("b", depends: "c"), stanza("c", depends: "a"),
        ])
        // Stages are numbered without holes; there is no Essential closure here.
        XCTAssertEqual(try round.stages(), ["a": 0, "b": 0, "c": 0])
        let knot = InstallationStages([stanza("a", depends: "b"), stanza("b", preDepends: "a")])
        XCTAssertThrowsError(try knot.stages()) { XCTAssertTrue("\($0)".contains("a"), "\($0)") }
        // A long chain needs no deep stack.
        let names = (0..<20_000).map { "p\($0)" }
        let chain = names.enumerated().map { stanza($1, depends: $0 + 1 < names.count ? names[$0 + 1] : "") }
        XCTAssertEqual(Set(try InstallationStages(chain).stages().values), [0])
    }

    func testWhatLeadsWhereIsKnown() {
        let graph = InstallationStages([
            stanza("base", essential: true), stanza("a", depends: "b"), stanza("b"), stanza("x", depends: "y"),
            stanza("y", depends: "x"), stanza("mta", provides: "mail-transport-agent"),
        ])
        XCTAssertEqual(graph.reached(from: ["a", "mail-transport-agent"]).packages, ["a", "b", "mta"])
        XCTAssertEqual(graph.reached(from: ["none", "a"]).missing, ["none"])
        XCTAssertEqual(graph.roots(besides: ["base"]), ["a", "mta", "x"])
        XCTAssertEqual(
            InstallationStages([stanza("a", depends: "b | c, d")]).unmet(),
            ["a depends on b | c, which isn't locked", "a depends on d, which isn't locked"])
    }

    private static let hash = String(repeating: "ab", count: 32)

    func testAnIndexIsReadWithFoldedFieldsAndRelativePaths() throws {
        let text = """
            Package: a
            Version: 1.0
            Architecture: amd64
            Essential: yes
            Depends: b,
             c (>= 1),
            \td
            Filename: ./pool//main/a_1.0_amd64.deb
            Size: 12
            SHA256: \(Self.hash.uppercased())

            Package: a
            Version: 2.0
            Architecture: amd64
            Priority: required
            Filename: pool/a_2.0_amd64.deb
            Size: 13

            Package: v
            Provides: virtual (= 1), other
            """
        let index = try PackageIndex(text: Array(text.utf8), name: "Packages")
        let stanzas = index.stanzas(named: "a")
        XCTAssertEqual(stanzas.map(\.version), ["1.0", "2.0"])
        XCTAssertEqual(stanzas[0].depends, "b, c (>= 1), d")
        XCTAssertEqual(
            try stanzas[0].file(),
            Lockfile.Input(path: "pool/main/a_1.0_amd64.deb", size: 12, sha256: try XCTUnwrap(Digest(hex: Self.hash))))
        // Without a hash nothing can be locked.
        XCTAssertThrowsError(try stanzas[1].file()) { XCTAssertTrue("\($0)".contains("a 2.0 has no SHA256"), "\($0)") }
        XCTAssertEqual(index.essential, ["a"])
        XCTAssertEqual(index.required, ["a"])
        XCTAssertTrue(index.provides("virtual"))
        XCTAssertFalse(index.provides("virtua"))
        XCTAssertThrowsError(try PackageIndex(text: Array("<html>".utf8), name: "Packages"))
    }

    private func release(_ more: String = "", suite: String = "bookworm") throws -> ReleaseFile {
        try ReleaseFile(
            text: """
                Suite: stable
                Codename: bookworm
                Date: Sat, 11 Jul 2026 10:16:37 UTC
                \(more)SHA256:
                 \(Self.hash) 10 main/binary-amd64/Packages
                 \(Self.hash)   11\tmain/binary-amd64/Packages.xz
                 \(Self.hash) 12 main/binary-amd64/Packages.gz
                 \(Self.hash) 13 main/binary-all/Packages.xz
                """, suite: suite)
    }

    func testAReleaseListsTheBestSpellingOfEachIndex() throws {
        let plain = try release("Architectures: all amd64\nNo-Support-for-Architecture-all: Packages\n")
        XCTAssertEqual(plain.date, 1_783_764_997)
        XCTAssertEqual(plain.packageIndexes(component: "main").map(\.path), ["main/binary-amd64/Packages.xz"])
        XCTAssertEqual(plain.packageIndexes(component: "contrib"), [])
        XCTAssertEqual(plain.file("main/binary-amd64/Packages.gz")?.size, 12)
        // Where packages of every architecture are in an index of their own, it is read as well.
        let apart = try release(
            "Architectures: all amd64\nValid-Until: Sat, 18 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\n")
        XCTAssertEqual(
            apart.packageIndexes(component: "main").map(\.path),
            ["main/binary-amd64/Packages.xz", "main/binary-all/Packages.xz"])
        XCTAssertEqual(apart.validUntil, 1_784_369_797)
        XCTAssertTrue(apart.acquireByHash)
    }

    func testAReleaseIsOfTheSuiteThatWasAskedFor() throws {
        for suite in ["stable", "bookworm", "bookworm/updates"] { XCTAssertNoThrow(try release(suite: suite), suite) }
        for suite in ["bullseye", "bookworm-updates", "updates"] {
            XCTAssertThrowsError(try release(suite: suite), suite)
        }
        XCTAssertThrowsError(try release("Valid-Until: tomorrow\n"))
        for line in [" zz 1 x", " \(Self.hash) -1 x", " \(Self.hash) 1", " \(Self.hash) 1099511627777 x"] {
            let text = "Suite: stable\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n\(line)\n"
            XCTAssertThrowsError(try ReleaseFile(text: text, suite: "stable"), line)
        }
    }

    /// PEP 440's order, and Alpine's: what comes before a release stands before it.
    func testALocksDifferenceKnowsUpFromDown() throws {
        for (old, new, change) in [
            ("1.0rc1", "1.0", "upgraded"), ("1.0", "1.0.dev1", "downgraded"), ("1.0a1", "1.0b1", "upgraded"),
            ("1.0", "1.0.post1", "upgraded"), ("1.9", "1.10", "upgraded"), ("1!0.1", "2.0", "downgraded"),
        ] { XCTAssertEqual(try Self.difference(wheel: old, new), [change], "\(old) -> \(new)") }
        XCTAssertEqual(try Self.difference(wheel: "1.0", "1.0"), ["rebuilt"])
    }

    private static func difference(wheel old: String, _ new: String) throws -> [String] {
        func lock(_ version: String, _ bytes: String) -> Lockfile {
            Lockfile(
                manifestSHA256: .of([UInt8]()), sourceDateEpoch: 1, name: "x", base: .empty,
                contents: Lockfile.Contents(
                    python: Lockfile.Python(
                        packages: PythonPackages(target: "/", requirements: ["a"], levels: []), interpreter: [],
                        wheels: [
                            Lockfile.Wheel(
                                name: "a", version: version, file: .init(path: "a.whl", of: Array(bytes.utf8)))
                        ]), image: ImageOptions()), archives: [], toolchain: [])
        }
        return LockDifference(from: lock(old, "1"), to: lock(new, "2")).packages.map(\.change)
    }
}

import ContentHash
import RuntimeSpec
import XCTest

final class LockfileTests: XCTestCase {
    private static let hash = String(repeating: "ab", count: 32)

    private func lock(
        format: Lockfile.Format? = nil, selection: Lockfile.Selection? = .init(variant: .essential, install: ["b2"]),
        allowed: [Allowance] = []
    ) throws -> Lockfile {
        let digest = try XCTUnwrap(Digest(hex: Self.hash))
        let input = Lockfile.Input(path: "pool/a.deb", size: 3, sha256: digest)
        func package(_ name: String, stage: Int) -> Lockfile.Package {
            Lockfile.Package(
                archive: "test", name: name, version: "1:1.0~rc1-1+b2", architecture: "amd64", file: input, stage: stage
            )
        }
        return Lockfile(
            format: format, manifestSHA256: digest, sourceDateEpoch: 1_700_000_000, name: "test",
            base: .debian(
                Lockfile.Debian(
                    release: "test", selection: selection,
                    packages: [package("b2", stage: 1), package("aa", stage: 0), package("bb", stage: 1)])),
            contents: Lockfile.Contents(
                files: [
                    Lockfile.File(
                        target: "/sbin/init", mode: 0o755,
                        source: Lockfile.Input(
                            path: "init", size: 1,
                            sha256: try XCTUnwrap(Digest(hex: String(repeating: "cd", count: 32)))))
                ],
                steps: ["echo \"a\\b\"\n\techo 'ü'"], prune: ["/usr/share/doc", "/usr/share/man"], allowed: allowed,
                image: ImageOptions()),
            archives: [
                Lockfile.Archive(
                    name: "test", suite: "test", components: ["main"], snapshot: "20260711T101637Z",
                    inRelease: Lockfile.Input(path: "dists/test/InRelease", size: 9, sha256: digest),
                    keys: [String(repeating: "AB", count: 20)],
                    indexes: [Lockfile.Input(path: "main/binary-amd64/Packages.xz", size: 5, sha256: digest)])
            ], toolchain: [package("tools", stage: 0)])
    }

    func testWhatIsWrittenIsReadBack() throws {
        XCTAssertEqual(try Lockfile(text: lock().text, file: "x"), try lock())
        let allowing = try lock(allowed: [Allowance(path: "/root/*", finding: "*", reason: "said \"why\"")])
        XCTAssertEqual(try Lockfile(text: allowing.text, file: "x"), allowing)
        XCTAssertTrue(failure(allowing.text.replacing("reason = ", with: "# ")).contains("reason"))
    }

    func testPackagesAreWrittenInByteOrder() throws {
        XCTAssertEqual(try lock().packages.map(\.name), ["aa", "b2", "bb"])
        XCTAssertEqual(try lock().debian?.stages.map { $0.map(\.name) }, [["aa"], ["b2", "bb"]])
    }

    private func failure(_ text: String) -> String {
        do {
            _ = try Lockfile(text: text, file: "x.lock")
            return "accepted"
        } catch { return "\(error)" }
    }

    func testEveryPrefixThatEndsALineIsRefused() throws {
        let lock = try lock()
        let lines = lock.text.split(separator: "\n", omittingEmptySubsequences: false)
        for count in 0..<(lines.count - 9) {
            let text = lines[..<count].joined(separator: "\n")
            XCTAssertNotEqual(failure(text), "accepted", "\(count) lines")
        }
    }

    func testANewerLockSaysWhichProgramToUse() throws {
        let lock = try lock()
        XCTAssertTrue(
            failure(lock.text.replacing("version = 2\n", with: "version = 9\nnew = 1\n", maxReplacements: 1))
                .contains("version 9 is not known to this rtverify"))
        XCTAssertTrue(failure(lock.text.replacing("recipe = 2", with: "recipe = 7")).contains("recipe 7 is not known"))
    }

    /// A lock names the oldest release that builds it, unless that is the first one; a program that is older says its name.
    func testANewerLockNamesTheReleaseThatItNeeds() throws {
        let lock = try lock()
        XCTAssertFalse(lock.text.contains("needs"), "it is built by the first release")
        func failure(_ needs: String, version: Int) -> String {
            self.failure(
                lock.text.replacing(
                    "version = 2\n", with: "version = \(version)\nneeds = \(needs)\n", maxReplacements: 1))
        }
        XCTAssertTrue(failure("\"1.20.3\"", version: 9).hasSuffix("the lock needs rtverify 1.20.3 or newer"))
        for other in ["3", "\"\"", "\"the newest\"", "\"1.2.3; rm -r\""] {
            XCTAssertTrue(failure(other, version: 9).hasSuffix("that wrote the lock, or a newer one"), other)
        }
        XCTAssertTrue(failure("\"1.20.3\"", version: 2).contains("inconsistent in itself: 'needs' is '1.20.3'"))
        XCTAssertEqual(failure("\"0.1.0\"", version: 2), "accepted")
    }

    /// Numbers as TOML spells them, and nothing that only looks like one.
    func testVersionAndRecipeAreReadAsNumbersHoweverTheyAreSpelled() throws {
        let lock = try lock()
        for (spelling, words) in [
            ("version = 9 # newer", "version 9"), ("version = 0x9", "version 9"), ("version = 1_000", "version 1000"),
            ("version = 0", "version 0"), ("version = -1", "version -1"), ("version = 2.0", "'version' is a"),
            ("version = \"2\"", "'version' is a"),
        ] {
            let text = failure(lock.text.replacing("version = 2\n", with: "\(spelling)\n", maxReplacements: 1))
            XCTAssertTrue(text.contains(words), "\(spelling): \(text)")
        }
        for spelling in ["recipe = 3 # newer", "recipe = 0x3", "recipe = 1_000"] {
            let text = failure(lock.text.replacing("recipe = 2\n", with: "\(spelling)\n", maxReplacements: 1))
            XCTAssertTrue(text.contains("is not known"), "\(spelling): \(text)")
        }
    }

    func testSizesAreBoundedAndAZeroByteIsNoEnd() throws {
        let lock = try lock()
        for size in ["9223372036854775807", "1099511627777", "-1"] {
            XCTAssertTrue(failure(lock.text.replacing("size = 3", with: "size = \(size)")).contains("size'"), size)
            XCTAssertTrue(
                failure(lock.text.replacing("inrelease-size = 9", with: "inrelease-size = \(size)")).contains("size'"))
        }
        XCTAssertTrue(failure(lock.text + "\0anything").contains("a NUL byte"))
        XCTAssertTrue(
            failure(lock.text.replacing("run = \"echo", with: "run = \"\\u0000echo")).contains("step[0].run"))
        XCTAssertLessThan(
            failure(lock.text.replacing("\"pool/a.deb\"", with: "\"\(String(repeating: "/x", count: 1 << 20))\""))
                .utf8.count, 1000)
    }

    func testALockOfFormat1IsReadAndWrittenAsItIs() throws {
        let (lock, old) = (try lock(), try lock(format: .init(version: 1), selection: nil))
        XCTAssertEqual(try Lockfile(text: old.text, file: "x"), old)
        XCTAssertTrue(old.text.contains("version = 1\n"))
        // Each format has what it has.
        XCTAssertTrue(failure(old.text.replacing("version = 1\n", with: "version = 2\n")).contains("asked for"))
        XCTAssertTrue(failure(lock.text.replacing("version = 2\n", with: "version = 1\n")).contains("'variant'"))
    }

    func testAnUnknownKeyNamesTheNearestKnownOne() throws {
        let lock = try lock()
        XCTAssertTrue(
            failure(lock.text.replacing("stage = 0", with: "stagee = 0")).contains("did you mean 'package[0].stage'"))
    }

    func testContradictionsAreNamed() throws {
        let lock = try lock()
        XCTAssertTrue(
            failure(lock.text.replacing("archive = \"test\"", with: "archive = \"other\"")).contains(
                "which it doesn't list"))
        XCTAssertTrue(failure(lock.text.replacing("name = \"bb\"", with: "name = \"b2\"")).contains("stands twice"))
        XCTAssertTrue(failure(lock.text.replacing("stage = 1", with: "stage = 2")).contains("don't all have packages"))
        XCTAssertTrue(
            failure(lock.text.replacing("path = \"pool/a.deb\"", with: "path = \"../a.deb\"")).contains("'..'"))
        XCTAssertTrue(failure(lock.text.replacing(Self.hash, with: Self.hash.uppercased())).contains("lower-case"))
        XCTAssertTrue(failure("version = \n").contains("x.lock:1: not valid TOML"))
    }
}

final class ManifestTests: XCTestCase {
    private func failure(_ text: String) -> String {
        do {
            _ = try Manifest(text: text, file: "runtime.toml")
            return "accepted"
        } catch { return "\(error)" }
    }

    private let smallest = "[runtime]\nname = \"x\"\n[base]\nsystem = \"debian\"\nrelease = \"bookworm\"\n"

    func testFiveLinesAreEnough() throws {
        let manifest = try Manifest(text: smallest, file: "x")
        XCTAssertEqual(manifest.suites.suites, ["bookworm", "bookworm-updates", "bookworm-security"])
        XCTAssertEqual(manifest.image.compression, .zstd)
        XCTAssertEqual(manifest.image.level, 9)
        XCTAssertEqual(manifest.image.blockSize, 131_072)
        XCTAssertEqual(manifest.suites, manifest.toolchain)
    }

    func testCommentsAndSpelledOutDefaultsDoNotChangeTheCanonicalText() throws {
        let a = try Manifest(text: smallest, file: "x")
        let b = try Manifest(
            text: "# a comment\n" + smallest + "variant = \"minbase\"\n[image]\nblock-size = \"128KiB\"\n", file: "x")
        XCTAssertEqual(a.canonicalText, b.canonicalText)
        let c = try Manifest(text: smallest + "[packages]\ninstall = [\"curl\"]\n", file: "x")
        XCTAssertNotEqual(a.canonicalText, c.canonicalText)
    }

    /// Where a build has its own, or empties what is there, no file would be.
    func testAFileThatWouldNotBeInTheImageIsRefused() {
        for target in [
            "/dev/x", "/proc/x", "/run/lock/x", "/tmp/x", "/var/tmp/x", "/.rtverify/x", "/var/lib/dpkg/updates/x",
            "/var/cache/apt/x", "/var/lib/apt/lists/x", "/usr/sbin/policy-rc.d", "/etc/ssh/ssh_host_rsa_key",
            "/var/log/dpkg.log", "/usr/share/doc/x",
        ] {
            let more = "[[file]]\nsource = \"a\"\ntarget = \"\(target)\"\n[prune]\npaths = [\"/usr/share/doc\"]\n"
            XCTAssertTrue(failure(smallest + more).contains("'\(target)' would not be in the image"), target)
        }
        XCTAssertEqual(failure(smallest + "[[file]]\nsource = \"a\"\ntarget = \"/runner/x\"\n"), "accepted")
        for path in ["/dev", "/proc", "/proc/x", "/sys"] {
            XCTAssertTrue(failure(smallest + "[prune]\npaths = [\"\(path)\"]\n").contains("can't be pruned"), path)
        }
    }

    func testBadInputIsNamed() {
        XCTAssertTrue(failure(smallest + "relaese = \"x\"\n").contains("did you mean 'base.release'?"))
        XCTAssertTrue(
            failure(smallest.replacing("name = \"x\"", with: "name = \"x\"\narchitecture = \"arm64\"")).contains(
                "x86_64"))
        XCTAssertTrue(failure(smallest + "[image]\nblock-size = \"100KiB\"\n").contains("power of two"))
        XCTAssertTrue(failure(smallest + "[image]\ncompression = \"lz4\"\nlevel = 3\n").contains("no level"))
        XCTAssertTrue(failure(smallest + "[prune]\npaths = [\"/usr/../etc\"]\n").contains("normalized"))
        XCTAssertTrue(failure(smallest + "[packages]\ninstall = [\"Curl\"]\n").contains("package name"))
        for mode in ["-1", "+644", "8", "17777", ""] {
            let file = "[[file]]\nsource = \"a\"\ntarget = \"/a\"\nmode = \"\(mode)\"\n"
            XCTAssertTrue(failure(smallest + file).contains("file[0].mode"), mode)
        }
        XCTAssertTrue(failure(smallest + "\0[packages]\n").contains("a NUL byte"))
        XCTAssertTrue(failure("[base]\nsystem = \"debian\"\n").contains("'runtime' is missing"))
    }

    /// The parser would end the program at each of them.
    func testWhatTheParserAbortsOnIsRefused() throws {
        let good = "name = \"x\"\ntimestamp = 1\n"
        for (text, line, reason) in [
            ("[.a]", 3, "a table header without a name"), ("[=]", 3, "a table header without a name"),
            ("[[ #a]]", 3, "a table header without a name"), ("a = [\n}", 4, "a `}` in an array"),
            ("a = [\u{2028}1]", 3, "must be in quotes"), ("a = 2020-01-01 1,", 3, "a date"),
            ("a = \"\"\"\n[.a]\n\"\"\"\n\u{2028}", 6, "must be in quotes"), ("\0", 3, "a NUL byte"),
        ] {
            XCTAssertThrowsError(try Manifest(text: good + text, file: "x"), text) { error in
                XCTAssertTrue("\(error)".contains("x:\(line): not valid TOML: "), "\(error)")
                XCTAssertTrue("\(error)".contains(reason), "\(error)")
            }
        }
    }
}

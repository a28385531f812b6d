import ContentHash
import RuntimeSpec
import XCTest

/// Manifests and locks of every base, with wheels and with rtverify's own init.
final class BaseTests: XCTestCase {
    private func manifest(_ base: String, _ more: String = "") throws -> Manifest {
        try Manifest(text: "[runtime]\nname = \"test\"\n[base]\n\(base)\n\(more)\n", file: "x.toml")
    }

    private func failure(_ base: String, _ more: String = "") -> String {
        do {
            _ = try manifest(base, more)
            return "accepted"
        } catch { return "\(error)" }
    }

    private static let debian = "system = \"debian\"\nrelease = \"bookworm\""
    private static let alpine = "system = \"alpine\"\nrelease = \"3.20\""
    private static let empty = "system = \"empty\""
    private static let zeros = String(repeating: "0", count: 64)

    private func python(_ lines: String) -> String { "[python]\n\(lines)" }

    func testWheelsHaveATargetRequirementsAndLevels() throws {
        let wanted =
            "target = \"/opt/libs\"\nrequirements = [\"b==1\", \"a[x]~=2 ; python_version < '3.10'\", \"b==1\"]"
        let read = try manifest(Self.debian, python(wanted)).python
        XCTAssertEqual(read?.requirements, ["a[x]~=2 ; python_version < '3.10'", "b==1"])
        XCTAssertEqual(read?.levels, [1, 2])
        for (text, levels) in [("true", [1, 2]), ("false", []), ("[2, 0, 2]", [0, 2])] {
            XCTAssertEqual(try manifest(Self.debian, python("\(wanted)\ncompile = \(text)")).python?.levels, levels)
        }
        XCTAssertTrue(failure(Self.debian, python("\(wanted)\ncompile = [3]")).contains("levels from 0 to 2"))
        XCTAssertTrue(failure(Self.debian, python("\(wanted)\ncompile = \"yes\"")).contains("python.compile"))
        for bad in ["a @ https://example.org/a.whl", "-r other.txt", "--index-url=x", "", "a\\nb"] {
            let text = failure(Self.debian, python("target = \"/opt\"\nrequirements = [\"\(bad)\"]"))
            XCTAssertTrue(text.contains("python.requirements"), "\(bad): \(text)")
        }
        XCTAssertTrue(failure(Self.debian, python("target = \"/opt\"")).contains("'python.requirements' is missing"))
        XCTAssertTrue(
            failure(Self.debian, python("target = \"opt\"\nrequirements = [\"a\"]")).contains("python.target"))
    }

    func testEachBaseTakesWhatItCanHave() throws {
        let wheels = "requirements = [\"a\"]\ntarget = "
        XCTAssertNoThrow(try manifest(Self.empty, python(wheels + "\"/\"")))
        XCTAssertTrue(failure(Self.debian, python(wheels + "\"/\"")).contains("name a folder"))
        XCTAssertTrue(failure(Self.empty, python(wheels + "\"system\"")).contains("no interpreter"))
        XCTAssertTrue(failure(Self.empty, "[init]").contains("no system that an init could start"))
        // It brings a Python, or the lock says that it doesn't.
        XCTAssertNoThrow(try manifest(Self.alpine, python(wheels + "\"/opt\"")))
        XCTAssertTrue(failure(Self.alpine, "[[archive]]").contains("archive[0].url"))
        XCTAssertTrue(
            failure(Self.alpine, "[packages]\nfiles = [\"a.deb\"]").contains("'packages.files' is for a Debian base"))
        XCTAssertTrue(
            failure(Self.debian, "[[repository]]\nurl = \"https://example.org\"").contains("is for an Alpine base"))
        let tarball = "system = \"tarball\"\nsource = \"root.tar\""
        XCTAssertEqual(try manifest(tarball).base, .tarball(.beside("root.tar")))
        XCTAssertTrue(failure(tarball, "[packages]\ninstall = [\"aa\"]").contains("no package manager"))
        XCTAssertTrue(failure("system = \"tarball\"").contains("'base.source' is missing"))
        XCTAssertTrue(failure(tarball + "\nrelease = \"3.20\"").contains("a tarball base has no 'release'"))
        XCTAssertTrue(failure(Self.alpine + "\nvariant = \"minbase\"").contains("an Alpine base has no 'variant'"))
        for bad in ["3", "3.20.3.1", "v3.20", "3.x", "3..2"] {
            XCTAssertTrue(failure("system = \"alpine\"\nrelease = \"\(bad)\"").contains("base.release"), bad)
        }
        XCTAssertEqual(try manifest(Self.alpine).alpine?.branch, "v3.20")
        XCTAssertEqual(try manifest("system = \"alpine\"\nrelease = \"3.20.3\"").alpine?.branch, "v3.20")
        // Alpine's names aren't Debian's.
        XCTAssertNoThrow(try manifest(Self.alpine, "[packages]\ninstall = [\"py3-Foo_bar\"]"))
        let twice = "[init]\n[[file]]\nsource = \"a\"\ntarget = \"/sbin/init\""
        XCTAssertTrue(failure(Self.debian, twice).contains("both /sbin/init"))
    }

    func testAnImageIsPackedByItsOwnReleaseFromDebian13On() throws {
        func debian(_ release: String) -> String { "system = \"debian\"\nrelease = \"\(release)\"" }
        for release in ["bookworm", "bullseye"] {
            XCTAssertEqual(try manifest(debian(release)).toolchain, .bookworm)
        }
        for release in ["trixie", "forky", "sid"] {
            let manifest = try manifest(debian(release))
            XCTAssertEqual(manifest.toolchain, manifest.suites)
            XCTAssertEqual(manifest.suites.isMoving, release != "trixie")
        }
        XCTAssertEqual(try manifest(debian("trixie")).suites.suites, ["trixie", "trixie-updates", "trixie-security"])
        XCTAssertEqual(try manifest(debian("sid")).suites.suites, ["sid"])
        XCTAssertEqual(
            try manifest(debian("trixie"), "[toolchain]\nrelease = \"bookworm\"").toolchain, .bookworm)
        XCTAssertEqual(try manifest(Self.alpine).toolchain, .bookworm)
        XCTAssertTrue(failure(debian("bokworm")).contains("'trixie', 'bookworm'"))
        // What isn't known here is packed as it ever was.
        let own = debian("own") + "\nsuites = [\"own\"]\nkeys = [\"\(String(repeating: "A", count: 40))\"]"
        XCTAssertEqual(try manifest(own).toolchain, .bookworm)
    }

    func testAPackageIsAskedForAsAptAndApkTakeIt() throws {
        func install(_ base: String, _ wish: String) -> String {
            do {
                let read = try manifest(base, "[packages]\ninstall = [\"\(wish)\"]")
                return (read.packages + read.suites.suites.filter { $0.contains("backports") }).joined(separator: " ")
            } catch { return "refused" }
        }
        for (wish, read) in [
            ("curl", "curl"), ("curl:amd64", "curl"), ("curl=7.88-1~x", "curl=7.88-1~x"),
            ("curl:amd64=1:2", "curl=1:2"),
            ("curl/bookworm-backports", "curl/bookworm-backports bookworm-backports"),
            ("curl/bookworm", "curl/bookworm"),
            ("curl:i386", "refused"), ("curl=", "refused"), ("curl/", "refused"), ("curl-", "curl-"),
            ("curl/trixie-backports", "refused"), ("-o=x", "refused"), ("curl=1 2", "refused"), ("curl=1/x", "refused"),
        ] { XCTAssertEqual(install(Self.debian, wish), read, wish) }
        for (wish, read) in [
            ("jq", "jq"), ("jq=1.7-r0", "jq=1.7-r0"), ("jq~1.7", "jq~1.7"), ("jq>=1", "jq>=1"), ("jq=", "refused"),
            ("jq==1", "refused"), ("!jq", "refused"), ("jq 1", "refused"),
        ] { XCTAssertEqual(install(Self.alpine, wish), read, wish) }
    }

    func testAFileOfTheWebHasAHash() throws {
        func file(_ source: String) -> String { "[[file]]\nsource = \(source)\ntarget = \"/srv/a\"" }
        let web = "{ url = \"https://example.org/a\", sha256 = \"\(Self.zeros)\" }"
        XCTAssertEqual(
            try manifest(Self.debian, file(web)).files[0].source,
            .web(url: "https://example.org/a", sha256: try XCTUnwrap(Digest(hex: Self.zeros)))
        )
        XCTAssertTrue(failure(Self.debian, file("{ url = \"https://example.org/a\" }")).contains("sha256"))
        XCTAssertTrue(
            failure(Self.debian, file("{ url = \"file:///etc/passwd\", sha256 = \"\(Self.zeros)\" }")).contains("url"))
        XCTAssertTrue(failure(Self.debian, file("\"https://example.org/a\"")).contains("{ url, sha256 }"))
    }

    func testWhatDoesNotChangeAManifestsMeaningDoesNotChangeItsHash() throws {
        let plain = try manifest(Self.debian).canonicalText
        for more in [
            "[init]", "[init]\ncommand = \"x\"", python("target = \"/a\"\nrequirements = [\"a\"]"),
            python("target = \"/a\"\nrequirements = [\"a\"]\ncompile = [0]"),
        ] {
            XCTAssertNotEqual(try manifest(Self.debian, more).canonicalText, plain, more)
        }
        XCTAssertEqual(
            try manifest(Self.debian, python("target = \"/a\"\nrequirements = [\"a\", \"b\"]")).canonicalText,
            try manifest(Self.debian, python("requirements = [\"b\", \"a\"]\ntarget = \"/a\"\ncompile = true"))
                .canonicalText)
        XCTAssertNotEqual(
            try manifest(Self.alpine).canonicalText, try manifest(Self.alpine + "\nkeys = [\"a.pub\"]").canonicalText)
    }

    /// The examples of PEP 503.
    func testNamesOfProjectsAreNormalized() {
        for name in [
            "friendly-bard", "Friendly-Bard", "FRIENDLY-BARD", "friendly.bard", "friendly_bard", "friendly--bard",
            "FrIeNdLy-._.-bArD",
        ] { XCTAssertEqual(PythonPackages.normalizedName(name), "friendly-bard") }
    }

    func testAnInitsCommandIsReadBackFromItsScript() throws {
        let commands = [
            "true", "echo 'it'\\''s' \"$HOME\"", "first\nsecond 'line'", "PATH='\nPATH=x", "'\nagent=x", "@AGENT@",
        ]
        for program in [.console, .agent] + commands.map({ InitProgram.command($0) }) {
            let script = InitScript(program)
            let text = String(decoding: try XCTUnwrap(script.bytes), as: UTF8.self)
            XCTAssertTrue(text.hasPrefix("#!/bin/sh\n"))
            XCTAssertEqual(InitScript(text: text), script)
        }
        XCTAssertNil(InitScript(text: "#!/bin/sh\ncommand=''\nPATH=/bin\n"))
    }

    /// A lock names its init by hash: what one was locked with must be had for as long as its recipe is built. A new init is
    /// a new script, and this list grows by its hash.
    func testEveryInitThatWasLockedIsStillHad() throws {
        XCTAssertEqual(
            InitScript.released.map { Digest.of($0).hex },
            [
                "1365095537e4eae125e05f21f50e966faac2b957c32c5debfecc2175a7394839",
                "1daf0357185715ec4b5e54221457436c81c53b4bce6260af43fd3b90ac89d5b9",
                "c54cd1f70b814e837128a23e355447e2b2c7f69bcfbbd8481c3d7669a30db1c3",
            ])
        // One of several: each lock gets its own.
        let (program, older) = (InitProgram.command("it's"), Array("older @COMMAND@\n".utf8))
        let locked = InitScript(program: program, sha256: .of(Array("older 'it'\\''s'\n".utf8)))
        XCTAssertEqual(locked.bytes(among: [older] + InitScript.released), Array("older 'it'\\''s'\n".utf8))
        XCTAssertEqual(
            InitScript(program).bytes(among: [older] + InitScript.released), InitScript(program).bytes)
        XCTAssertNil(locked.bytes)
        XCTAssertNil(Lockfile.File(locked).source)
    }

    private func lock(
        _ base: Lockfile.Base, files: [Lockfile.File] = [], python: Lockfile.Python? = nil
    ) -> Lockfile {
        func package(_ name: String) -> Lockfile.Package {
            Lockfile.Package(
                archive: "test", name: name, version: "1.0", architecture: "all",
                file: input("pool/\(name).deb", name.utf8.count, name), stage: 0)
        }
        return Lockfile(
            manifestSHA256: .of([UInt8]()), sourceDateEpoch: 1, name: "test", base: base,
            contents: Lockfile.Contents(files: files, python: python, image: ImageOptions()),
            archives: [
                Lockfile.Archive(
                    name: "test", suite: "test", components: ["main"], snapshot: "20260711T101637Z",
                    inRelease: input("dists/test/InRelease", 9, "release"),
                    keys: [String(repeating: "AB", count: 20)],
                    indexes: [input("main/binary-amd64/Packages.xz", 5, "index")])
            ], toolchain: (["squashfs-tools-ng", "python3"] + PythonPackages.tools).map(package))
    }

    /// An input whose hash is that of a word.
    private func input(_ path: String, _ size: Int, _ word: String) -> Lockfile.Input {
        Lockfile.Input(path: path, size: size, sha256: .of(Array(word.utf8)))
    }

    func testLocksOfEveryBaseAreReadBack() throws {
        let volume = lock(
            .empty,
            python: Lockfile.Python(
                packages: PythonPackages(target: "/", requirements: ["a==1"], levels: [0, 2]), interpreter: ["python3"],
                wheels: [
                    Lockfile.Wheel(
                        name: "a", version: "1!2.0rc1+local", file: input("a-2.0rc1-py3-none-any.whl", 4, "wheel"))
                ]))
        XCTAssertEqual(try Lockfile(text: volume.text, file: "x"), volume)
        let alpine = lock(
            .alpine(
                Lockfile.Alpine(
                    release: "3.20.3", minirootfs: input("v3.20/releases/x86_64/a.tar.gz", 1, "root"),
                    repositories: [
                        Lockfile.Repository(
                            name: "main", index: input("v3.20/main/x86_64/APKINDEX.tar.gz", 2, "i"),
                            key: input("a@b.rsa.pub", 3, "key"))
                    ], world: ["b"],
                    packages: [
                        Lockfile.AlpinePackage(
                            name: "b", version: "1.0_rc1-r3", repository: "main",
                            file: input("v3.20/main/x86_64/b-1.0_rc1-r3.apk", 5, "apk"))
                    ])), files: [Lockfile.File(InitScript(.command("it's\n\"x\"")))])
        XCTAssertEqual(try Lockfile(text: alpine.text, file: "x"), alpine)
        // An init that this rtverify doesn't have: the lock can be read all the same.
        let unknown = InitScript(program: .console, sha256: .of([UInt8]()))
        let foreign = lock(.tarball(input("root.tar", 1, "root")), files: [Lockfile.File(unknown)])
        XCTAssertEqual(try Lockfile(text: foreign.text, file: "x"), foreign)
        let tarball = lock(.tarball(input("https://example.org/root.tar.xz", 1, "root")))
        XCTAssertEqual(try Lockfile(text: tarball.text, file: "x"), tarball)

        func refused(_ text: String) -> String {
            do {
                _ = try Lockfile(text: text, file: "x.lock")
                return "accepted"
            } catch { return "\(error)" }
        }
        XCTAssertTrue(refused(volume.text.replacing("\"python3\"]", with: "\"python4\"]")).contains("python4"))
        XCTAssertTrue(
            refused(volume.text.replacing("python3-pip-whl", with: "python3-pop")).contains("lacks python3-pip-whl"))
        XCTAssertTrue(
            refused(volume.text.replacing("a-2.0rc1-py3-none-any.whl", with: "../a-1-py3-none-any.whl")).contains(
                "file"))
        XCTAssertTrue(
            refused(alpine.text.replacing("repository = \"main\"", with: "repository = \"edge\"")).contains("edge"))
        XCTAssertTrue(
            refused(alpine.text.replacing("system = \"alpine\"", with: "system = \"tarball\"")).contains(
                "Alpine packages"))
        XCTAssertTrue(refused(tarball.text.replacing("https://", with: "/")).contains("tarball"))
        for (table, words) in [("[[package]]", "Debian packages"), ("[apk]", "Alpine packages")] {
            XCTAssertTrue(refused(tarball.text + table + "\n").contains("a tarball base has no \(words)"), table)
        }
        XCTAssertTrue(
            refused(tarball.text.replacing("[base]", with: "[base]\nvariant = \"minbase\"")).contains("'variant'"))
    }
}

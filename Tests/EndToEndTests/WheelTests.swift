import Foundation
import XCTest

/// Wheels: resolved by pip under the target's interpreter, installed the same each time. The interpreter is Debian's, from
/// the real archive; the wheels are of our own making, and no index is asked.
final class WheelTests: XCTestCase {
    private func volume(_ bench: Workbench, requirements: String = "\"rtv_main\"") throws {
        try bench.write(
            """
            [runtime]
            name = "volume"
            [base]
            system = "empty"
            [python]
            target = "/"
            requirements = [\(requirements)]
            compile = [0, 1, 2]
            """, to: "runtime.toml")
    }

    private func made(_ arguments: [String] = []) throws -> Workbench {
        let bench = try Workbench()
        let script = "\(Workbench.sources)/Fixtures/make_wheels.py"
        let made = try bench.run(["python3", script, "\(bench.folder)/wheels"] + arguments)
        XCTAssertEqual(made.status, 0, made.errors)
        return bench
    }

    /// Only our own wheels.
    private func environment(_ bench: Workbench) -> [String: String] {
        ["PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "\(bench.folder)/wheels", "PIP_INDEX_URL": ""]
    }

    /// The objects of the first store that was filled, which others start from: Debian's packages, that is.
    nonisolated(unsafe) private static var filled: Workbench?

    override static func tearDown() {
        filled?.remove()
        filled = nil
    }

    private func lock(_ bench: Workbench, _ options: [String] = []) throws -> Workbench.Answer {
        if let filled = Self.filled, !bench.exists("store") {
            XCTAssertEqual(try bench.run(["cp", "-al", "\(filled.folder)/store", "store"]).status, 0)
        }
        defer {
            if Self.filled == nil, let first = try? Workbench(), bench.exists("store/objects") {
                _ = try? first.run(["sh", "-c", "mkdir store && cp -al '\(bench.folder)/store/objects' store"])
                Self.filled = first
            }
        }
        let answer = try bench.rtverify(
            ["lock", "runtime.toml", "-o", "volume.lock"] + options, environment: environment(bench))
        if answer.errors.contains("InRelease"), answer.errors.contains("could not be fetched") {
            throw XCTSkip("the Debian archive can't be reached: \(answer.errors)")
        }
        return answer
    }

    /// Names and versions of a lock's wheels.
    private func wheels(_ lock: String) -> [String] {
        lock.components(separatedBy: "\n[[").filter { $0.hasPrefix("wheel]]") }.map { block in
            block.split(separator: "\n").dropFirst().prefix(2).map { $0.split(separator: "\"")[1] }
                .joined(separator: " ")
        }
    }

    func testAVolumeOfWheelsIsTheSameForRootAndForAUser() throws {
        let bench = try made()
        defer { bench.remove() }
        try volume(bench)
        let locked = try lock(bench)
        XCTAssertEqual(locked.status, 0, locked.errors)
        let text = try bench.read("volume.lock")
        XCTAssertEqual(wheels(text), ["rtv-always 1.0", "rtv-main 1.0", "rtv-new 1.0"])
        XCTAssertFalse(text.contains("://") || text.contains(bench.folder), "the lock names where the wheels were")

        let built = try bench.rtverify([
            "build", "--lock", "volume.lock", "-o", "volume.squashfs", "--check", "--offline",
        ])
        XCTAssertEqual(built.status, 0, built.errors)
        if getuid() == 0 {
            XCTAssertEqual(try TestUser.imageHash(of: "volume.lock", bench), try bench.sha256("volume.squashfs"))
        }
        try checkContents(bench)
        try isRebuiltWithoutAnIndex(bench, locked.errors)
    }

    /// The index has dropped them: that is said, and a bundle has them.
    private func isRebuiltWithoutAnIndex(_ bench: Workbench, _ said: String) throws {
        XCTAssertTrue(said.contains("3 wheels of an index, which isn't signed and may drop them"), said)
        let exported = try bench.rtverify(["store", "export", "--lock", "volume.lock", "-o", "v.car", "--offline"])
        XCTAssertEqual(exported.status, 0, exported.errors)
        let first = try bench.sha256("volume.squashfs")
        XCTAssertEqual(
            try bench.run(["sh", "-c", "mv wheels gone && mkdir wheels && cp -al store lacking"]).status, 0)
        for wheel in try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder)/gone")
        where wheel.hasSuffix(".whl") {
            let sha256 = try bench.sha256("gone/\(wheel)")
            XCTAssertEqual(
                try bench.run(["rm", "-f", "lacking/objects/\(sha256.prefix(2))/\(sha256)"]).status, 0)
        }
        func build(_ options: [String]) throws -> Workbench.Answer {
            try bench.rtverify(
                ["build", "--lock", "volume.lock", "-o", "v.squashfs"] + options, store: "lacking",
                environment: environment(bench))
        }
        let gone = try build([])
        XCTAssertEqual(gone.status, 2, gone.errors)
        XCTAssertTrue(gone.errors.contains("3 wheels could not be fetched (rtv_always-1.0"), gone.errors)
        XCTAssertTrue(gone.errors.contains("The lock is intact"), gone.errors)
        let built = try build(["--mirror", "v.car"])
        XCTAssertEqual(built.status, 0, built.errors)
        XCTAssertEqual(try bench.sha256("v.squashfs"), first)
    }

    private func checkContents(_ bench: Workbench) throws {
        XCTAssertEqual(try bench.run(["unsquashfs", "-q", "-n", "-d", "tree", "volume.squashfs"]).status, 0)
        let names = try bench.run(["sh", "-c", "cd tree && find . -type f | LC_ALL=C sort"]).output
        XCTAssertFalse(names.contains("direct_url"), names)
        XCTAssertEqual(try bench.read("tree/rtv_main-1.0.dist-info/INSTALLER"), "rtverify\n")
        XCTAssertTrue(bench.exists("tree/rtv_main-1.0.dist-info/REQUESTED"))
        XCTAssertFalse(bench.exists("tree/rtv_always-1.0.dist-info/REQUESTED"))
        XCTAssertEqual(try bench.read("tree/share/rtv/data.txt"), "data\n")
        for script in ["rtv-main", "rtv-shell"] {
            XCTAssertTrue(try bench.read("tree/bin/\(script)").hasPrefix("#!/usr/bin/python3\n"), script)
            XCTAssertTrue(FileManager.default.isExecutableFile(atPath: "\(bench.folder)/tree/bin/\(script)"))
        }
        // Each file of a RECORD is there with that hash; byte code isn't in it, as pip leaves it out where it makes none.
        let check = """
            import base64, csv, glob, hashlib, sys
            for record in glob.glob("tree/*.dist-info/RECORD"):
                for path, hash, size in csv.reader(open(record)):
                    data = open("tree/" + path, "rb").read()
                    if hash:
                        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                        assert hash == "sha256=" + digest and int(size) == len(data), path
            for code in glob.glob("tree/**/*.pyc", recursive=True):
                # PEP 552: hash-based, and not checked against the source.
                assert open(code, "rb").read()[4:8] == bytes([1, 0, 0, 0]), code
            """
        let checked = try bench.run(["python3", "-c", check])
        XCTAssertEqual(checked.status, 0, checked.errors)
        for suffix in ["", ".opt-1", ".opt-2"] {
            XCTAssertTrue(bench.exists("tree/rtv_main/__pycache__/__init__.cpython-311\(suffix).pyc"), suffix)
            XCTAssertFalse(bench.exists("tree/rtv_main/__pycache__/broken.cpython-311\(suffix).pyc"))
        }
    }

    func testLocksOfWheelsAreUpdatedVerifiedAndCompared() throws {
        let bench = try made()
        defer { bench.remove() }
        try volume(bench)
        let locked = try lock(bench)
        XCTAssertEqual(locked.status, 0, locked.errors)
        let old = try bench.read("volume.lock")
        try bench.write(old, to: "old.lock")
        let again = try lock(bench)
        XCTAssertEqual(again.status, 0, again.errors)
        XCTAssertEqual(try bench.read("volume.lock"), old)
        let verified = try bench.rtverify(["lock", "verify", "volume.lock", "--offline"])
        XCTAssertEqual(verified.status, 0, verified.errors)
        XCTAssertTrue(verified.output.contains("3 wheels are what pip chooses"), verified.output)
        XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "volume.lock"]).status, 0)

        // Newer ones appear: only the one that is named moves.
        let script = "\(Workbench.sources)/Fixtures/make_wheels.py"
        for pin in ["rtv_always==1.1", "rtv_new==1.1"] {
            XCTAssertEqual(try bench.run(["python3", script, "\(bench.folder)/wheels", pin]).status, 0)
        }
        let updated = try bench.rtverify(
            ["lock", "update", "runtime.toml", "rtv-new", "-o", "volume.lock"], environment: environment(bench))
        XCTAssertEqual(updated.status, 0, updated.errors)
        XCTAssertTrue(updated.output.contains("upgraded wheel rtv-new 1.0 -> 1.1"), updated.output)
        XCTAssertEqual(
            wheels(try bench.read("volume.lock")), ["rtv-always 1.0", "rtv-main 1.0", "rtv-new 1.1"])
        let difference = try bench.rtverify(["lock", "diff", "old.lock", "volume.lock"])
        XCTAssertEqual(difference.status, 1)
        XCTAssertTrue(difference.output.contains("upgraded wheel rtv-new 1.0 -> 1.1"), difference.output)
        try volume(bench, requirements: "\"rtv_main\", \"rtv_old\"")
        XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "volume.lock"]).status, 1)

        // A lock that leaves out what another wheel needs isn't what pip chooses.
        let blocks = old.components(separatedBy: "\n[[wheel]]")
        try bench.write(
            blocks.filter { !$0.contains("\"rtv-always\"") }.joined(separator: "\n[[wheel]]"), to: "less.lock")
        let less = try bench.rtverify(["lock", "verify", "less.lock", "--offline"])
        XCTAssertEqual(less.status, 1, less.output)
        XCTAssertTrue(less.errors.contains("rtv"), less.errors)
    }

    func testOnlyTheLocksWheelsAreBuiltFrom() throws {
        let bench = try made()
        defer { bench.remove() }
        try volume(bench)
        let locked = try lock(bench)
        XCTAssertEqual(locked.status, 0, locked.errors)
        XCTAssertEqual(try bench.rtverify(["build", "--lock", "volume.lock", "-o", "a.squashfs"]).status, 0)
        // Another machine has the Debian packages and not the wheels.
        let hash = try bench.sha256("wheels/rtv_new-1.0-py3-none-any.whl")
        let object = "store/objects/\(hash.prefix(2))/\(hash)"
        XCTAssertEqual(try bench.run(["rm", "-f", object]).status, 0)
        let offline = try bench.rtverify(["build", "--lock", "volume.lock", "-o", "b.squashfs", "--offline"])
        XCTAssertEqual(offline.status, 2)
        XCTAssertTrue(offline.errors.contains("rtv_new-1.0-py3-none-any.whl"), offline.errors)
        let fetched = try bench.rtverify(
            ["build", "--lock", "volume.lock", "-o", "b.squashfs"], environment: environment(bench))
        XCTAssertEqual(fetched.status, 0, fetched.errors)
        XCTAssertEqual(try bench.sha256("a.squashfs"), try bench.sha256("b.squashfs"))
        // The same name with other bytes.
        XCTAssertEqual(try bench.run(["rm", "-f", object]).status, 0)
        let script = "\(Workbench.sources)/Fixtures/make_wheels.py"
        XCTAssertEqual(try bench.run(["rm", "wheels/rtv_new-1.0-py3-none-any.whl"]).status, 0)
        XCTAssertEqual(try bench.run(["python3", script, "other", "rtv_new==1.0"]).status, 0)
        XCTAssertEqual(
            try bench.run(["sh", "-c", "cp other/*.whl wheels/ && printf x >> wheels/rtv_new-1.0-py3-none-any.whl"])
                .status, 0)
        let wrong = try bench.rtverify(
            ["build", "--lock", "volume.lock", "-o", "c.squashfs"], environment: environment(bench))
        XCTAssertEqual(wrong.status, 2)
        XCTAssertTrue(wrong.errors.contains("hash") || wrong.errors.contains("HASH"), wrong.errors)
        XCTAssertFalse(bench.exists("c.squashfs"))
    }

    /// PyPI's names are one whatever their case and dots: PyYAML is pyyaml, Zope.Interface zope-interface.
    func testNamesOfWheelsAreNormalized() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let script = "\(Workbench.sources)/Fixtures/make_wheels.py"
        for pins in [["RtvYAML==1.0", "rtv.dotted_name==1.0"], ["RtvYAML==1.1", "rtv.dotted_name==1.1"]] {
            XCTAssertEqual(try bench.run(["python3", script, "\(bench.folder)/wheels"] + pins).status, 0)
            guard pins[0].hasSuffix("1.0") else { continue }
            try volume(bench, requirements: "\"rtvyaml\", \"RTV-Dotted.Name\"")
            let locked = try lock(bench)
            XCTAssertEqual(locked.status, 0, locked.errors)
        }
        for (name, expected) in [
            ("RTVyaml", ["rtv-dotted-name 1.0", "rtvyaml 1.1"]),
            ("rtv.dotted-name", ["rtv-dotted-name 1.1", "rtvyaml 1.1"]),
        ] {
            let updated = try bench.rtverify(
                ["lock", "update", "runtime.toml", name, "-o", "volume.lock"], environment: environment(bench))
            XCTAssertEqual(updated.status, 0, updated.errors)
            XCTAssertEqual(wheels(try bench.read("volume.lock")), expected)
        }
        XCTAssertEqual(try bench.rtverify(["lock", "verify", "volume.lock", "--offline"]).status, 0)
    }

    /// A wheel with one of its files replaced.
    private func spoil(_ bench: Workbench, _ file: String, _ text: String) throws {
        let script = """
            import subprocess, sys, zipfile
            subprocess.run([sys.executable, sys.argv[1], "wheels", "rtv_main==1.0"], check=True)
            path = "wheels/rtv_main-1.0-py3-none-any.whl"
            with zipfile.ZipFile(path) as old: files = {name: old.read(name) for name in old.namelist()}
            files[sys.argv[2]] = sys.argv[3].encode()
            with zipfile.ZipFile(path, "w") as new:
                for name, data in files.items(): new.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)
            """
        let made = try bench.run(
            ["python3", "-c", script, "\(Workbench.sources)/Fixtures/make_wheels.py", file, text])
        XCTAssertEqual(made.status, 0, made.errors)
    }

    /// What RECORD doesn't list, or spells otherwise, pip installs: so does a build, and says so. What can't be is named.
    func testAWheelIsInstalledAsPipDoesOrNamed() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        func build() throws -> Workbench.Answer {
            try volume(bench)
            let locked = try lock(bench)
            if locked.status != 0 { return locked }
            return try bench.rtverify(["build", "--lock", "volume.lock", "-o", "x.squashfs"])
        }
        try spoil(bench, "rtv_main-1.0.dist-info/RECORD", "./rtv_main/__init__.py,,\nrtv_main-1.0.dist-info/RECORD,,\n")
        let built = try build()
        XCTAssertEqual(built.status, 0, built.errors)
        XCTAssertTrue(
            built.errors.contains(
                "rtv_main-1.0-py3-none-any.whl: 3 files that its RECORD doesn't list, or spells otherwise, are installed as pip does: "
                    + "rtv_main/__init__.py, …"), built.errors)
        let record = try bench.run(["unsquashfs", "-cat", "x.squashfs", "rtv_main-1.0.dist-info/RECORD"]).output
        XCTAssertTrue(record.contains("rtv_main/__init__.py,sha256="), record)
        try spoil(bench, "rtv_main-1.0.datafolder/x", "x")
        expectOneLine("rtv_main-1.0-py3-none-any.whl: the wheel can't be installed", try build())
    }

    func testWheelsOfOnesOwnComeWithWhatTheyNeed() throws {
        let bench = try made()
        defer { bench.remove() }
        // It is on no index, and Python's own name for its project is another spelling.
        XCTAssertEqual(try bench.run(["sh", "-c", "mkdir dist && mv wheels/rtv_main-*.whl dist"]).status, 0)
        let name = "dist/rtv_main-1.0-py3-none-any.whl"
        func manifest(_ lines: String) throws {
            try volume(bench)
            try bench.write(
                try bench.read("runtime.toml").replacing("requirements = [\"rtv_main\"]", with: lines),
                to: "runtime.toml")
        }
        try manifest("wheels = [\"\(name)\"]")
        let locked = try lock(bench)
        XCTAssertEqual(locked.status, 0, locked.errors)
        let text = try bench.read("volume.lock")
        XCTAssertEqual(wheels(text), ["rtv-always 1.0", "rtv-main 1.0", "rtv-new 1.0"])
        XCTAssertTrue(text.contains("version = 5\n") && text.contains("wheels = [\"\(name)\"]"), text)
        XCTAssertEqual(try bench.rtverify(["lock", "verify", "volume.lock", "--offline"]).status, 0)
        XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "volume.lock"]).status, 0)
        let built = try bench.rtverify(["build", "--lock", "volume.lock", "-o", "volume.squashfs", "--offline"])
        XCTAssertEqual(built.status, 0, built.errors)
        try checkContents(bench)
        // It is taken from beside the manifest, and from nowhere else.
        let hash = try bench.sha256(name)
        XCTAssertEqual(try bench.run(["rm", "-f", "store/objects/\(hash.prefix(2))/\(hash)"]).status, 0)
        let build = ["build", "--lock", "volume.lock", "-o", "other.squashfs", "--offline"]
        XCTAssertEqual(try bench.rtverify(build).status, 0)
        XCTAssertEqual(try bench.sha256("other.squashfs"), try bench.sha256("volume.squashfs"))
        XCTAssertEqual(try bench.run(["rm", "-f", "store/objects/\(hash.prefix(2))/\(hash)"]).status, 0)
        try bench.write(try bench.read("runtime.toml"), to: name)
        expectOneLine("the lock's file '\(name)'", try bench.rtverify(build))
        XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "volume.lock"]).status, 1)

        try manifest("wheels = [\"dist/rtv_main.whl\"]")
        expectOneLine("'python.wheels' is 'dist/rtv_main.whl'", try lock(bench))
        try manifest("wheels = [\"dist/rtv_gone-1.0-py3-none-any.whl\"]")
        expectOneLine("cannot read", try lock(bench))
    }

    func testAFileOfRequirementsHasHashesThatAreCompared() throws {
        let bench = try made()
        defer { bench.remove() }
        func manifest(_ requirements: String) throws {
            try bench.write(requirements, to: "requirements.txt")
            try volume(bench)
            try bench.write(
                try bench.read("runtime.toml").replacing(
                    "requirements = [\"rtv_main\"]", with: "requirements-file = \"requirements.txt\""),
                to: "runtime.toml")
        }
        let always = try bench.sha256("wheels/rtv_always-1.0-py3-none-any.whl")
        let new = try bench.sha256("wheels/rtv_new-1.0-py3-none-any.whl")
        let zeros = String(repeating: "0", count: 64)
        try manifest(
            "# what is asked for\nrtv_always==1.0 \\\n    --hash=sha256:\(zeros) \\\n    --hash=sha256:\(always)\n\n"
                + "rtv-new == 1.0 ; python_version >= \"3\"  --hash=sha256:\(new)  # why\n")
        let locked = try lock(bench)
        XCTAssertEqual(locked.status, 0, locked.errors)
        let text = try bench.read("volume.lock")
        XCTAssertEqual(wheels(text), ["rtv-always 1.0", "rtv-new 1.0"])
        XCTAssertTrue(text.contains("\"rtv_always==1.0 --hash=sha256:\(zeros) --hash=sha256:\(always)\","), text)
        XCTAssertFalse(text.contains("requirements.txt"))
        XCTAssertEqual(try bench.rtverify(["lock", "verify", "volume.lock", "--offline"]).status, 0)
        XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "volume.lock"]).status, 0)
        let forged = text.replacing(always, with: zeros.replacing("0", with: "1"))
        try bench.write(
            forged.replacing("sha256 = \"\(zeros.replacing("0", with: "1"))", with: "sha256 = \"\(always)"),
            to: "forged.lock")
        XCTAssertNotEqual(try bench.rtverify(["lock", "verify", "forged.lock", "--offline"]).status, 0)
        XCTAssertEqual(
            try bench.rtverify(["build", "--lock", "volume.lock", "-o", "volume.squashfs", "--offline"]).status, 0)

        try manifest("rtv_always==1.0 --hash=sha256:\(zeros)\n")
        XCTAssertEqual(try bench.rtverify(["lock", "check", "runtime.toml", "-o", "volume.lock"]).status, 1)
        let other = try lock(bench)
        XCTAssertEqual(other.status, 2)
        XCTAssertTrue(other.errors.contains("HASHES"), other.errors)
        for (line, reason) in [
            ("a\n-r other.txt", "requirements.txt:2: '-r' is an option of pip's"),
            ("./a.whl", "requirements.txt:1: './a.whl' is no"),
            ("--index-url https://x.example", "is an option"),
            ("a==1 --hash=md5:00", "requirements.txt:1: 'a==1' is no"),
            ("a @ https://x.example/a.whl", "is no requirement"), ("a==${V}", "is no requirement"),
        ] {
            try manifest(line)
            expectOneLine(reason, try lock(bench))
        }
    }

    /// A base that brings its own Python: this host's, packed.
    func testWheelsAreInstalledOnATarballThatBringsAPython() throws {
        let bench = try made()
        defer { bench.remove() }
        let pack = """
            set -e
            mkdir -p root/usr/local/bin root/bin root/tmp root/proc root/dev
            python=$(/usr/bin/python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
            library=$(/usr/bin/python3 -c 'import os; print(os.path.dirname(os.__file__))')
            mkdir -p "root$library" && cp "$python" root/usr/local/bin/python3
            tar -C "$library" --exclude=test --exclude=dist-packages --exclude=__pycache__ --exclude=config-\\* -cf - . | tar -C "root$library" -xf -
            cp /bin/busybox root/bin/sh
            for file in "$python" "$library"/lib-dynload/*.so; do ldd "$file" 2>/dev/null; done | grep -o '/[^ ]*' | sort -u | while read -r path; do
                mkdir -p "root$(dirname "$path")" && cp -L "$path" "root$path"
            done
            tar -C root --sort=name --mtime=@1600000000 --owner=0 --group=0 -cf base.tar .
            """
        let packed = try bench.run(["sh", "-c", pack])
        XCTAssertEqual(packed.status, 0, packed.errors)
        try bench.write(
            """
            [runtime]
            name = "volume"
            [base]
            system = "tarball"
            source = "base.tar"
            [python]
            target = "/opt/libs"
            requirements = ["rtv_main"]
            [[step]]
            run = "PYTHONPATH=/opt/libs PYTHONDONTWRITEBYTECODE=1 /opt/libs/bin/rtv-main > /ran"
            """, to: "runtime.toml")
        let locked = try lock(bench)
        XCTAssertEqual(locked.status, 0, locked.errors)
        XCTAssertEqual(
            wheels(try bench.read("volume.lock")), ["rtv-always 1.0", "rtv-main 1.0", "rtv-new 1.0"])
        XCTAssertTrue(try bench.read("volume.lock").contains("version = 5\n"))
        XCTAssertEqual(try bench.rtverify(["lock", "verify", "volume.lock", "--offline"]).status, 0)
        let built = try bench.rtverify(["build", "--lock", "volume.lock", "-o", "x.squashfs", "--offline", "--check"])
        XCTAssertEqual(built.status, 0, built.errors)
        XCTAssertEqual(try bench.run(["unsquashfs", "-cat", "x.squashfs", "ran"]).output, "main runs\n")
        XCTAssertTrue(
            try bench.run(["unsquashfs", "-cat", "x.squashfs", "opt/libs/bin/rtv-main"]).output.hasPrefix(
                "#!/usr/local/bin/python3\n"))
        // Without one there is nothing to ask.
        XCTAssertEqual(
            try bench.run(["sh", "-c", "rm root/usr/local/bin/python3 && tar -C root -cf base.tar ."]).status, 0)
        expectOneLine("the base has no python3 that pip runs under", try lock(bench))
    }

    /// Undecided, and said in words of ours.
    private func expectOneLine(_ words: String, _ answer: Workbench.Answer, line: UInt = #line) {
        XCTAssertEqual(answer.status, 2, line: line)
        XCTAssertTrue(answer.errors.contains(words), answer.errors, line: line)
        XCTAssertFalse(answer.errors.contains("Traceback"), answer.errors, line: line)
    }

    /// Debian 12's pip doesn't run under Python 3.13.
    func testAPipOlderThanTheTargetsPythonIsSaidInOneLine() throws {
        let bench = try made()
        defer { bench.remove() }
        try bench.write(
            """
            [runtime]
            name = "volume"
            [base]
            system = "debian"
            release = "trixie"
            suites = ["trixie"]
            keys = ["04B54C3CDCA79751B16BC6B5225629DF75B188BD", "4D64FEC119C2029067D6E791F8D2585B8783D481"]
            variant = "essential"
            [packages]
            install = ["python3-minimal"]
            [toolchain]
            release = "bookworm"
            [python]
            target = "/opt/libs"
            requirements = ["rtv_main"]
            """, to: "runtime.toml")
        expectOneLine("doesn't run under the target's Python 3.13: set a newer release", try lock(bench))
    }

    func testARequirementWithoutAWheelIsNamed() throws {
        let bench = try made()
        defer { bench.remove() }
        try volume(bench, requirements: "\"rtv_main\", \"rtv_source==1.0\"")
        expectOneLine("there is no wheel of rtv_source==1.0", try lock(bench))
        XCTAssertFalse(bench.exists("volume.lock"))
    }

    func testMarkersAreTheTargetsNotTheHosts() throws {
        let bench = try made()
        defer { bench.remove() }
        try bench.write(
            """
            [runtime]
            name = "volume"
            [base]
            system = "debian"
            release = "bullseye"
            variant = "essential"
            [python]
            target = "/opt/libs"
            requirements = ["rtv_main"]
            """, to: "runtime.toml")
        let answer = try lock(bench)
        XCTAssertEqual(answer.status, 0, answer.errors)
        // Debian 11 has Python 3.9, whatever this host has.
        XCTAssertEqual(wheels(try bench.read("volume.lock")), ["rtv-always 1.0", "rtv-main 1.0", "rtv-old 1.0"])
    }
}

import Foundation
import XCTest

/// `rtverify compare`, `inspect` and `audit` on images of other people's tools, and on images that lie.
final class CompareTests: XCTestCase {
    private var bench: Workbench!

    override func setUpWithError() throws {
        try XCTSkipUnless(getuid() == 0, "making device nodes and capabilities takes root")
        bench = try Workbench()
        try shell("sh '\(Workbench.sources)/Fixtures/make_tree.sh' tree")
    }

    override func tearDown() { bench?.remove() }

    @discardableResult
    private func shell(_ script: String, line: UInt = #line) throws -> String {
        let answer = try bench.run(["bash", "-euc", script])
        XCTAssertEqual(answer.status, 0, "\(script): \(answer.output) \(answer.errors)", line: line)
        return answer.output
    }

    private func compare(_ a: String, _ b: String, _ more: [String] = []) throws -> Workbench.Answer {
        try bench.rtverify(["compare", a, b] + more)
    }

    private func differences(_ a: String, _ b: String, line: UInt = #line) throws -> [[String: Any]] {
        let answer = try compare(a, b, ["--json"])
        XCTAssertEqual(answer.status, 1, answer.output + answer.errors, line: line)
        let json = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
        XCTAssertEqual(json["identical"] as? Bool, false)
        return try XCTUnwrap(json["differences"] as? [[String: Any]])
    }

    private func pack(_ image: String, _ options: String = "-comp zstd", of tree: String = "tree", line: UInt = #line)
        throws
    {
        try shell("rm -f \(image); mksquashfs \(tree) \(image) -quiet -no-progress -xattrs \(options)", line: line)
    }

    func testOneTreeIsTheSameInEveryFormat() throws {
        try shell("tar --xattrs --xattrs-include='*' -C tree -cf tree.tar . && xz -k -0 tree.tar")
        for other in ["tree.tar", "tree.tar.xz"] { XCTAssertEqual(try compare("tree", other).status, 0, other) }
        var images: [String] = []
        for compression in ["gzip", "xz", "lz4", "zstd"] {
            try pack("\(compression).squashfs", "-comp \(compression)")
            images.append("\(compression).squashfs")
        }
        for (name, options) in [
            ("plain", "-noI -noD -noF -noX"), ("no-fragments", "-no-fragments"), ("small", "-b 4096"),
            ("always", "-always-use-fragments"), ("no-duplicates", "-no-duplicates"), ("padded", "-nopad"),
        ] {
            try pack("\(name).squashfs", options)
            images.append("\(name).squashfs")
        }
        try shell("gensquashfs -q -k -x -D tree gen.squashfs")
        for compression in ["gzip", "lzma", "xz", "lz4", "zstd"] {
            try shell("tar2sqfs -q -c \(compression) tar-\(compression).squashfs < tree.tar")
            images.append("tar-\(compression).squashfs")
        }
        for image in images {
            let answer = try compare(image, "tree")
            XCTAssertEqual(answer.status, 0, "\(image): \(answer.output) \(answer.errors)")
            XCTAssertTrue(answer.output.hasPrefix("identical"), answer.output)
        }
        XCTAssertEqual(try compare("gzip.squashfs", "gzip.squashfs").output.contains("the same bytes"), true)
        for compression in ["gzip", "lzma", "lz4", "zstd"] {
            try shell("gensquashfs -q -k -x -c \(compression) -D tree gen-\(compression).squashfs")
            let other = try differences("gen-\(compression).squashfs", "gen.squashfs")
            XCTAssertEqual(Set(other.map { $0["kind"] as? String }), ["packing"], "\(compression): \(other)")
        }
        // A socket, which an archive doesn't keep.
        try shell("cp -a tree s; python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('s/sock')\"")
        try pack("s.squashfs", of: "s")
        XCTAssertEqual(try compare("s", "s.squashfs").status, 0)
        XCTAssertEqual(
            try differences("s", "tree").filter { $0["path"] as? String == "/sock" }.map { $0["a"] as? String },
            ["a socket"])
        // gensquashfs loses hard links and the root's time when it packs a folder, which is said.
        XCTAssertEqual(
            try differences("gen.squashfs", "tree").map { "\($0["path"] ?? "") \($0["kind"] ?? "")" },
            ["/ time", "/usr/bin/large hard-links", "/usr/bin/linked hard-links"])
        // The one compression that libsquashfs doesn't read.
        try pack("lzo.squashfs", "-comp lzo")
        let unread = try compare("lzo.squashfs", "tree")
        XCTAssertEqual(unread.status, 2)
        XCTAssertTrue(unread.errors.contains("compression lzo"), unread.errors)
        // The same tree, packed otherwise: said, and told apart from another tree.
        for (image, part) in [
            ("zstd.squashfs", "compression"), ("small.squashfs", "block size"),
            ("no-fragments.squashfs", "flag: no fragments"),
        ] {
            let found = try differences("gzip.squashfs", image)
            XCTAssertEqual(Set(found.map { $0["kind"] as? String }), ["packing"], "\(found)")
            XCTAssertTrue(found.contains { $0["path"] as? String == part }, "\(found)")
        }
        try pack("later.squashfs", "-comp gzip -mkfs-time 5")
        XCTAssertTrue(
            try differences("gzip.squashfs", "later.squashfs").contains { $0["path"] as? String == "superblock time" })
    }

    func testAChangeOfOneFieldIsADifference() throws {
        try pack("a.squashfs")
        let stamp = "find other -exec touch -h -d @1000000000 {} +"
        let cases: [(change: String, path: String, kind: String, isSecurity: Bool)] = [
            ("echo new > other/new", "/new", "only-in-b", false),
            ("echo new > other/new; chmod 755 other/new", "/new", "only-in-b", true),
            ("rm other/empty-file", "/empty-file", "only-in-a", false),
            ("rm other/pipe; mkdir other/pipe", "/pipe", "type", true),
            ("chmod 644 other/usr/bin/program", "/usr/bin/program", "mode", false),
            ("chmod 755 other/usr/bin/setuid", "/usr/bin/setuid", "mode", true),
            ("chown 1000 other/empty-file", "/empty-file", "owner", true),
            ("ln -sfn /other other/bin", "/bin", "target", false),
            ("rm other/dev/disk; mknod other/dev/disk b 259 70001", "/dev/disk", "device", true),
            ("setcap cap_net_raw,cap_chown+ep other/usr/bin/capable", "/usr/bin/capable", "attributes", true),
            ("setfattr -n user.note -v other other/etc/motd", "/etc/motd", "attributes", false),
            (
                "rm other/usr/bin/linked; cp -p other/usr/bin/large other/usr/bin/linked", "/usr/bin/large",
                "hard-links",
                false
            ),
            ("echo changed > other/empty-file", "/empty-file", "content", false),
            ("printf X | dd of=other/usr/bin/large bs=1 seek=277777 conv=notrunc", "/usr/bin/large", "content", false),
            ("printf X | dd of=other/sparse bs=1 seek=2000000 conv=notrunc", "/sparse", "content", false),
        ]
        for (change, path, kind, isSecurity) in cases {
            try shell("rm -rf other; cp -a tree other; \(change); \(stamp)")
            try pack("b.squashfs", of: "other")
            for other in ["b.squashfs", "other"] {
                let found = try differences("a.squashfs", other)
                let matching = found.filter { $0["path"] as? String == path && $0["kind"] as? String == kind }
                XCTAssertEqual(matching.count, 1, "\(change): \(found)")
                XCTAssertEqual(matching.first?["security"] as? Bool, isSecurity, change)
                // Nothing else: the hard link's other name has the same content.
                XCTAssertLessThanOrEqual(found.count, 2, "\(change): \(found)")
            }
        }
        try shell("rm -rf other; cp -a tree other; touch -d @1000000060 other/etc/motd")
        XCTAssertEqual(try differences("a.squashfs", "other").map { $0["kind"] as? String }, ["time"])
        // An offset and a window say where binaries differ, a diff where texts do.
        try shell("rm -rf other; cp -a tree other; \(cases[13].change); echo bye >> other/etc/motd; \(stamp)")
        let text = try compare("a.squashfs", "other").output
        XCTAssertTrue(text.contains("number 277777"), text)
        XCTAssertTrue(text.contains("+bye"), text)
        XCTAssertTrue(text.contains("from byte 277773"), text)
    }

    func testCausesAndPackagesAreNamed() throws {
        let python =
            "import struct,sys; open(sys.argv[1],'wb').write(b'\\xa7\\r\\r\\n'+struct.pack('<III',0,int(sys.argv[2]),5)+b'code')"
        let cases: [(path: String, a: String, b: String, cause: String?)] = [
            ("etc/ssh/ssh_host_rsa_key", "echo one", "echo two", "ssh-host-key"),
            ("etc/machine-id", "echo 1", "echo 2", "machine-id"),
            ("var/log/dpkg.log", "echo 1", "echo 2", "log"),
            ("var/cache/ldconfig/aux-cache", "echo 1", "echo 2", "inode-cache"),
            ("etc/hostname", "echo host1", "echo host2", "host-configuration"),
            ("etc/shadow", "echo root:*:19000:0::", "echo root:*:19001:0::", "password-date"),
            (
                "x.gz", "echo a | (touch -d @5 f; cat > f; touch -d @5 f; gzip -c f)",
                "echo a > f; touch -d @99999 f; gzip -c f", "gzip-header"
            ),
            ("x.conf", "echo built 2024-01-02T03:04:05Z", "echo built 2025-01-02T03:04:06Z", "time-in-file"),
            (
                "y.conf", "echo id=123e4567-e89b-42d3-a456-426614174000",
                "echo id=00000000-e89b-42d3-a456-426614174000",
                "random-uuid"
            ),
            ("z.conf", "printf 'a\\nb\\n'", "printf 'b\\na\\n'", "file-order"),
            ("p.conf", "echo dir /build/one/src", "echo dir /build/two/src", "build-path"),
            ("h.conf", "echo 0123456789abcdef0123", "echo ffff456789abcdef0123", "random-number"),
            ("w.conf", "echo some words", "echo other words", nil),
            ("port.conf", "echo Port 22", "echo Port 2222", nil), ("host.conf", "echo 10.0.0.1", "echo 66.6.6.6", nil),
            ("day.conf", "echo Jan 2 2024 03:04:05", "echo Feb 3 2025 03:05:05", "time-in-file"),
        ]
        try shell("cp -a tree a; cp -a tree b")
        for (path, one, two, _) in cases {
            for (side, command) in [("a", one), ("b", two)] {
                try shell("mkdir -p $(dirname \(side)/\(path)); (\(command)) > \(side)/\(path)")
            }
        }
        try shell("for s in a b; do python3 -c \"\(python)\" $s/m.pyc $([ $s = a ] && echo 1 || echo 2); done")
        try shell(
            "echo x > a/etc/made; echo some words > b/etc/made; echo other >> b/usr/bin/program; chmod 750 b/usr/bin/program"
        )
        try shell(
            "setcap -r b/usr/bin/capable; chown 1000:1000 b/empty; find a b -exec touch -h -d @1000000000 {} +; rm -f f"
        )
        var found: [String: [String: Any]] = [:]
        for difference in try differences("a", "b") {
            found["\(difference["path"] ?? "") \(difference["kind"] ?? "")"] = difference
        }
        for (path, _, _, cause) in cases {
            let difference = try XCTUnwrap(found["/\(path) content"], "\(path): \(found.keys)")
            XCTAssertEqual(difference["cause"] as? String, cause, path)
        }
        XCTAssertEqual(found["/m.pyc content"]?["cause"] as? String, "python-byte-code-time")
        XCTAssertEqual(found["/usr/bin/program content"]?["package"] as? String, "tool")
        XCTAssertEqual(found["/usr/bin/program mode"]?["cause"] as? String, "umask")
        XCTAssertEqual(found["/usr/bin/capable attributes"]?["cause"] as? String, "lost-attributes")
        XCTAssertEqual(found["/empty owner"]?["cause"] as? String, "builder-owns")
        XCTAssertEqual(found["/etc/made content"]?["package"] as? String, "a script of tool")
        // Another version explains all of its package's differences.
        try shell("sed -i 's/1.0/1.1/' b/var/lib/dpkg/status; touch -d @1000000000 b/var/lib/dpkg/status")
        let again = try differences("a", "b")
        XCTAssertTrue(
            again.contains {
                $0["path"] as? String == "/usr/bin/program" && $0["cause"] as? String == "package-version"
            })
    }

    func testFilesThatAreNoTextsAreGivenToDiffoscope() throws {
        try XCTSkipIf(
            try bench.run(["sh", "-c", "command -v diffoscope"]).status != 0, "there is no diffoscope to ask")
        try shell("mkdir a b; (echo same; echo one) | gzip -n > a/f.gz; (echo same; echo two) | gzip -n > b/f.gz")
        let plain = try compare("a", "b")
        XCTAssertFalse(plain.output.contains("diffoscope says"), plain.output)
        let deep = try compare("a", "b", ["--deep", "--full"])
        XCTAssertEqual(deep.status, 1, deep.errors)
        XCTAssertTrue(deep.output.contains("diffoscope says"), deep.output)
        XCTAssertTrue(deep.output.contains("+two"), deep.output)
    }

    func testImagesThatLieAreAnswered() throws {
        let maker = "\(Workbench.sources)/Fixtures/make_squashfs.py"
        let kinds = [
            ("slash", "the directory table"), ("dots", "the directory table"), ("dot", "the directory table"),
            ("zero", "the directory table"), ("twice", "stands twice"), ("unsorted", "out of order"),
            ("loop", "in itself"), ("itself", "in itself"),
            ("two-parents", "two places"), ("deep", "nested deeper"),
            ("one-number-files", "have one number"), ("long-path", "more than 4096 bytes"), ("fragments", "fragment"),
            ("too-long", "the superblock"), ("huge-file", "the inode table"), ("wrong-block", "a data block"),
            ("no-ids", "the id table"), ("version", "version 4.0"), ("no-compressor", "the superblock"),
            ("attributes", "the attribute table"), ("root-outside", "the root's inode"),
        ]
        try shell("python3 '\(maker)' honest honest; mkdir empty")
        XCTAssertEqual(try bench.rtverify(["inspect", "honest"]).status, 0)
        for (kind, words) in kinds {
            try shell("python3 '\(maker)' \(kind) image")
            // Contents are read only where both sides have a file of that name.
            try shell("rm -rf side; mkdir side; printf x > side/a")
            let (answer, kibibytes) = try bench.measured(["compare", "image", "side"])
            XCTAssertEqual(answer.status, 2, "\(kind): \(answer.output) \(answer.errors)")
            XCTAssertTrue(answer.errors.contains(words), "\(kind): \(answer.errors)")
            XCTAssertTrue(answer.errors.contains("at byte") || ["version"].contains(kind), "\(kind): \(answer.errors)")
            XCTAssertLessThan(kibibytes, 256 << 10, kind)
        }
        try shell("python3 '\(maker)' many-inodes image")
        XCTAssertLessThan(try bench.measured(["inspect", "image"]).kibibytes, 256 << 10)
        for text in ["", "hsqs", "hsqs" + String(repeating: "x", count: 5000), "no image at all\n"] {
            try bench.write(text, to: "image")
            XCTAssertEqual(try compare("image", "tree").status, 2, text)
        }
        XCTAssertEqual(try compare("nothing", "tree").status, 2)
        XCTAssertEqual(try compare("honest", "/dev/null").status, 2)
    }

    /// Every byte of an image's tables flipped in turn, and every length cut: an answer each time, and no crash.
    func testDamagedImagesAreAnswered() throws {
        try pack("image", "-comp gzip -noD")
        let script = """
            import subprocess, sys, time
            data = open("image", "rb").read()
            tables = int.from_bytes(data[64:72], "little")
            places = list(range(0, 96, 3)) + list(range(tables, len(data), max(1, (len(data) - tables) // 60)))
            worst, statuses = 0, {}
            for number, place in enumerate(places + [-n for n in range(1, len(data), len(data) // 20)]):
                changed = data[:len(data) + place] if place < 0 else data[:place] + bytes([data[place] ^ (1 << number % 8)]) + data[place + 1:]
                open("changed", "wb").write(changed)
                begin = time.monotonic()
                answer = subprocess.run([sys.argv[1], "compare", "image", "changed"], capture_output=True, text=True)
                worst = max(worst, time.monotonic() - begin)
                statuses[answer.returncode] = statuses.get(answer.returncode, 0) + 1
                if answer.returncode not in (0, 1, 2) or "ended with" in answer.stderr:
                    print(place, answer.returncode, answer.stderr)
            print(sorted(statuses), worst < 5)
            """
        try bench.write(script, to: "damage.py")
        XCTAssertEqual(try shell("python3 damage.py '\(Workbench.program)'"), "[1, 2] True\n")
    }

    /// The fuzzer's corpus, as a plain test (scripts/fuzz image).
    func testTheCorpusIsAnswered() throws {
        let corpus = "\(Workbench.sources)/Fixtures/ImageCorpus"
        let names = try FileManager.default.contentsOfDirectory(atPath: corpus).sorted()
        XCTAssertGreaterThan(names.count, 10)
        for name in names {
            for other in ["honest", "mk-gzip"] {
                let answer = try compare("\(corpus)/\(name)", "\(corpus)/\(other)")
                XCTAssertTrue([0, 1, 2].contains(answer.status), "\(name): \(answer.status)")
                XCTAssertFalse(answer.errors.contains("ended with"), "\(name): \(answer.errors)")
            }
        }
    }

    func testLargeTreesStayInBounds() throws {
        try shell(
            """
            mkdir large && cd large && truncate -s 5G sparse && mkdir many && cd many
            seq 70000 | xargs touch
            find .. -exec touch -h -d @1000000000 {} +
            """)
        try pack("a.squashfs", of: "large")
        try shell("printf X | dd of=large/sparse bs=1 seek=5000000000 conv=notrunc; touch -d @1000000000 large/sparse")
        try pack("b.squashfs", of: "large")
        let (answer, kibibytes) = try bench.measured(["compare", "a.squashfs", "b.squashfs"])
        XCTAssertEqual(answer.status, 1, answer.errors)
        XCTAssertTrue(answer.output.contains("number 5000000000"), answer.output)
        XCTAssertLessThan(kibibytes, 256 << 10)
        XCTAssertEqual(try compare("b.squashfs", "large").status, 0)
    }

    func testThePageStandsAlone() throws {
        try shell("cp -a tree other; echo more >> other/etc/motd; echo '<b>&</b></script>' > 'other/<img src=x>'")
        try shell("chmod 4755 other/usr/bin/program; find other -exec touch -h -d @1000000000 {} +")
        XCTAssertEqual(try compare("tree", "other", ["--html", "page.html"]).status, 1)
        let page = try bench.read("page.html")
        for outside in ["http://", "https://", "src=\"", "href="] { XCTAssertFalse(page.contains(outside), outside) }
        try XCTSkipIf(
            try bench.run(["sh", "-c", "command -v chromium chromium-browser google-chrome"]).output.isEmpty,
            "there is no Chromium to open it with")
        let answer = try bench.run([
            "timeout", "120", "python3", "\(Workbench.sources)/Fixtures/browse.py", "page.html",
            "document.querySelectorAll('#list li').length",
            "document.querySelectorAll('img').length",
            "document.querySelectorAll('#map-a button').length > 0 && document.querySelectorAll('#map-b button').length > 0",
            "document.getElementById('filter').value = 'MOTD'; document.getElementById('filter').dispatchEvent(new Event('input'))",
            "[...document.querySelectorAll('#list li code:first-child')].map((one) => one.textContent)[0]",
            "document.querySelector('details').open",
            "document.querySelector('details summary').click(); document.querySelector('details').open",
            "document.querySelector('details pre').textContent.includes('+more') && document.querySelector('details pre').offsetHeight > 0",
            "document.getElementById('filter').value = ''; document.getElementById('security').click()",
            "document.getElementById('count').textContent", "screenshot=page.png",
        ])
        XCTAssertEqual(answer.status, 0, answer.errors)
        XCTAssertEqual(
            answer.output.split(separator: "\n").map(String.init),
            ["3", "0", "true", "true", "\"/etc/motd\"", "false", "true", "true", "null", "\"1 of 3\"", "[0, 0]"])
        let image = try XCTUnwrap(FileManager.default.contents(atPath: "\(bench.folder)/page.png"))
        XCTAssertTrue(image.starts(with: [0x89, 0x50, 0x4e, 0x47]))
        XCTAssertGreaterThan(image.count, 10_000)
    }

    func testInspectCountsWhatIsThere() throws {
        try pack("image", "-comp zstd -mkfs-time 1000000001")
        try shell("touch -d @1000000002 tree/etc/motd")
        let answer = try bench.rtverify(["inspect", "--json", "image"])
        let json = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
        let entries = try XCTUnwrap(json["entries"] as? [String: Int])
        XCTAssertEqual(
            String(entries.values.reduce(0, +)),
            try shell("find tree | wc -l").trimmingCharacters(in: .whitespacesAndNewlines))
        XCTAssertEqual(entries["device nodes"], 2)
        XCTAssertEqual((json["superblock"] as? [String: String])?["compression"], "zstd")
        let packages = try XCTUnwrap(json["packages"] as? [[String: Any]])
        XCTAssertTrue(packages.contains { $0["name"] as? String == "tool" })
        XCTAssertEqual(json["late_entry_count"] as? Int, 0)
        let folder = try bench.rtverify(["inspect", "--source-date-epoch", "1000000001", "tree"])
        XCTAssertTrue(folder.output.contains("/etc/motd"), folder.output)
    }

    func testAuditFindsWhatMustNotBePublished() throws {
        try shell("mkdir clean; mkdir -p clean/etc; echo x > clean/etc/motd; find clean -exec touch -h -d @5 {} +")
        XCTAssertEqual(try bench.rtverify(["audit", "clean"]).status, 0)
        try shell(
            """
            cp -a tree dirty && cd dirty && mkdir -p root home/u/.aws etc/apt var/lib/apt/lists open
            openssl genpkey -algorithm ed25519 > root/id.pem
            openssl genpkey -algorithm ed25519 > etc/ssh/ssh_host_ed25519_key
            echo 0123456789abcdef0123456789abcdef > etc/machine-id
            echo ls > root/.bash_history
            echo 'aws_secret_access_key = x' > home/u/.aws/credentials
            printf 'root:$6$salt$hash:19000:0:99999:7:::\\nopen::1::::::\\nok:*:1::::::\\n' > etc/shadow
            echo x > var/lib/apt/lists/host_dists_Release
            cp usr/bin/program usr/bin/own && chmod 4755 usr/bin/own
            chmod 777 open
            ln -s nowhere dangling; ln -s /proc/self/fd dev/fd
            echo 'nameserver 10.0.0.1' > etc/resolv.conf
            echo 'Acquire::http::Proxy "http://10.0.0.2:3128";' > etc/apt/apt.conf
            printf 'marks = ["-----BEGIN PRIVATE KEY-----"]\\n' > root/program.py
            """)
        let answer = try bench.rtverify(["audit", "--json", "--source-date-epoch", "1000000000", "dirty"])
        XCTAssertEqual(answer.status, 1, answer.errors)
        let json = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
        let findings = try XCTUnwrap(json["findings"] as? [[String: Any]])
        let found = Set(
            findings.map { "\($0["finding"] ?? "") \($0["path"] ?? "")" }.filter { !$0.hasPrefix("late-time") })
        XCTAssertEqual(
            found,
            [
                "private-key /root/id.pem", "private-key /etc/ssh/ssh_host_ed25519_key", "machine-id /etc/machine-id",
                "history /root/.bash_history", "credentials /home/u/.aws/credentials", "password-hash /etc/shadow",
                "package-cache /var/lib/apt/lists/host_dists_Release", "privileges /usr/bin/own",
                "privileges /usr/bin/capable", "world-writable /open", "dangling-link /dangling",
                "device-node /dev/disk", "builder-trace /etc/resolv.conf", "builder-trace /etc/apt/apt.conf",
            ])
        XCTAssertEqual(
            findings.filter { $0["path"] as? String == "/etc/shadow" && $0["finding"] as? String == "password-hash" }
                .count, 2)
        XCTAssertTrue(findings.contains { $0["finding"] as? String == "late-time" })
    }

    func testARuntimeMustStart() throws {
        try shell(
            """
            mkdir -p good/usr/sbin good/usr/bin good/lib64 good/dev good/proc good/run good/sys good/tmp good/etc/ssh
            cp /bin/true good/usr/bin/sh; ln -s usr/sbin good/sbin; ln -s usr/bin good/bin
            cp -L /lib64/ld-linux-x86-64.so.2 good/lib64/
            printf '#! /bin/sh -e\\nexec sh\\n' > good/usr/sbin/init; chmod 755 good/usr/sbin/init
            printf 'root:*:1::::::\\n' > good/etc/shadow
            cp /bin/true good/usr/sbin/sshd; echo 'PermitRootLogin prohibit-password' > good/etc/ssh/sshd_config
            find good -exec touch -h -d @1000000000 {} +
            """)
        func audit(_ change: String) throws -> (status: Int32, findings: Set<String>, output: String) {
            try shell("rm -rf tried; cp -a good tried; cd tried; \(change)")
            try pack("image", "-comp zstd -mkfs-time 2000000000", of: "tried")
            let answer = try bench.rtverify(["audit", "--runtime", "--json", "image"])
            let json = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
            let findings = try XCTUnwrap(json["findings"] as? [[String: Any]])
            return (
                answer.status, Set(findings.map { "\($0["finding"] ?? "") \($0["path"] ?? "")" }), answer.output
            )
        }
        let good = try audit("true")
        XCTAssertEqual(good.status, 0, good.output)
        XCTAssertTrue(good.output.contains("PermitRootLogin prohibit-password"), good.output)
        for (change, finding) in [
            ("rm usr/sbin/init", "init /sbin/init"), ("chmod 644 usr/sbin/init", "init /sbin/init"),
            ("rm usr/bin/sh", "init /sbin/init"), ("rm -r lib64", "init /sbin/init"),
            ("rm usr/sbin/init; mkdir usr/sbin/init", "init /sbin/init"),
            ("ln -sf nowhere usr/sbin/init", "init /sbin/init"), ("rmdir sys", "mount-point /sys"),
            ("printf '\\xb7' | dd of=usr/bin/sh bs=1 seek=18 conv=notrunc", "foreign-program /usr/bin/sh"),
            ("printf 'root::1::::::\\n' > etc/shadow", "root-login /etc/shadow"),
            (
                "printf 'root:$6$a$b:1::::::\\n' > etc/shadow; echo 'PermitRootLogin yes' > etc/ssh/sshd_config",
                "root-login /etc/ssh/sshd_config"
            ),
        ] {
            let tried = try audit(change)
            XCTAssertEqual(tried.status, 1, change)
            XCTAssertTrue(tried.findings.contains(finding), "\(change): \(tried.findings)")
        }
        try shell("truncate -s +1 image")
        XCTAssertTrue(try bench.rtverify(["audit", "--runtime", "image"]).output.contains("no multiple of 512"))
        XCTAssertTrue(try bench.rtverify(["audit", "--runtime", "good"]).output.contains("no squashfs image"))
    }

    func testWhatImagesHideIsSeen() throws {
        // A superblock that denies the attributes which the kernel shows all the same.
        try pack("a.squashfs")
        try shell("printf '\\x02' > bit; cp a.squashfs b.squashfs")
        try shell(
            "python3 -c \"d = bytearray(open('a.squashfs', 'rb').read()); d[25] |= 2; open('b.squashfs', 'wb').write(d)\""
        )
        let hidden = try differences("a.squashfs", "b.squashfs")
        XCTAssertEqual(Set(hidden.map { $0["kind"] as? String }), ["packing"], "\(hidden)")
        XCTAssertTrue(try bench.rtverify(["audit", "b.squashfs"]).output.contains("/usr/bin/capable"))
        // Sparse files of two sizes, in images and beside folders.
        try shell("mkdir x y; truncate -s 10485760 x/f; truncate -s 10485759 y/f; touch -d @5 x/f y/f x y")
        for (tree, image) in [("x", "x.squashfs"), ("y", "y.squashfs")] { try pack(image, of: tree) }
        for (a, b) in [("x.squashfs", "y.squashfs"), ("x", "y.squashfs"), ("x", "y")] {
            XCTAssertEqual(try differences(a, b).map { $0["kind"] as? String }, ["content"], "\(a) \(b)")
        }
        for kind in ["gzip", "zstd"] {
            try shell("python3 '\(Workbench.sources)/Fixtures/make_squashfs.py' sparse-\(kind) \(kind).squashfs")
        }
        let answer = try bench.measured(["compare", "gzip.squashfs", "zstd.squashfs"]).answer
        XCTAssertEqual(answer.status, 1, answer.errors)
        XCTAssertTrue(answer.output.contains("packed differently"), answer.output)
    }

    func testTarsSayTheSameAsTheirFolders() throws {
        try shell(
            """
            mkdir t; echo x > t/acl; chmod 640 t/acl; setfacl -m u:1234:rwx,g:99:r,m::rx t/acl
            mkdir t/d; setfacl -d -m u:7:rx t/d; echo y > t/old; touch -d '1969-12-31 23:59:58.5 UTC' t/old
            mkfifo t/pipe; ln t/old t/older
            tar --format=pax --acls --xattrs -C t -cf t.tar .
            """)
        let answer = try compare("t", "t.tar")
        XCTAssertEqual(answer.status, 0, answer.output + answer.errors)
        try shell("setfacl -m u:1234:r t/acl")
        XCTAssertEqual(Set(try differences("t", "t.tar").map { $0["kind"] as? String }), ["attributes", "mode"])
        // Contents far larger than the archive are not laid down.
        try shell("mkdir big; head -c 1200M /dev/zero > big/f; tar -C big -cf - . | xz -0 -T2 > big.tar.xz; rm -r big")
        let bomb = try compare("t", "big.tar.xz")
        XCTAssertEqual(bomb.status, 2)
        XCTAssertTrue(bomb.errors.contains("far larger"), bomb.errors)
    }

    func testSmallThingsThatTakeLongDoNot() throws {
        // Links that lead through one another, a file of many names, texts that differ in every line.
        try shell(
            """
            mkdir maze; for n in $(seq 29); do ln -s l$((n-1))/../l$((n-1)) maze/l$n; done; ln -s . maze/l0
            mkdir a b; echo x > a/0; for n in $(seq 3000); do ln a/0 a/$n; done; cp -r a b/c; mv a b2; mv b2 a; cp -r --preserve=mode a b3
            mkdir p q; for n in $(seq 50); do seq 1900 > p/$n; seq 3000 4899 > q/$n; done
            """)
        for (command, status) in [
            (["audit", "maze"], Int32(1)), (["compare", "a", "b3"], 1), (["compare", "p", "q"], 1),
        ] {
            let (answer, kibibytes) = try bench.measured(command)
            XCTAssertEqual(answer.status, status, "\(command): \(answer.errors)")
            XCTAssertLessThan(kibibytes, 256 << 10, "\(command)")
        }
    }

    func testKeysAreFoundInWhateverHoldsThem() throws {
        try shell(
            """
            mkdir -p k/root k/etc; openssl genpkey -algorithm ed25519 > key; head -c 3000 /dev/zero | tr '\\0' A > pad
            python3 -c "import json; print(json.dumps({'private_key': open('key').read()}))" > k/root/service.json
            (echo 'key: |'; sed 's/^/    /' key) > k/root/config.yaml
            echo 'root:$6$a$b:1::::::' > k/etc/shadow-; echo 'u::1000:1000::/:/bin/sh' > k/etc/passwd
            printf 'nameserver \\033[2J10.0.0.1\\n' > k/etc/resolv.conf
            printf 'if line == "-----BEGIN PRIVATE KEY-----":\\n    read()\\n' > k/root/reader.py
            """)
        let answer = try bench.rtverify(["audit", "--json", "k"])
        let json = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
        let findings = try XCTUnwrap(json["findings"] as? [[String: Any]])
        XCTAssertEqual(
            Set(findings.map { "\($0["finding"] ?? "") \($0["path"] ?? "")" }),
            [
                "private-key /root/service.json", "private-key /root/config.yaml", "password-hash /etc/shadow-",
                "password-hash /etc/passwd", "builder-trace /etc/resolv.conf",
            ])
        XCTAssertFalse(try bench.rtverify(["audit", "k"]).output.contains("\u{1b}"))
    }

    func testATarsImpliedFoldersAreNoDifferences() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let made = try bench.run([
            "sh", "-c",
            """
            mkdir -p tree/a/b tree/var/lib/dpkg/status.d && echo x > tree/a/b/c && touch -d @1000000000 tree/a/b/c
            printf 'Package: base-files\\nVersion: 12\\n' > tree/var/lib/dpkg/status.d/base
            printf '0  a/b/c\\n' > tree/var/lib/dpkg/status.d/base.md5sums
            touch -d @1000000000 tree/var/lib/dpkg/status.d/*
            chmod 0700 tree/a && cd tree && tar cf ../files.tar --no-recursion $(find . -type f)
            """,
        ])
        XCTAssertEqual(made.status, 0, made.errors)
        let same = try bench.rtverify(["compare", "files.tar", "tree"])
        XCTAssertEqual(same.status, 0, same.output)
        let again = try bench.rtverify(["compare", "tree", "files.tar"])
        XCTAssertEqual(again.status, 0, again.output)
        XCTAssertEqual(try bench.run(["sh", "-c", "echo y > tree/a/b/c"]).status, 0)
        let different = try bench.rtverify(["compare", "files.tar", "tree", "--json"])
        XCTAssertEqual(different.status, 1)
        XCTAssertFalse(different.output.contains("\"/a\""), different.output)
        // Distroless's records say whose it is.
        XCTAssertTrue(different.output.contains("\"base\""), different.output)
    }
}

import Foundation
import XCTest

/// The runtimes of Aleph's guide, from the real archives: each is built to its golden image as root and as a user, passes
/// its audit, does in a chroot what it is for, and boots.
final class RuntimeTests: XCTestCase {
    /// Builds a committed lock and compares it with its golden file, as root and, where root can make one, mostly as a user.
    private func built(_ name: String, auditing options: [String] = ["--runtime"]) throws -> Workbench {
        let bench = try Workbench()
        let (lock, golden) = (
            "\(Workbench.checkout)/lockfiles/\(name).lock", "\(Workbench.checkout)/golden/\(name).json"
        )
        let built = try bench.rtverify(
            ["build", "--lock", lock, "-o", "image.squashfs", "--golden", golden] + SharedMirrors.options)
        if built.status == 2,
            ["could not be fetched", "pip's download of wheels failed"].contains(where: built.errors.contains)
        {
            bench.remove()
            throw XCTSkip("the locked inputs can't be fetched here: the golden image was not compared: \(built.errors)")
        }
        XCTAssertEqual(built.status, 0, built.errors)
        // More builds of a large one take minutes: scripts/goldens makes them all.
        let isWhole = ProcessInfo.processInfo.environment["RTVERIFY_ALL_GOLDENS"] != nil
        let isThorough = isWhole || !["aleph-debian-13-python", "aleph-debian-11-python-node"].contains(name)
        if isThorough { try isTheSameOfAKeptTree(bench, lock) }
        if getuid() == 0, isThorough {
            let user = try TestUser(bench)
            defer { user.remove() }
            let copied = try bench.run(["cp", lock, golden, "."])
            XCTAssertEqual(copied.status, 0, copied.errors)
            let answer = try user.run(
                "'\(bench.folder)/program' build --no-cache --lock '\(bench.folder)/\(name).lock' -o user.squashfs --offline --jobs 1 "
                    + "--golden '\(bench.folder)/\(name).json' --store '\(bench.folder)/user-store'", copying: "store")
            XCTAssertEqual(answer.status, 0, answer.errors)
            XCTAssertEqual(try bench.run(["rm", "-rf", "user-store"]).status, 0)
        }
        let audit = try bench.rtverify(["audit", "image.squashfs", "--lock", lock] + options)
        XCTAssertEqual(audit.status, 0, audit.output)
        return bench
    }

    /// With trees of an earlier build, once to keep them and once to take them, it is the same image.
    private func isTheSameOfAKeptTree(_ bench: Workbench, _ lock: String) throws {
        let system = try String(contentsOfFile: lock, encoding: .utf8).contains("system = \"empty\"") ? 0 : 1
        for takes in [0, system] {
            let answer = try bench.rtverify(
                ["build", "--lock", lock, "-o", "again.squashfs", "--offline"], caching: true)
            XCTAssertEqual(answer.status, 0, answer.errors)
            XCTAssertEqual(answer.errors.contains("take the tree of an earlier build"), takes == 1, answer.errors)
            XCTAssertEqual(try bench.run(["cmp", "again.squashfs", "image.squashfs"]).status, 0, answer.errors)
        }
        XCTAssertEqual(try bench.run(["rm", "-rf", "cache", "again.squashfs"]).status, 0)
    }

    /// What it is for: programs run on it, and what looks at it says so.
    private func answers(_ bench: Workbench, memory: Int) throws -> ProgramRuns {
        let inspected = try bench.rtverify(["inspect", "image.squashfs"])
        XCTAssertTrue(inspected.output.contains("answered by rtverify's agent (sha256 "), inspected.output)
        let audited = try bench.rtverify(["audit", "--runtime", "image.squashfs"])
        XCTAssertTrue(audited.output.contains("answered by rtverify's agent"), audited.output)
        return ProgramRuns(bench: bench, memory: memory)
    }

    /// Runs a script in a chroot into the image, over which a layer in memory takes what is written: `$upper` holds it.
    private func inside(_ bench: Workbench, _ script: String) throws -> Workbench.Answer {
        guard getuid() == 0 else { throw XCTSkip("only root can mount the image") }
        let mounts = """
            set -e
            mkdir -p lower layer && mount -t squashfs -o loop,ro image.squashfs lower
            mount -t tmpfs tmpfs layer && mkdir layer/upper layer/work layer/root
            mount -t overlay -o lowerdir=lower,upperdir=layer/upper,workdir=layer/work overlay layer/root
            mount -t proc proc layer/root/proc && mount --bind /dev layer/root/dev
            upper=layer/upper
            inside() { env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
                chroot layer/root "$@"; }
            """
        // In mounts of its own, which end with it.
        return try bench.run(["unshare", "--mount", "sh", "-c", mounts + "\n" + script])
    }

    func testTheDebian12RuntimeIsWhatItPromises() throws {
        let bench = try built("aleph-debian-12-python")
        defer { bench.remove() }
        let answer = try inside(
            bench,
            """
            inside dpkg --audit
            inside sh -c 'mkdir -p /run/sshd && ssh-keygen -A >/dev/null && sshd -T' | grep -E \
                '^(permitrootlogin|passwordauthentication|kbdinteractiveauthentication) '
            inside locale -a | grep -c en_US.utf8
            inside node --version | cut -d. -f1
            inside npm --version >/dev/null
            inside cat /etc/securetty
            test -d lower/overlay
            test -x lower/sbin/init
            test ! -e lower/usr/share/doc/bash
            inside env PYTHONPATH=/opt/aleph/libs python3 -OO -c '
            import aleph.sdk.client, aleph_message, fastapi, google.protobuf, importlib.metadata as m
            import sys
            assert sys.version_info[:2] == (3, 11)
            print(*(m.version(n) for n in ("aleph-sdk-python", "protobuf")))
            assert all(i.__file__.startswith("/opt/aleph/libs") for i in (aleph.sdk.client, fastapi, google.protobuf))'
            # What Python did not find, or did not believe, it has written now: of the standard library, which is compiled
            # at level 0 only, there is some; of our packages, nothing.
            find $upper -name '*.opt-2.pyc' -path '*/usr/lib/python3.11/*' | head -1 | grep -c opt-2
            find $upper -name '*.pyc' -path '*/opt/aleph/*'
            inside env PYTHONPATH=/opt/aleph/libs python3 -c 'import aleph.sdk.client'
            find $upper -name '*.pyc' -path '*/opt/aleph/*'
            inside env PYTHONPATH=/opt/aleph/libs python3 -c '
            import importlib.metadata as m, packaging.requirements as r, sys
            # pip check, for what /opt/aleph/libs holds.
            own = [d for d in m.distributions(path=["/opt/aleph/libs"])]
            versions = {d.metadata["Name"].lower().replace("_", "-").replace(".", "-"): d.version for d in own}
            for d in own:
                for line in d.requires or []:
                    q = r.Requirement(line)
                    if q.marker and not q.marker.evaluate({"extra": ""}): continue
                    name = q.name.lower().replace("_", "-").replace(".", "-")
                    assert name in versions, (d.metadata["Name"], line)
                    assert q.specifier.contains(versions[name], prereleases=True), (d.metadata["Name"], line)
            print("consistent", len(own) > 50)'
            """)
        XCTAssertEqual(answer.status, 0, answer.errors + answer.output)
        XCTAssertEqual(
            answer.output.split(separator: "\n").map(String.init),
            [
                "permitrootlogin without-password", "passwordauthentication no", "kbdinteractiveauthentication no", "1",
                "v18", "ttyS0", "2.0.5 6.33.0", "1", "consistent True",
            ], answer.output + answer.errors)
        let runs = try answers(bench, memory: 1024)
        try runs.fastAPI()
        XCTAssertEqual(try runs.documented("aleph-debian-12-python"), 2)
        try runs.events()
        try leadsBack(bench, "aleph-debian-12-python")
    }

    /// Its toolchain is its own release's; its agent's compiler is Debian 12's.
    func testTheDebian13RuntimeIsWhatItPromises() throws {
        let bench = try built("aleph-debian-13-python")
        defer { bench.remove() }
        let answer = try inside(
            bench,
            """
            inside dpkg --audit
            inside locale -a | grep -c en_US.utf8
            inside node --version | cut -d. -f1
            inside env PYTHONPATH=/opt/aleph/libs python3 -OO -c '
            import aleph.sdk.client, fastapi, google.protobuf, importlib.metadata as m, sys
            assert sys.version_info[:2] == (3, 13)
            print(*(m.version(n) for n in ("aleph-sdk-python", "protobuf")))
            assert all(i.__file__.startswith("/opt/aleph/libs") for i in (aleph.sdk.client, fastapi, google.protobuf))'
            find $upper -name '*.pyc' -path '*/opt/aleph/*'
            cut -d/ -f7 layer/root/etc/apt/sources.list | cut -d' ' -f2
            """)
        XCTAssertEqual(answer.status, 0, answer.errors + answer.output)
        XCTAssertEqual(
            answer.output.split(separator: "\n").map(String.init),
            ["1", "v20", "2.0.5 6.33.0", "trixie", "trixie-security", "trixie-updates"], answer.output + answer.errors)
        try answers(bench, memory: 1024).fastAPI(isWhole: false)
    }

    /// From the image alone to its lock: all packages, wheels and the init. Where a suite has moved on and the snapshot
    /// archive can't be reached, the draft says so, and differs in that suite's state and in what has left it.
    private func leadsBack(_ bench: Workbench, _ name: String) throws {
        let lock = "\(Workbench.checkout)/lockfiles/\(name).lock"
        let draft = try bench.rtverify(
            ["lock", "draft", "image.squashfs", "-o", "draft.lock"] + SharedMirrors.options)
        let moved = draft.errors.matches(of: #/no state of (\S+) at/#).map { String($0.1) }
        let missing = draft.output.split(separator: "\n").filter { $0.hasPrefix("found nowhere: ") }
        let packages = missing.filter { !$0.hasSuffix(" (a wheel)") }.map { $0.split(separator: " ")[2] }
        if draft.status == 1, !packages.isEmpty {
            let text = try String(contentsOfFile: lock, encoding: .utf8)
            let entries = text.components(separatedBy: "\n[[package]]\n")
            let movable = entries.filter { entry in moved.contains { entry.contains("\narchive = \"\($0)\"\n") } }
            for name in packages {
                XCTAssertTrue(movable.contains { $0.hasPrefix("name = \"\(name)\"\n") }, "\(name)\n\(draft.errors)")
            }
            throw XCTSkip("locked versions have left the mirrors: the draft could not find them: \(draft.output)")
        }
        XCTAssertEqual(draft.status, 0, draft.errors + draft.output)
        let found = try bench.lockDifference(lock, "draft.lock")
        // What leaves no name in an image, the recipe too: a draft takes the newest. A requirement leaves the version that it led
        // to, and a package that another one needs as well leaves no trace of having been asked for.
        let gone =
            ["name", "recipe", "manifest-sha256", "install", "steps", "prune", "allow", "files", "python requirements"]
            + moved.map { "archive \($0)" }
        XCTAssertEqual(found.others.filter { line in !gone.contains { line.hasPrefix("\($0):") } }, [])
        // The packer is of the state, not of the image.
        let others = found.packages.filter { moved.isEmpty || $0.list != "toolchain" }
        XCTAssertEqual(others.map(\.name), [])
    }

    func testTheDebian11RuntimeHasPython39AndNode14() throws {
        let bench = try built("aleph-debian-11-python-node")
        defer { bench.remove() }
        let answer = try inside(
            bench,
            """
            inside sh -c 'mkdir -p /run/sshd && ssh-keygen -A >/dev/null && sshd -T' | \
                grep -E '^(permitrootlogin|passwordauthentication) '
            inside locale -a | grep -c en_US.utf8
            inside cat /etc/securetty
            test -d lower/overlay
            test -e lower/etc/inittab
            test ! -e lower/usr/share/doc/bash
            inside python3 --version | cut -d. -f1,2
            inside node --version | cut -d. -f1
            inside npm --version | cut -d. -f1
            inside sh -c 'cd /tmp && mkdir p && cd p && echo "{\\"name\\":\\"p\\",\\"version\\":\\"1.0.0\\"}" > package.json && npm pack --silent'
            inside npx --version >/dev/null
            inside dpkg --audit
            inside python3 -OO -c '
            import aleph.sdk, fastapi, importlib.metadata as m
            print(m.version("aleph-sdk-python"), m.version("fastapi").rsplit(".", 1)[0])'
            find $upper -name '*.pyc' -path '*/usr/local/lib/python3.9/*'
            inside python3 -m pip check
            """)
        XCTAssertEqual(answer.status, 0, answer.errors + answer.output)
        XCTAssertEqual(
            answer.output.split(separator: "\n").map(String.init),
            [
                "permitrootlogin without-password", "passwordauthentication no", "1", "ttyS0", "Python 3.9", "v14", "6",
                "p-1.0.0.tgz", "0.7.0 0.103", "No broken requirements found.",
            ],
            answer.output + answer.errors)
        try answers(bench, memory: 1024).fastAPI(isWhole: false)
    }

    func testTheAlpineRuntimeRunsBinariesAndBoots() throws {
        let bench = try built("alpine-minimal")
        defer { bench.remove() }
        try bench.write("int puts(const char *);\nint main(void) { return puts(\"hello\") < 0; }\n", to: "hello.c")
        let answer = try inside(
            bench,
            """
            gcc -static -o layer/root/usr/bin/hello-static hello.c && inside hello-static
            musl-gcc -o layer/root/usr/bin/hello-musl hello.c && inside hello-musl
            inside apk info -e musl
            inside apk audit --system
            """)
        XCTAssertEqual(answer.status, 0, answer.errors + answer.output)
        XCTAssertEqual(answer.output, "hello\nhello\nmusl\n")
        try agentIsLocked(bench)
        let runs = try answers(bench, memory: 256)
        try runs.executables()
        XCTAssertEqual(try runs.documented("alpine-minimal"), 1)
    }

    /// What the lock says of the agent follows from its archives and this program; and the former lock, upgraded, is this one.
    private func agentIsLocked(_ bench: Workbench) throws {
        let name = "alpine-minimal"
        let lock = try String(contentsOfFile: "\(Workbench.checkout)/lockfiles/\(name).lock", encoding: .utf8)
        let parts = lock.components(separatedBy: "[[agent]]\n")
        XCTAssertGreaterThan(parts.count, 20)
        func verify(_ text: String) throws -> Workbench.Answer {
            try bench.write(text, to: "agent.lock")
            return try bench.rtverify(["lock", "verify", "agent.lock", "--fetch"] + SharedMirrors.options)
        }
        let right = try verify(lock)
        XCTAssertEqual(right.status, 0, right.errors)
        let source = try XCTUnwrap(parts[1].firstMatch(of: #/sha256 = "([0-9a-f]{64})"/#)).1
        let other = try verify(lock.replacing(source, with: String(repeating: "0", count: 64)))
        XCTAssertEqual(other.status, 1, other.errors)
        XCTAssertTrue(other.errors.contains("agent.c is no source of an agent of rtverify's"), other.errors)
        let foreign = try verify(
            lock.replacing("version = \"0.9.27+git20200814.62c30a4a-1\"", with: "version = \"0.9.27\""))
        XCTAssertEqual(foreign.status, 1, foreign.errors)
        XCTAssertTrue(foreign.errors.contains("compiler tcc 0.9.27"), foreign.errors)
        let manifest = "\(Workbench.checkout)/runtimes/\(name)/runtime.toml"
        let former = "\(Workbench.sources)/Fixtures/format-2/lockfiles/\(name).lock"
        XCTAssertEqual(try bench.run(["cp", former, "upgraded.lock"]).status, 0)
        let upgraded = try bench.rtverify(["lock", "upgrade", "-o", "upgraded.lock", manifest] + SharedMirrors.options)
        XCTAssertEqual(upgraded.status, 0, upgraded.errors)
        XCTAssertEqual(try bench.read("upgraded.lock"), lock)
        // An agent that is locked doesn't move.
        let first = "\(Workbench.sources)/Fixtures/agent-1/lockfiles/\(name).lock"
        XCTAssertEqual(try bench.run(["cp", first, "first.lock"]).status, 0)
        let kept = try bench.rtverify(["lock", "upgrade", "-o", "first.lock", manifest] + SharedMirrors.options)
        XCTAssertEqual(kept.status, 0, kept.errors)
        XCTAssertEqual(try bench.run(["cmp", "first.lock", first]).status, 0)
    }

    func testTheVolumeIsImportedFromWhereItIsMounted() throws {
        let bench = try built("example-python-volume", auditing: [])
        defer { bench.remove() }
        guard getuid() == 0 else { throw XCTSkip("only root can mount the image") }
        // Any Python imports what is pure; the volume's own is Debian 12's.
        let script = """
            mkdir -p packages && mount -t squashfs -o loop,ro image.squashfs packages && PYTHONPATH=packages \
                python3 -s -c 'import requests, idna; print(requests.__version__, requests.__file__)'
            """
        let answer = try bench.run(["unshare", "--mount", "sh", "-c", script])
        XCTAssertEqual(answer.status, 0, answer.errors)
        XCTAssertTrue(answer.output.hasPrefix("2.32.3 "), answer.output)
        XCTAssertTrue(answer.output.contains("/packages/requests/"), answer.output)
        try leadsBack(bench, "example-python-volume")
    }
}

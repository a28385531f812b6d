import Foundation
import XCTest

/// Hosts that limit, interrupt, hide or refuse something.
final class HostTests: XCTestCase {
    func testWithoutProcNothingIsAnswered() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can make the chroot") }
        let bench = try Workbench()
        defer { bench.remove() }
        let script = """
            set -e
            mkdir -p root/proc root/tmp root/dev
            for folder in usr bin sbin lib lib64; do
                if test -L /$folder; then cp -a /$folder root/; elif test -d /$folder; then
                    mkdir -p root/$folder; mount --rbind /$folder root/$folder; fi
            done
            cp '\(Workbench.program)' root/program; echo x > root/file
            set +e
            for command in "verify /file --content-hash \(String(repeating: "0", count: 64))" "compare /file /file" \
                "audit /file" "hash --check /file" "build --lock /file" "lock verify /file" "hash /file"; do
                chroot root /program $command > out 2>&1; echo $? $(grep -c "/proc is not mounted" out)
            done
            """
        let answer = try bench.run(["unshare", "--mount", "sh", "-c", script])
        XCTAssertEqual(answer.output, String(repeating: "2 1\n", count: 7), answer.errors)
    }

    /// A result that nobody gets is none.
    func testAResultThatCannotBeWrittenIsUndecided() throws {
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        let program = Workbench.program
        XCTAssertEqual(try archive.build().status, 0)
        for command in [
            "hash test.lock", "hash --json test.lock", "inspect test.squashfs",
            "lock check runtime.toml -o test.lock",
            "build --lock test.lock -o x.squashfs --store store --offline", "doctor --json", "--help",
        ] {
            for output in ["> /dev/full", ">&-"] {
                let answer = try bench.run(["bash", "-c", "'\(program)' \(command) \(output); echo $? >&2"])
                let status = answer.errors.split(separator: "\n").last.map(String.init)
                XCTAssertEqual(status, "2", "\(command) \(output): \(answer.errors)")
            }
        }
        let piped = try bench.run(
            ["bash", "-c", "{ sleep 0.5; '\(program)' hash test.lock; echo $? >&2; } | true"])
        XCTAssertTrue(piped.errors.hasSuffix("2\n"), piped.errors)
        XCTAssertEqual(try bench.rtverify([]).status, 64)
    }

    /// To Linux a path is bytes: a name in Latin-1, and one that is no encoding's at all.
    func testPathsThatAreNotUTF8() throws {
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        let script = #"""
            set -e
            folder=$(printf 'caf\xe9 \xff\xf4\x8f\xbf\xa9') file=$(printf 'im\xe9')
            mkdir "$folder" "$folder/tmp" "$folder/home"
            cp runtime.toml "$folder/$file.toml"; cp -r keyring.gpg archive "$folder"; mv store "$folder/$file.store"
            cd "$folder"; export TMPDIR="$PWD/tmp" HOME="$PWD/home"; unset XDG_CACHE_HOME
            mirror="--only-mirror --mirror archive --keyring keyring.gpg"
            "$program" lock "$file.toml" -o "$file.lock" --store "$file.store" $mirror >/dev/null
            "$program" lock check "$file.toml" -o "$file.lock" >/dev/null
            "$program" lock verify "$file.lock" --offline --keyring keyring.gpg --store "$file.store" >/dev/null
            cmp "$file.lock" ../test.lock
            "$program" build --no-cache --lock "$file.lock" -o "$file.squashfs" --store "$file.store" --offline >/dev/null
            cmp "$file.squashfs" ../test.squashfs
            # In the store of HOME, and from a mirror in this folder.
            "$program" build --no-cache --lock "$file.lock" -o "$file.2" --only-mirror --mirror "$PWD/archive" >/dev/null
            cmp "$file.squashfs" "$file.2"; test -d home/.cache/rtverify
            "$program" hash "$file.2" | head -1 | cmp - <(echo "$file.2")
            "$program" hash --json "$file.2" | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["path"])'
            sha256sum "$file.squashfs" > "$file.sums"
            "$program" hash --check "$file.sums" | cmp - <(echo "$file.squashfs: OK")
            "$program" inspect --json "$file.2" | python3 -c 'import json, sys; json.load(sys.stdin)'
            unsquashfs -q -n -d "$file.tree" "$file.2" >/dev/null; tar -cf "$file.tar" -C "$file.tree" .
            "$program" compare "$file.2" "$file.tree" >/dev/null
            "$program" compare --json "$file.tar" "$file.tree" | python3 -c 'import json, sys; json.load(sys.stdin)'
            "$program" car "$file.2" -o "$file.car" >/dev/null; "$program" car --verify "$file.car" >/dev/null
            "$program" verity "$file.2" -o "$file.verity" >/dev/null
            "$program" hash "$file.none" 2>&1 || echo $?
            find tmp "$file.store/work" -mindepth 1
            """#
        let answer = try bench.run(["bash", "-c", script], environment: ["program": Workbench.program])
        XCTAssertEqual(answer.status, 0, answer.output + answer.errors)
        XCTAssertEqual(
            answer.output,
            #"""
            im\xe9.2
            rtverify: cannot read im\xe9.none: No such file or directory
            2

            """#, answer.errors)
    }

    func testLimitsAreLookedAtFirst() throws {
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        for limit in ["-n 20", "-n 12", "-v 524288", "-v 204800", "-v 150000", "-d 61440"] {
            for command in [
                "hash test.lock", "inspect test.squashfs", "build --lock test.lock -o x.sq --store store --offline",
            ] {
                // -Hn and -Sn both: what is soft alone is raised.
                let answer = try bench.run(
                    ["bash", "-c", "ulimit \(limit); exec timeout 20 '\(Workbench.program)' \(command)"])
                XCTAssertEqual(answer.status, 2, "\(limit) \(command): \(answer.errors)")
                XCTAssertTrue(answer.errors.contains("this process may have"), answer.errors)
            }
        }
        for limit in ["-S -n 20", "-n 64", "-v 4000000", "-t 100", "-c 0"] {
            let answer = try bench.run([
                "bash", "-c",
                "ulimit \(limit); exec timeout 60 '\(Workbench.program)' build --no-cache --lock test.lock -o x.sq --store store --offline",
            ])
            XCTAssertEqual(answer.status, 0, "\(limit): \(answer.errors)")
            XCTAssertEqual(try bench.sha256("x.sq"), try bench.sha256("test.squashfs"), limit)
        }
    }

    func testEverySignalThatEndsAProgramLeavesNothing() throws {
        let archive = try TestArchive()
        let bench = archive.bench
        defer { bench.remove() }
        try archive.manifest(["slow"])
        XCTAssertEqual(try archive.lock().status, 0)
        for (signal, status) in [("QUIT", 131), ("XCPU", 152), ("PIPE", 141), ("HUP", 129)] {
            let script = """
                '\(Workbench.program)' build --no-cache --lock test.lock -o slow.squashfs --store store --offline -v \
                    \(archive.mirror.joined(separator: " ")) 2>log & p=$!
                for i in $(seq 200); do grep -q 'Setting up slow' log && break; sleep 0.1; done
                kill -\(signal) $p; wait $p; echo $?; ls store/work; ls *.squashfs 2>/dev/null
                """
            let answer = try bench.run(["bash", "-c", script])
            XCTAssertEqual(answer.output, "\(status)\n", "\(signal): \(answer.errors)")
        }
        // Standard error is a pipe that nobody reads any more; the parent ignores its children, and hang-ups.
        try archive.manifest(["late"])
        XCTAssertEqual(try archive.lock().status, 0)
        for script in [
            "{ '\(Workbench.program)' build --no-cache --lock test.lock -o x.sq --store store --offline 2>&1 >out; echo $? >status; } | true",
            "trap '' CHLD; '\(Workbench.program)' build --no-cache --lock test.lock -o x.sq --store store --offline >out; echo $? >status",
            "nohup '\(Workbench.program)' build --no-cache --lock test.lock -o x.sq --store store --offline >out; echo $? >status",
        ] {
            let answer = try bench.run(["bash", "-c", script])
            XCTAssertEqual(try bench.read("status"), "0\n", answer.errors)
            XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder)/store/work"), [])
        }
    }

    /// An upgrade removes a program while it runs; a step prints millions of lines.
    func testTheProgramsFileMayGoAndItsStepsMayPrint() throws {
        let archive = try TestArchive.locked(step: "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done; sleep 1")
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        let script = """
            cp '\(Workbench.program)' own
            ./own build --lock test.lock -o own.squashfs --store store --offline -v 2>log >/dev/null & p=$!
            for i in $(seq 200); do grep -q '^19999' log && break; sleep 0.05; done
            rm own; wait $p; echo $?; grep -c '^[0-9][0-9]*$' log
            """
        let answer = try bench.run(["bash", "-c", script])
        XCTAssertEqual(answer.output, "0\n20000\n", answer.errors)
        XCTAssertEqual(try bench.sha256("own.squashfs"), try bench.sha256("test.squashfs"))
        guard getuid() == 0 else { return }
        let user = try TestUser(bench)
        defer { user.remove() }
        _ = try user.run("true", copying: "store")
        XCTAssertEqual(try bench.run(["sh", "-c", "chmod 0111 program; chmod a+r test.lock"]).status, 0)
        let unread = try user.run(
            "'\(bench.folder)/program' build --no-cache --lock '\(bench.folder)/test.lock' -o x.sq --offline "
                + "--store '\(bench.folder)/user-store'")
        XCTAssertEqual(unread.status, 2)
        XCTAssertTrue(unread.errors.contains("chmod a+r"), unread.errors)
        XCTAssertFalse(unread.errors.contains("install"), "said at the start: \(unread.errors)")
    }

    /// Locks of others and of earlier forms are nobody's to remove.
    func testOnlyDeadBuildsFoldersAreRemoved() throws {
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        let prepared = try bench.run([
            "sh", "-c",
            """
            cd store/work && mkdir -p mine/x dead-1-2/x && touch .lock ...lock mine.lock x-lock dead-1-2.lock
            """,
        ])
        XCTAssertEqual(prepared.status, 0, prepared.errors)
        XCTAssertEqual(try archive.build().status, 0)
        XCTAssertTrue(bench.exists("store/work/mine/x"))
        XCTAssertFalse(bench.exists("store/work/dead-1-2"))
        // Many at once on one store.
        let script = """
            for i in 1 2 3 4; do
                '\(Workbench.program)' build --no-cache --lock test.lock -o $i.squashfs --store store --offline >/dev/null 2>$i.log &
                pids="$pids $!"
            done
            for p in $pids; do wait $p || exit 1; done
            sha256sum [1-4].squashfs | cut -c1-64 | sort -u | wc -l
            """
        let together = try bench.run(["bash", "-c", script])
        XCTAssertEqual(together.output, "1\n", together.errors)
    }

    /// The short form of scripts/test-hosts: this host's userland without apt, dpkg, squashfs tools, Python and Perl, /sys
    /// and /dev/shm; for root in a chroot, for a user in a root entered by pivot_root, and in bubblewrap.
    func testHostsThatLackThingsGiveTheSameImage() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can make the roots") }
        let archive = try TestArchive.locked(step: "echo /dev/* /sys/* $HOME > /etc/seen")
        let bench = archive.bench
        defer { bench.remove() }
        let user = try TestUser.withStore(of: archive)
        defer { user.remove() }
        let script = """
            set -e
            mkdir -p root && mount -t tmpfs -o mode=755,exec,dev none root && cd root
            mkdir -p proc dev tmp home old && chmod 1777 tmp
            for folder in usr bin sbin lib lib64 etc; do
                if test -L /$folder; then cp -a /$folder .; elif test -d /$folder; then
                    mkdir -p $folder; mount --rbind /$folder $folder; fi
            done
            for name in apt-get apt dpkg dpkg-deb gpgv mksquashfs unsquashfs tar2sqfs gensquashfs python3 perl; do
                file=$(readlink -f usr/bin/$name || true)
                test ! -f "$file" || mount --bind /dev/null "$file"
            done
            mount -t tmpfs none dev
            for device in null zero full random urandom tty; do : > dev/$device; mount --bind /dev/$device dev/$device; done
            mount -t proc proc proc
            cp ../program ../test.lock . && cp -a ../store store && cp -a ../user-store user-store
            mkdir -p home/\(user.name) && chown \(user.name) home/\(user.name)
            build="/program build --lock /test.lock --offline --only-mirror --quiet"
            chroot . $build -o /tmp/root.squashfs --store /store >&2
            if command -v bwrap >/dev/null; then
                bwrap --bind . / --dev-bind dev /dev --proc /proc --tmpfs /tmp --cap-add ALL \\
                    sh -c "$build -o /store/bwrap.squashfs --store /store" >&2
            fi
            pivot_root . old && cd / && umount -l /old
            su \(user.name) -c "$build -o /tmp/user.squashfs --store /user-store" >&2
            test ! -e /sys/kernel && test ! -e /dev/shm && ! python3 -c 1 2>/dev/null && ! dpkg --version 2>/dev/null
            sha256sum /tmp/*.squashfs /store/*.squashfs | cut -c1-64
            """
        let answer = try bench.run(["unshare", "--mount", "bash", "-c", script])
        XCTAssertEqual(answer.status, 0, answer.errors)
        let hashes = answer.output.split(separator: "\n").map(String.init)
        XCTAssertGreaterThanOrEqual(hashes.count, 2)
        XCTAssertEqual(Set(hashes), [try bench.sha256("test.squashfs")], answer.errors)
    }

    func testAUsersAdviceIsOfWhatIsWrong() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can make the user") }
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        let user = try TestUser.withStore(of: archive)
        defer { user.remove() }
        XCTAssertEqual(try bench.run(["chmod", "-R", "a+rX", "test.lock"]).status, 0)
        let build =
            "'\(bench.folder)/program' build --no-cache --lock '\(bench.folder)/test.lock' -o x.sq --offline --store "
        // As a user of a chroot, and as root of one id.
        let chroot = try bench.run([
            "unshare", "--mount", "sh", "-c",
            """
            mkdir -p root/proc root/dev root/tmp && chmod 1777 root/tmp
            for folder in usr bin sbin lib lib64 etc; do
                if test -L /$folder; then cp -a /$folder root/; elif test -d /$folder; then
                    mkdir -p root/$folder; mount --rbind /$folder root/$folder; fi
            done
            mount -t proc proc root/proc; mount --rbind /dev root/dev
            cp program test.lock root/ && cp -a store root/store && chown -R 4242 root/store
            chroot --userspec=4242:4242 root env HOME=/tmp /program build --lock /test.lock -o /tmp/x.sq --offline --store /store
            echo $?; ls root/store/work
            chroot --userspec=4242:4242 root env HOME=/tmp /program doctor --store /store
            """,
        ])
        XCTAssertTrue(chroot.output.hasPrefix("2\n"), chroot.output)
        XCTAssertTrue(chroot.errors.contains("in a chroot the kernel gives users no namespaces"), chroot.errors)
        XCTAssertTrue(chroot.output.contains("in a chroot the kernel gives users no namespaces"), chroot.output)
        XCTAssertFalse(chroot.output.contains("test-"), "no folder is left: \(chroot.output)")
        let lone = try user.run("unshare --user --map-root-user \(build)'\(bench.folder)/user-store'")
        XCTAssertEqual(lone.status, 2)
        XCTAssertTrue(lone.errors.contains("this root has 1 user ids"), lone.errors)
        // What a container does to its users: a /proc with holes, and no CAP_SYS_ADMIN for anybody.
        let inside = "su - \(user.name) -c \"\(build)'\(bench.folder)/user-store'\""
        for (container, words) in [
            (
                ["unshare", "--mount", "sh", "-c", "mount --bind /dev/null /proc/keys && \(inside)"],
                "hides parts of /proc"
            ),
            (["capsh", "--drop=cap_sys_admin", "--", "-c", inside], "can have CAP_SYS_ADMIN, without which newuidmap"),
        ] {
            let answer = try bench.run(container)
            XCTAssertEqual(answer.status, 2, answer.errors)
            XCTAssertTrue(answer.errors.contains(words), answer.errors)
            XCTAssertTrue(answer.errors.contains("run with"), answer.errors)
        }
        // A place without programs.
        let script = """
            mkdir -p strict && mount -t tmpfs -o noexec none strict && cp -a user-store strict/store || exit 99
            su - \(user.name) -c "\(build)'\(bench.folder)/strict/store'"
            """
        let strict = try bench.run(["unshare", "--mount", "sh", "-c", script])
        XCTAssertEqual(strict.status, 2)
        XCTAssertTrue(strict.errors.contains("mounted noexec"), strict.errors)
    }

    func testADiagnosisChangesNothing() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let answer = try bench.run(
            [Workbench.program, "doctor"],
            environment: ["HOME": bench.folder, "XDG_CACHE_HOME": "\(bench.folder)/cache"])
        XCTAssertTrue(answer.output.contains("space in \(bench.folder)/cache/rtverify"), answer.output)
        XCTAssertFalse(bench.exists("cache"))
    }

    func testReadOnlyHostsCanReadImages() throws {
        guard getuid() == 0 else { throw XCTSkip("only root can make everything read-only") }
        let archive = try TestArchive.locked()
        let bench = archive.bench
        defer { bench.remove() }
        XCTAssertEqual(try archive.build().status, 0)
        let script = """
            mount --bind . . && mount -o remount,bind,ro . && cd "$PWD"
            export TMPDIR=$PWD/nowhere
            '\(Workbench.program)' inspect test.squashfs && '\(Workbench.program)' compare test.squashfs test.squashfs
            """
        let answer = try bench.run(["unshare", "--mount", "sh", "-c", script])
        XCTAssertEqual(answer.status, 0, answer.errors)
    }

    func testStreamsAreReadAndEndlessDevicesRefused() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        XCTAssertEqual(try bench.run(["sh", "-c", "seq 200000 | head -c 819200 > file"]).status, 0)
        let expected = try bench.rtverify(["hash", "file"]).output.split(separator: "\n").dropFirst()
        for command in ["cat file | '\(Workbench.program)' hash -", "'\(Workbench.program)' hash <(cat file)"] {
            let answer = try bench.run(["bash", "-c", command])
            XCTAssertEqual(Array(answer.output.split(separator: "\n").dropFirst()), Array(expected), command)
        }
        XCTAssertEqual(try bench.rtverify(["car", "file", "-o", "a.car"]).status, 0)
        for command in [
            "'\(Workbench.program)' car <(cat file) -o b.car", "cat file | '\(Workbench.program)' car - -o b.car",
        ] {
            XCTAssertEqual(try bench.run(["bash", "-c", command]).status, 0, command)
            XCTAssertEqual(try bench.sha256("a.car"), try bench.sha256("b.car"), command)
        }
        let whole = try bench.rtverify(["verity", "file"])
        let piped = try bench.run(["bash", "-c", "'\(Workbench.program)' verity <(cat file)"])
        func rootHash(_ answer: Workbench.Answer) -> Substring? {
            answer.output.split(separator: "\n").first { $0.contains("root hash") }
        }
        XCTAssertNotNil(rootHash(whole), whole.errors)
        XCTAssertEqual(rootHash(whole), rootHash(piped), piped.errors)
        for command in [
            ["car", "/dev/zero", "-o", "x.car"], ["verity", "/dev/zero"], ["hash", "/dev/zero"], ["hash", "."],
        ] {
            let answer = try bench.rtverify(command)
            XCTAssertEqual(answer.status, 2, "\(command)")
            XCTAssertTrue(answer.errors.contains("no stream that ends"), answer.errors)
        }
    }

    func testNumbersThatMakeNoSenseAreTheCommandLines() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        for command in [
            ["hash", "--timeout", "0", "x"], ["hash", "--timeout=-5", "x"], ["inspect", "--source-date-epoch=-1", "x"],
            ["audit", "--source-date-epoch=4294967296", "x"], ["build", "--lock", "x", "--timeout", "0"],
            ["verify", "x", "--content-hash", "x", "--image-timeout", "0"],
            ["message", "--prepare", "x", "--address", "a", "--time=-1"],
        ] { XCTAssertEqual(try bench.rtverify(command).status, 64, "\(command)") }
    }
}

import ContentHash
import RuntimeSpec
import XCTest

/// What a manifest puts into an image besides packages: folders' contents, links, folders, owners.
final class PlacedEntriesTests: XCTestCase {
    private func manifest(_ more: String) throws -> Manifest {
        try Manifest(
            text: "[runtime]\nname = \"test\"\n[base]\nsystem = \"debian\"\nrelease = \"bookworm\"\n\(more)\n",
            file: "x.toml")
    }

    private func failure(_ more: String) -> String {
        do {
            _ = try manifest(more)
            return "accepted"
        } catch { return "\(error)" }
    }

    private func file(_ source: String, _ target: String, _ more: String = "") -> String {
        "[[file]]\nsource = \"\(source)\"\ntarget = \"\(target)\"\n\(more)\n"
    }

    func testASourceWithASlashIsWhatAFolderHolds() throws {
        let read = try manifest(
            file("app/", "/opt/app", "owner = \"app\"\ngroup = 1000\nfolder-mode = \"0750\"\nexclude = [\"*.pyc\"]")
                + file("one", "/one", "owner = 7"))
        XCTAssertEqual(read.files.map(\.target), ["/one"])
        XCTAssertEqual(read.files[0].ownership, Ownership(owner: "7", group: nil))
        let tree = try XCTUnwrap(read.trees.first)
        XCTAssertEqual(tree.source, "app")
        XCTAssertEqual(tree.mode, nil)
        XCTAssertEqual(tree.folderMode, 0o750)
        XCTAssertEqual(tree.ownership, Ownership(owner: "app", group: "1000"))
        XCTAssertEqual(tree.place(of: "a/b"), "/opt/app/a/b")
        XCTAssertEqual(try manifest(file("root/", "/")).trees[0].place(of: "etc/x"), "/etc/x")
        XCTAssertTrue(failure(file("one", "/one", "exclude = [\"x\"]")).contains("ends with a slash"))
        XCTAssertTrue(failure(file("one", "/one", "owner = -1")).contains("owner"))
        XCTAssertTrue(failure(file("one", "/one", "owner = \"a b\"")).contains("owner"))
        XCTAssertTrue(failure(file("one", "/one", "owner = 4294967295")).contains("owner"))
        XCTAssertTrue(failure(file("../app/", "/opt")).contains("source"))
        XCTAssertTrue(failure(file("app/", "/opt", "exclude = [\"/x\"]")).contains("exclude"))
    }

    func testAPlaceIsOneThings() throws {
        let link = "[[link]]\ntarget = \"/opt/x\"\nto = \"y\"\n"
        let folder = "[[folder]]\ntarget = \"/opt/x\"\n"
        XCTAssertEqual(try manifest(link).links.map(\.to), ["y"])
        XCTAssertEqual(try manifest(folder).folders.map(\.mode), [0o755])
        XCTAssertTrue(failure(link + file("a", "/opt/x")).contains("a file and a link are both /opt/x"))
        XCTAssertTrue(failure(link + folder).contains("a link and a folder are both /opt/x"))
        XCTAssertTrue(failure(link + file("a", "/opt/x/y")).contains("would lie in /opt/x, which is a link"))
        XCTAssertEqual(failure(folder + file("a", "/opt/x/y")), "accepted")
        XCTAssertTrue(failure("[[folder]]\ntarget = \"/run/x\"").contains("/run is emptied"))
        XCTAssertEqual(failure("[[folder]]\ntarget = \"/tmp\"\nmode = \"1777\""), "accepted")
        XCTAssertTrue(failure("[[link]]\ntarget = \"/opt/x\"\nto = \"\"").contains("to"))
        // What a folder holds is known when it is read.
        let tree = try manifest(file("app/", "/opt") + file("a", "/opt/x") + "[prune]\npaths = [\"/opt/gone\"]")
        func problem(_ path: String) -> String {
            let entry = TreeList.Entry(path: path, mode: 0o644, content: .file(size: 0, sha256: .of([])))
            do {
                try tree.check([TreeList([entry])], file: "x.toml")
                return ""
            } catch { return "\(error)" }
        }
        XCTAssertEqual(problem("y"), "")
        XCTAssertTrue(problem("x").contains("a file and 'app/x' are both /opt/x"), problem("x"))
        XCTAssertTrue(problem("x/y").contains("would lie in /opt/x"))
        XCTAssertTrue(problem("gone/y").contains("prunes /opt/gone"))
    }

    /// Two spellings that Unicode calls one are two names, here as in a folder.
    func testNamesAreBytes() throws {
        let list = TreeList(["e\u{301}", "\u{e9}"].map { .init(path: $0, mode: 0o755, content: .folder) })
        XCTAssertEqual(try TreeList(text: list.text, name: "list").entries.count, 2)
        XCTAssertEqual(failure(file("a", "/opt/e\u{301}") + file("b", "/opt/\u{e9}")), "accepted")
    }

    private static let list = TreeList([
        .init(path: "b c/é\\#=", mode: 0o644, content: .file(size: 3, sha256: .of([1, 2, 3]))),
        .init(path: "b c", mode: 0o755, content: .folder), .init(path: "a", mode: 0o777, content: .link(to: "../x y")),
        .init(path: "b c-", mode: 0o4755, content: .file(size: 0, sha256: .of([]))),
    ])

    func testAListIsOneTextInMtreesForm() throws {
        XCTAssertEqual(
            Self.list.text,
            """
            #mtree
            ./a type=link link=../x\\040y
            ./b\\040c type=dir mode=0755
            ./b\\040c- type=file mode=04755 size=0 sha256digest=\(Digest.of([]))
            ./b\\040c/\\303\\251\\134\\043\\075 type=file mode=0644 size=3 sha256digest=\(Digest.of([1, 2, 3]))

            """)
        XCTAssertEqual(try TreeList(text: Self.list.text, name: "list"), Self.list)
        XCTAssertEqual(try TreeList(text: "#mtree\n", name: "list"), TreeList([]))
    }

    /// One byte less, one byte other: it is another list or none, and never read as this one.
    func testAListIsReadInItsOneSpelling() throws {
        let bytes = Array(Self.list.text.utf8)
        for place in bytes.indices {
            for byte in [nil, 0x20, 0x2f, 0x30, 0x5c, 0x0a, 0x2e] as [UInt8?] {
                var other = bytes
                if let byte { other[place] = byte } else { other.remove(at: place) }
                if other == bytes { continue }
                guard let list = try? TreeList(text: String(decoding: other, as: UTF8.self), name: "list") else {
                    continue
                }
                XCTAssertNotEqual(list, Self.list)
                XCTAssertEqual(Array(list.text.utf8), other)
            }
        }
        for wrong in ["./../x type=dir mode=0755\n", "./x type=dir mode=0755\n./x type=dir mode=0755\n", "./x\n"] {
            XCTAssertThrowsError(try TreeList(text: "#mtree\n" + wrong, name: "list"), wrong)
        }
    }
}

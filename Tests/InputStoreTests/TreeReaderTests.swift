import ContentHash
import Glibc
import Host
import InputStore
import RuntimeSpec
import XCTest

/// A folder beside a manifest, read as a list.
final class TreeReaderTests: XCTestCase {
    private var folder = ""

    override func setUpWithError() throws {
        var name = Array("\(NSTemporaryDirectory())rtverify-tree-XXXXXX".utf8CString)
        folder = mkdtemp(&name).map { String(cString: $0) } ?? ""
        try Folder.create("\(folder)/app/empty")
        try Folder.create("\(folder)/app/bin")
        try Folder.create("\(folder)/app/cache/deep")
        for (path, mode) in [("app/bin/tool", 0o700), ("app/read me", 0o600), ("app/cache/deep/x.pyc", 0o644)] {
            try AtomicFile.write(path, to: "\(folder)/\(path)")
            chmod("\(folder)/\(path)", mode_t(mode))
        }
        XCTAssertEqual(symlink("/etc", "\(folder)/app/out"), 0)
    }

    override func tearDown() { Folder.remove(folder) }

    private func source(_ more: String = "") throws -> TreeSource {
        let text =
            "[runtime]\nname = \"t\"\n[base]\nsystem = \"empty\"\n[[file]]\nsource = \"app/\"\ntarget = \"/srv\"\n\(more)"
        return try XCTUnwrap(try Manifest(text: text, file: "x.toml").trees.first)
    }

    func testFilesHaveGitsModesAndLinksAreNotFollowed() throws {
        let list = try TreeReader.list(try source(), in: folder)
        XCTAssertEqual(
            list.entries.map { "\($0.path) \(String($0.mode, radix: 8))" },
            [
                "bin 755", "bin/tool 755", "cache 755", "cache/deep 755", "cache/deep/x.pyc 644", "empty 755",
                "out 777",
                "read me 644",
            ])
        XCTAssertEqual(list.entries[6].content, .link(to: "/etc"))
        XCTAssertEqual(list.inputs.first?.sha256, .of(Array("app/bin/tool".utf8)))
    }

    func testModesAndExclusionsAreTheManifests() throws {
        func paths(_ exclude: String) throws -> [String] {
            try TreeReader.list(try source("exclude = [\(exclude)]"), in: folder).entries.map(\.path)
        }
        XCTAssertEqual(try paths("\"*.pyc\", \"bin\""), ["cache", "cache/deep", "empty", "out", "read me"])
        // With a slash it is a path's from the folder on, and a star stays between slashes.
        XCTAssertEqual(try paths("\"*/deep\", \"*/x.pyc\""), ["bin", "bin/tool", "cache", "empty", "out", "read me"])
        let modes = try TreeReader.list(try source("mode = \"0640\"\nfolder-mode = \"0710\""), in: folder).entries
        XCTAssertEqual(Set(modes.map(\.mode)), [0o640, 0o710, 0o777])
    }

    func testTheStoreHasAllOfIt() throws {
        let store = try Store(directory: "\(folder)/store")
        let list = try TreeReader.keep(try source(), in: folder, store: store)
        let tree = Lockfile.Tree(source: try source(), list: list)
        XCTAssertEqual(try store.list(of: tree), list)
        for input in list.inputs {
            guard case .present = try store.state(of: input) else { return XCTFail(input.path) }
        }
        XCTAssertEqual(try TreeReader.list(try source(), in: folder), list)
        try AtomicFile.write("other", to: "\(folder)/app/read me")
        XCTAssertNotEqual(try TreeReader.list(try source(), in: folder).sha256, list.sha256)
    }

    func testWhatNoImageCanHaveIsNamed() throws {
        func failure() -> String {
            do {
                _ = try TreeReader.list(try source(), in: folder)
                return ""
            } catch { return "\(error)" }
        }
        XCTAssertEqual(mkfifo("\(folder)/app/pipe", 0o600), 0)
        XCTAssertTrue(failure().contains("app/pipe: it is neither a file nor a folder nor a link"), failure())
        unlink("\(folder)/app/pipe")
        let bad = Array("\(folder)/app/".utf8) + [0x78, 0xff, 0]
        XCTAssertEqual(
            bad.withUnsafeBytes { open($0.bindMemory(to: CChar.self).baseAddress!, O_CREAT, 0o600) } >= 0, true)
        XCTAssertTrue(failure().contains("isn't UTF-8"), failure())
    }
}

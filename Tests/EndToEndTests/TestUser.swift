import XCTest

/// A user with subordinate ids, made for one test.
final class TestUser {
    private let bench: Workbench
    let name = "rtverify-\(UInt32.random(in: 0...99999))"

    init(_ bench: Workbench) throws {
        self.bench = bench
        XCTAssertEqual(try bench.run(["useradd", "-m", name]).status, 0)
        let ids = ["usermod", "--add-subuids", "300000-365535", "--add-subgids", "300000-365535", name]
        XCTAssertEqual(try bench.run(ids).status, 0)
        // The user reads the program from a place that every user can reach.
        XCTAssertEqual(try bench.run(["cp", Workbench.program, "\(bench.folder)/program"]).status, 0)
    }

    /// Runs a shell command as the user, in the user's home, under a strict umask and another clock and language.
    /// - Parameter store: A store of the bench that becomes the user's, as `user-store`.
    func run(_ command: String, copying store: String? = nil) throws -> Workbench.Answer {
        if let store {
            let copied = try bench.run(["sh", "-c", "cp -a '\(store)' user-store && chown -R \(name): user-store"])
            XCTAssertEqual(copied.status, 0, copied.errors)
        }
        return try bench.run(["su", "-", name, "-c", "umask 077; export TZ=Asia/Tokyo LANG=de_DE.UTF-8; \(command)"])
    }

    /// A user with the store of an archive's own build.
    static func withStore(of archive: TestArchive) throws -> TestUser {
        XCTAssertEqual(try archive.build().status, 0)
        let user = try TestUser(archive.bench)
        _ = try user.run("true", copying: "store")
        return user
    }

    /// The SHA-256 of the image that a user without root builds from a lock of the bench, with the bench's store.
    static func imageHash(of lock: String, _ bench: Workbench) throws -> String {
        let user = try TestUser(bench)
        defer { user.remove() }
        let answer = try user.run(
            "'\(bench.folder)/program' build --no-cache --lock '\(bench.folder)/\(lock)' -o user.squashfs --offline --quiet "
                + "--store '\(bench.folder)/user-store' >&2 && sha256sum user.squashfs", copying: "store")
        XCTAssertEqual(answer.status, 0, answer.errors)
        return String(answer.output.prefix(64))
    }

    func remove() { _ = try? bench.run(["userdel", "-r", name]) }
}

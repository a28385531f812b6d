import Foundation
import XCTest

/// Runs the program as a user would, in a folder of its own that goes with it.
final class Workbench {
    struct Answer {
        var status: Int32
        var output: String
        var errors: String
    }

    let folder: String
    static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
    static let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    static let program = ProcessInfo.processInfo.environment["RTVERIFY"] ?? "\(checkout)/.build/release/rtverify"

    init() throws {
        folder = NSTemporaryDirectory() + "rtverify-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // A user's build must be able to read it.
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
    }

    func remove() { _ = try? run(["rm", "-rf", folder]) }

    /// Runs a command and waits for it.
    func run(_ command: [String], environment: [String: String] = [:], in directory: String? = nil) throws -> Answer {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.currentDirectoryURL = URL(fileURLWithPath: directory ?? folder)
        // A cache of its own: neither another test's trees nor this user's are taken for what is built here.
        process.environment = ProcessInfo.processInfo.environment.merging(["XDG_CACHE_HOME": "\(folder)/cache"]) { $1 }
            .merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        let (output, errors) = ("\(folder)/.stdout-\(UUID())", "\(folder)/.stderr-\(UUID())")
        for path in [output, errors] { try Data().write(to: URL(fileURLWithPath: path)) }
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        try process.run()
        process.waitUntilExit()
        defer { for path in [output, errors] { try? FileManager.default.removeItem(atPath: path) } }
        return Answer(
            status: process.terminationStatus,
            output: String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self),
            errors: String(decoding: FileManager.default.contents(atPath: errors) ?? Data(), as: UTF8.self))
    }

    /// Runs rtverify with a store of its own.
    /// - Parameter caching: Whether a build may take an earlier one's tree: most tests are about what is built.
    func rtverify(
        _ arguments: [String], store: String = "store", caching: Bool = false, environment: [String: String] = [:],
        in directory: String? = nil
    ) throws -> Answer {
        let takesStore =
            arguments.first == "build" || arguments.first == "store"
            || (arguments.first == "lock" && arguments.dropFirst().first != "diff")
        return try run(
            [Self.program] + arguments + (takesStore ? ["--store", "\(folder)/\(store)"] : [])
                + (arguments.first == "build" && !caching ? ["--no-cache"] : []),
            environment: environment, in: directory)
    }

    /// Runs rtverify, and says how many KiB it used. What doesn't end in ten minutes hangs, and is ended: status 124.
    func measured(_ arguments: [String]) throws -> (answer: Answer, kibibytes: Int) {
        let script = """
            import resource, subprocess, sys
            try: status = subprocess.run(sys.argv[1:], timeout=600).returncode
            except subprocess.TimeoutExpired: status = 124
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=open("memory", "w"))
            sys.exit(status)
            """
        let answer = try run(["python3", "-c", script, Self.program] + arguments)
        let kibibytes = try XCTUnwrap(Int(try read("memory").dropLast()), answer.errors)
        return (answer, kibibytes)
    }

    func read(_ path: String) throws -> String { try String(contentsOfFile: "\(folder)/\(path)", encoding: .utf8) }

    func write(_ text: String, to path: String) throws {
        try text.write(toFile: "\(folder)/\(path)", atomically: true, encoding: .utf8)
    }

    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/\(path)") }

    func sha256(_ path: String) throws -> String {
        String(try run(["sha256sum", "\(folder)/\(path)"]).output.prefix(64))
    }
}

/// What `rtverify lock diff --json` answers.
struct LockDifference: Decodable {
    struct Package: Decodable {
        var name: String
        var list: String
    }

    var packages: [Package]
    var others: [String]
}

extension Workbench {
    func lockDifference(_ old: String, _ new: String) throws -> LockDifference {
        let answer = try rtverify(["lock", "diff", "--json", old, new])
        return try JSONDecoder().decode(LockDifference.self, from: Data(answer.output.utf8))
    }
}

/// A signed archive of small packages, made once from this host's programs, and what serves it on loopback.
final class TestArchive {
    nonisolated(unsafe) private static var template: String?

    let bench: Workbench
    let fingerprint: String

    /// A fresh copy of the archive in a folder of its own.
    init() throws {
        bench = try Workbench()
        if Self.template == nil {
            let first = try Workbench()
            let made = try first.run(["python3", "\(Workbench.sources)/Fixtures/make_archive.py", first.folder])
            XCTAssertEqual(made.status, 0, made.errors)
            Self.template = first.folder
            let folder = first.folder
            atexit_b { _ = try? FileManager.default.removeItem(atPath: folder) }
        }
        let copied = try bench.run(["cp", "-a", "\(Self.template ?? "")/.", bench.folder])
        XCTAssertEqual(copied.status, 0, copied.errors)
        fingerprint = try bench.read("fingerprint")
    }

    /// A fresh archive, and in it `test.lock`, of some of its packages.
    /// - Parameter step: A shell command that the build runs in the end.
    static func locked(_ packages: [String] = ["late"], step: String? = nil, more: String = "") throws -> TestArchive {
        let archive = try TestArchive()
        try archive.manifest(packages, more: more + (step.map { "[[step]]\nrun = '''\n\($0)\n'''\n" } ?? ""))
        let answer = try archive.lock()
        XCTAssertEqual(answer.status, 0, answer.errors)
        return archive
    }

    /// A manifest for packages of the archive.
    func manifest(_ packages: [String], more: String = "", keys: [String]? = nil) throws {
        let trusted = (keys ?? [fingerprint]).map { "\"\($0)\"" }.joined(separator: ", ")
        let names = packages.map { "\"\($0)\"" }.joined(separator: ", ")
        try bench.write(
            """
            [runtime]
            name = "test"
            [base]
            system = "debian"
            release = "test"
            suites = ["test"]
            variant = "essential"
            keys = [\(trusted)]
            [packages]
            install = [\(names)]
            [toolchain]
            release = "test"
            suites = ["test"]
            keys = [\(trusted)]
            \(more)
            """, to: "runtime.toml")
    }

    var mirror: [String] { ["--only-mirror", "--mirror", "\(bench.folder)/archive"] }

    func lock(_ options: [String] = [], output: String = "test.lock") throws -> Workbench.Answer {
        try bench.rtverify(
            ["lock", "runtime.toml", "-o", output, "--keyring", "\(bench.folder)/keyring.gpg"] + mirror + options)
    }

    func build(
        _ options: [String] = [], store: String = "store", image: String = "test.squashfs", mirror: [String]? = nil,
        caching: Bool = false
    ) throws -> Workbench.Answer {
        try bench.rtverify(
            ["build", "--lock", "test.lock", "-o", image] + (mirror ?? self.mirror) + options, store: store,
            caching: caching)
    }

    func signAnew(_ options: [String]) throws {
        let signed = try bench.run(
            ["python3", "\(Workbench.sources)/Fixtures/make_archive.py", bench.folder, "--sign"] + options)
        XCTAssertEqual(signed.status, 0, signed.errors)
    }

    /// Serves the archive on loopback while `body` runs, which gets it as the only mirror.
    func serving(_ mode: String, _ body: ([String]) throws -> Void) throws {
        try Server.serving("\(bench.folder)/archive", mode) { try body(["--only-mirror", "--mirror", $0]) }
    }
}

/// A web server on loopback.
enum Server {
    /// Serves a folder, well or badly (Fixtures/serve.py), while `body` runs, which gets its address.
    static func serving(_ folder: String, _ mode: String, _ body: (String) throws -> Void) throws {
        try running(["serve.py", folder, mode], body)
    }

    /// Runs a server of Fixtures while `body` runs, which gets its address.
    static func running(_ arguments: [String], host: String = "127.0.0.1", _ body: (String) throws -> Void) throws {
        let server = Process()
        server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        server.arguments = ["python3", "\(Workbench.sources)/Fixtures/\(arguments[0])"] + arguments.dropFirst()
        let (input, output) = (Pipe(), Pipe())
        (server.standardInput, server.standardOutput) = (input, output)
        try server.run()
        let port = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).filter(\.isNumber)
        defer {
            try? input.fileHandleForWriting.close()
            server.waitUntilExit()
        }
        try body("http://\(host):\(port)")
    }
}

/// atexit(3) for a closure.
private func atexit_b(_ body: @escaping () -> Void) {
    AtExit.bodies.append(body)
    if AtExit.bodies.count == 1 { atexit { AtExit.bodies.forEach { $0() } } }
}

private enum AtExit {
    nonisolated(unsafe) static var bodies: [() -> Void] = []
}

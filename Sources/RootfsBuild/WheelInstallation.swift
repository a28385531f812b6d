import Glibc
import Host
import InputStore
import RuntimeSpec
import Sandbox
import Synchronization

/// Puts a lock's wheels into a tree, without network: PyPA's installer from the locked toolchain, run by the
/// interpreter that the wheels are for.
struct WheelInstallation {
    let python: Lockfile.Python
    let lock: Lockfile
    /// The tree.
    let root: Root
    /// The root that the toolchain was unpacked into.
    let toolchain: Root
    let store: Store
    let events: EventSink

    /// Where Debian's packages of Python keep their modules.
    private static let modules = "usr/lib/python3/dist-packages"
    private static let folder = Root.privateFolder

    func run() async throws {
        if python.wheels.isEmpty { return }
        events(.phase(name: "install \(python.wheels.count) wheels", total: python.wheels.count, unit: .packages))
        // An empty base has no interpreter: the toolchain's works on it from outside.
        let isEmpty = lock.system == .empty
        var place = root
        if isEmpty {
            place = toolchain
            // Libraries that are preloaded are the tree's.
            place.entry = root.entry
            place.entry.variables = []
        }
        let (wheels, own) = ("\(place.privatePath)/wheels", "\(place.privatePath)/python")
        for part in [place.privatePath, wheels, own] { try SystemFolders.makeFolder(part) }
        for wheel in python.wheels {
            try store.copy(wheel.file, to: "\(wheels)/\(wheel.file.path)", name: wheel.file.path)
        }
        try SystemFolders.bind("\(toolchain.path)/\(Self.modules)/installer", at: "\(own)/installer")
        let destination = isEmpty ? "\(Self.folder)/root" : ""
        if isEmpty { try SystemFolders.bind(root.path, at: place.path(of: destination)) }
        let job = Job(
            wheels: python.wheels.map { "\(Self.folder)/wheels/\($0.file.path)" },
            requested: (python.packages.requirements.map(Self.name)
                + python.packages.wheels.map { PythonPackages.project(ofWheel: $0) }).sorted(),
            target: python.packages.target, destdir: isEmpty ? destination : "/", levels: python.packages.levels)
        let script = try await script(for: job.wheels, in: place)
        let progress = WheelProgress(events)
        try await place.run("installing the wheels", Self.command(script, try JSONText.line(job))) {
            progress.count($0)
        }
        progress.conclude()
        try SystemFolders.unmount("\(own)/installer")
        if isEmpty { try SystemFolders.unmount(place.path(of: destination)) }
    }

    /// What the interpreter is given: a program's text and what that reads.
    private static func command(_ script: [UInt8], _ input: [UInt8]) -> [String] {
        ["python3", "-s", "-B", "-c"] + [script, input.dropLast()].map { String(decoding: $0, as: UTF8.self) }
    }

    /// The program that installs the wheels. Its text is as it was when the first locks were made, with another before it only
    /// where no build could have been made without: the names that a process knows decide the byte code that Python 3.9 writes.
    private func script(for wheels: [String], in place: Root) async throws -> [UInt8] {
        var parts: [[UInt8]] = []
        if lock.system == .alpine || lock.system == .tarball { parts.append(PackageResources.wheels_of_own_python_py) }
        let unlisted = Mutex<[String]>([])
        try await place.run(
            "looking into the wheels", Self.command(PackageResources.unlisted_files_py, try JSONText.line(wheels))
        ) { line in unlisted.withLock { $0.append(line) } }
        let lines = unlisted.withLock { $0 }
        for line in lines { events(.note(line)) }
        if !lines.isEmpty { parts.append(PackageResources.wheels_as_pip_has_them_py) }
        return Array((parts + [PackageResources.install_wheels_py]).joined(separator: [10]))
    }

    private struct Job: Encodable {
        var wheels: [String]
        var requested: [String]
        var target: String
        var destdir: String
        var levels: [Int]
    }

    /// The project's name that a requirement begins with.
    private static func name(of requirement: String) -> String {
        PythonPackages.normalizedName(
            requirement.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) })
    }
}

/// Counts what the installer prints.
private final class WheelProgress: Sendable {
    private let done = Mutex(0)
    private let uncompiled = Mutex(0)
    private let events: EventSink

    init(_ events: @escaping EventSink) { self.events = events }

    /// What a packager must know, besides.
    func conclude() {
        let count = uncompiled.withLock { $0 }
        if count > 0 {
            events(.note("\(count) files of the wheels are no source that this Python compiles (--verbose names them)"))
        }
    }

    func count(_ line: String) {
        if line.contains(": not compiled at level ") { uncompiled.withLock { $0 += 1 } }
        if line.hasSuffix(": replaced by a later wheel's file") { events(.note(line)) }
        guard line.hasPrefix("installed ") else { return }
        events(
            .progress(
                done: done.withLock { done in
                    done += 1
                    return done
                }))
    }
}

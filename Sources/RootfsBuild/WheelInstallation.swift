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
        events(.phase(name: "install \(python.wheels.count) wheels", total: python.wheels.count))
        // An empty base has no interpreter: the toolchain's works on it from outside.
        let isEmpty = lock.system == .empty
        let bringsItsOwn = lock.system == .alpine || lock.system == .tarball
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
            requested: Set(
                python.packages.requirements.map(Self.name)
                    + python.packages.wheels.map { PythonPackages.project(ofWheel: $0) }
            ).sorted(), interpreter: bringsItsOwn ? nil : "/usr/bin/python3", target: python.packages.target,
            destdir: isEmpty ? destination : "/", levels: python.packages.levels)
        let script = String(decoding: PackageResources.install_wheels_py, as: UTF8.self)
        let progress = WheelProgress(events)
        try await place.run(
            "installing the wheels",
            ["python3", "-s", "-B", "-c", script, String(decoding: try JSONText.line(job).dropLast(), as: UTF8.self)]
        ) { progress.count($0) }
        progress.conclude()
        try SystemFolders.unmount("\(own)/installer")
        if isEmpty { try SystemFolders.unmount(place.path(of: destination)) }
    }

    private struct Job: Encodable {
        var wheels: [String]
        var requested: [String]
        /// What scripts are run by; nil for whatever runs the installer.
        var interpreter: String?
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
        if line.contains(" that its RECORD doesn't list") { events(.note(line)) }
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

import Glibc
import Host
import InputStore
import RuntimeSpec
import Synchronization

/// Asks the target's own programs what they would install: pip under the target's interpreter, whose environment markers
/// depend on it, and the minirootfs's apk.
public struct PackageQuestion: Sendable {
    private let job: ResolutionJob
    private let lock: Lockfile
    private let events: EventSink

    public init(_ job: ResolutionJob, events: @escaping EventSink) throws {
        (self.job, self.events) = (job, events)
        lock = try Lockfile(text: job.lock, file: "the lock")
    }

    public func answer() async throws -> ResolutionJob.Answer {
        let root = "\(job.workFolder)/root"
        let assembly = RootfsAssembly(
            lock: lock, root: root, store: Store(existing: job.store), jobs: job.jobs,
            events: events)
        guard case .alpine(let held) = job.question else { return try await askPip(assembly) }
        try SandboxSetup.makeFolder(root)
        try await assembly.startTarball()
        return ResolutionJob.Answer(choices: try await assembly.apk.simulate(holding: held))
    }

    // MARK: pip

    /// pip's folder, chrooted.
    private static let folder = RootfsAssembly.privateFolder

    private func askPip(_ assembly: RootfsAssembly) async throws -> ResolutionJob.Answer {
        guard let python = lock.python else { return ResolutionJob.Answer() }
        let tools = "\(job.workFolder)/toolchain"
        try SandboxSetup.makeFolder(tools)
        try await assembly.unpackToolchain(into: tools)
        var root = tools
        if lock.system != .empty {
            root = "\(job.workFolder)/root"
            try SandboxSetup.makeFolder(root)
            let names = Set(python.interpreter)
            try await assembly.unpack(lock.packages.filter { names.contains($0.name) }, into: root)
        }
        let own = "\(root)\(Self.folder)"
        for folder in [own, "\(own)/wheels", "\(own)/locked"] { try SandboxSetup.makeFolder(folder) }
        let version = try copyPip(from: tools, to: "\(own)/pip.whl")
        let pip = Pip(root: root, lock: lock, events: events, job: job, version: version)
        try await pip.prepare()
        switch job.question {
        case .wheels(let held): return try await pip.resolve(python, holding: held)
        case .wheelsAgain: return try await pip.resolveAgain(python, store: Store(existing: job.store))
        case .fetchWheels: return try await pip.fetch(python)
        case .alpine: return ResolutionJob.Answer()
        }
    }

    /// - Returns: pip's version, of the wheel's name.
    private func copyPip(from tools: String, to path: String) throws -> String {
        let folder = "\(tools)/usr/share/python-wheels"
        let names: [[UInt8]]
        do { names = try Folder.byteNames(in: folder.pathBytes) } catch {
            throw SystemError("cannot list \(folder)", error.rawValue)
        }
        for name in names.map({ String(decoding: $0, as: UTF8.self) }) {
            if name.hasPrefix("pip-"), name.hasSuffix(".whl") {
                try HashedFile.copy("\(folder)/\(name)", to: path, name: name)
                return String(name.split(separator: "-")[1])
            }
        }
        throw RootfsError.badPackage(package: "python3-pip-whl", reason: "it holds no wheel of pip")
    }
}

/// pip, from the toolchain, under the interpreter of a root.
private struct Pip {
    let root: String
    let lock: Lockfile
    let events: EventSink
    let job: ResolutionJob
    /// pip's own.
    let version: String

    /// The first Python that an older pip doesn't run under, and that pip: it needs what Python 3.12 has no more.
    private static let (strictPython, able) = ((3, 12), (23, 2))

    private static let folder = RootfsAssembly.privateFolder
    /// Starts pip from its wheel. Python 3.9's pip would take its paths from distutils, a package that the image need not
    /// have; the variable is what pip offers those who redistribute it.
    private static let start =
        "import runpy, sys, sysconfig; sysconfig._PIP_USE_SYSCONFIG = True; "
        + "sys.path.insert(0, '\(folder)/pip.whl'); runpy.run_module('pip', run_name='__main__', alter_sys=True)"

    /// The host's resolver, certificates and folders of wheels, where the root sees them.
    func prepare() async throws {
        guard job.needsNetwork else { return }
        try SandboxSetup.makeFolder("\(root)/etc")
        for path in ["/etc/resolv.conf", "/etc/hosts"] + job.pipPaths where access(path, F_OK) == 0 {
            try await SandboxSetup.bindInside(path, of: root)
        }
    }

    /// pip says what it would install, and then fetches just that.
    func resolve(_ python: Lockfile.Python, holding held: [String: String]) async throws -> ResolutionJob.Answer {
        let chosen = try await plan(python, held: held, options: [])
        let pins = chosen.map { item in
            "\(item.name)==\(item.version)" + (chosen.allSatisfy { $0.hash != nil } ? " --hash=\(item.hash ?? "")" : "")
        }
        return try await download(pins, choices: chosen)
    }

    func resolveAgain(_ python: Lockfile.Python, store: Store) async throws -> ResolutionJob.Answer {
        for wheel in python.wheels {
            try store.copy(
                wheel.file, to: "\(root)\(Self.folder)/locked/\(wheel.file.path)", name: wheel.file.path)
        }
        let chosen = try await plan(
            python, held: [:], options: ["--no-index", "--find-links", "\(Self.folder)/locked"])
        return ResolutionJob.Answer(choices: chosen.map { .init(name: $0.name, version: $0.version) })
    }

    func fetch(_ python: Lockfile.Python) async throws -> ResolutionJob.Answer {
        try await download(
            python.wheels.map { "\($0.name)==\($0.version) --hash=sha256:\($0.file.sha256)" },
            choices: python.wheels.map { Chosen(name: $0.name, version: $0.version) })
    }

    private struct Chosen {
        var name: String
        var version: String
        /// `sha256:` and hexadecimal digits; nil where the source gave none.
        var hash: String?
    }

    private func plan(
        _ python: Lockfile.Python, held: [String: String], options: [String]
    ) async throws -> [Chosen] {
        try write(python.packages.requirements, to: "requirements.txt")
        try write(held.sorted { $0.key < $1.key }.map { "\($0.key)==\($0.value)" }, to: "constraints.txt")
        try await run(
            "pip's choice of wheels",
            ["install", "--dry-run", "--report", "\(Self.folder)/report.json", "--break-system-packages"]
                + ["--root-user-action", "ignore"] + (python.packages.usesSystem ? [] : ["--ignore-installed"])
                + ["-r", "\(Self.folder)/requirements.txt", "-c", "\(Self.folder)/constraints.txt"] + options)
        let path = "\(root)\(Self.folder)/report.json"
        let report = try JSONText.decode(Report.self, from: SmallFile.bytes(path))
        return report.install.map { item in
            let hash = item.download_info.archive_info?.hash.map { $0.replacing("=", with: ":") }
            return Chosen(
                name: PythonPackages.normalizedName(item.metadata.name), version: item.metadata.version,
                hash: hash?.hasPrefix("sha256:") == true ? hash : nil)
        }
    }

    private func download(_ lines: [String], choices: [Chosen]) async throws -> ResolutionJob.Answer {
        if !lines.isEmpty {
            try write(lines, to: "pinned.txt")
            try await run(
                "pip's download of wheels",
                ["download", "--no-deps", "-d", "\(Self.folder)/wheels", "-r", "\(Self.folder)/pinned.txt"])
        }
        return ResolutionJob.Answer(
            choices: choices.map { .init(name: $0.name, version: $0.version) },
            wheelFolder: "\(root)\(Self.folder)/wheels")
    }

    /// pip's installation report (https://pip.pypa.io/en/stable/reference/installation-report/).
    private struct Report: Decodable {
        struct Item: Decodable {
            struct Metadata: Decodable {
                var name: String
                var version: String
            }
            struct Download: Decodable {
                struct Archive: Decodable { var hash: String? }
                var archive_info: Archive?
            }
            var metadata: Metadata
            var download_info: Download
        }
        var install: [Item]
    }

    private func write(_ lines: [String], to name: String) throws {
        try SmallFile.overwrite("\(root)\(Self.folder)/\(name)", with: lines.map { "\($0)\n" }.joined())
    }

    private func run(_ what: String, _ arguments: [String]) async throws {
        var environment = job.needsNetwork ? job.pipEnvironment : [:]
        // Configuration comes from the asker, and nothing of the root's is to be believed.
        environment["PIP_CONFIG_FILE"] = "/dev/null"
        let programs = RootPrograms(
            root: root, sourceDateEpoch: lock.sourceDateEpoch, additional: environment,
            entry: .init(sharesNetwork: job.needsNetwork),
            events: events)
        let missing = Mutex<String?>(nil)
        do {
            try await programs.run(
                what,
                ["python3", "-s", "-B", "-c", Self.start, "--no-input", "--disable-pip-version-check"]
                    + [arguments[0], "--only-binary", ":all:", "--cache-dir", "\(Self.folder)/cache"]
                    + arguments.dropFirst()
            ) { line in
                let marker = "No matching distribution found for "
                guard let range = line.firstRange(of: marker) else { return }
                missing.withLock { $0 = String(line[range.upperBound...]) }
            }
        } catch RootfsError.program(let what, let status, let output) {
            if let requirement = missing.withLock({ $0 }) {
                throw RootfsError.noWheel(requirement: requirement, output: output)
            }
            if let python = try await tooNewPython() { throw RootfsError.oldPip(pip: version, python: python) }
            if output.contains(where: { $0.contains("ResolutionImpossible") }) {
                throw RootfsError.conflict(output: output)
            }
            throw RootfsError.program(what, status: status, output: output)
        }
    }

    /// The target's Python where pip is too old for it; nil where it isn't.
    private func tooNewPython() async throws -> String? {
        func parts(_ version: String) -> (Int, Int) {
            let numbers = version.split(separator: ".").map { Int($0) ?? 0 }
            return (numbers.first ?? 0, numbers.dropFirst().first ?? 0)
        }
        guard parts(version) < Self.able else { return nil }
        let found = Mutex("")
        let programs = RootPrograms(root: root, sourceDateEpoch: lock.sourceDateEpoch, events: { _ in })
        try await programs.run(
            "the target's Python", ["python3", "-s", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        ) { line in found.withLock { $0 = line } }
        let python = found.withLock { $0 }
        return parts(python) >= Self.strictPython ? python : nil
    }
}

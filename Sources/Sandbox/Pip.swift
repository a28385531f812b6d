import Glibc
import Host
import InputStore
import RuntimeSpec
import Synchronization

/// pip, from the toolchain, under the interpreter of a root.
struct Pip {
    private let root: Root
    private let store: Store
    /// pip's own.
    private let version: String

    /// The first Python that an older pip doesn't run under, and that pip: it needs what Python 3.12 has no more.
    private static let (strictPython, able) = ((3, 12), (23, 2))

    private static let folder = Root.privateFolder
    /// Starts pip from its wheel. Python 3.9's pip would take its paths from distutils, a package that the image need not
    /// have; the variable is what pip offers those who redistribute it.
    private static let start =
        "import runpy, sys, sysconfig; sysconfig._PIP_USE_SYSCONFIG = True; "
        + "sys.path.insert(0, '\(folder)/pip.whl'); runpy.run_module('pip', run_name='__main__', alter_sys=True)"

    /// Makes roots of its own in the job's work folder.
    init(
        _ target: PipTarget, _ job: PackageQuestion.Job, _ store: Store, _ events: @escaping EventSink
    ) async throws {
        func newRoot(_ name: String, fill: (Root) async throws -> Void) async throws -> Root {
            let path = "\(job.workFolder)/\(name)"
            try SystemFolders.makeFolder(path)
            let root = Root(path: path, sourceDateEpoch: target.sourceDateEpoch, events: events)
            try await fill(root)
            return root
        }
        let tools = try await newRoot("toolchain") {
            try await $0.fill(with: target.toolchain, from: store, jobs: job.jobs)
        }
        var root =
            switch target.interpreter {
            case .packages(let packages):
                try await newRoot("root") { try await $0.fill(with: packages, from: store, jobs: job.jobs) }
            case .alpine(let alpine):
                try await newRoot("root") {
                    try await $0.fill(withTarball: alpine.minirootfs, from: store)
                    try await Apk(alpine: alpine, root: $0, store: store).add(events: events)
                }
            case .tarball(let tarball):
                try await newRoot("root") { try await $0.fill(withTarball: tarball, from: store) }
            case .toolchain: tools
            }
        self.store = store
        for folder in ["", "/wheels", "/locked", "/own"] { try SystemFolders.makeFolder(root.privatePath + folder) }
        version = try Self.copy(from: tools, to: "\(root.privatePath)/pip.whl")
        if job.kind.needsNetwork {
            root.entry.sharesNetwork = true
            root.additional = job.pip.environment
            // The host's resolver, certificates and folders of wheels, where the root sees them.
            try SystemFolders.makeFolder(root.path(of: "/etc"))
            for path in ["/etc/resolv.conf", "/etc/hosts"] + job.pip.paths where access(path, F_OK) == 0 {
                try SystemFolders.bindInside(path, of: root.path)
            }
        }
        // Configuration comes from the asker, and nothing of the root's is to be believed.
        root.additional["PIP_CONFIG_FILE"] = "/dev/null"
        self.root = root
        if target.bringsItsOwn { try await checkPython() }
    }

    /// - Returns: pip's version, of the wheel's name.
    private static func copy(from tools: Root, to path: String) throws -> String {
        let folder = tools.path(of: "/usr/share/python-wheels")
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
        throw SandboxError.badPackage(package: "python3-pip-whl", reason: "it holds no wheel of pip")
    }

    /// pip says what it would install, and then fetches just that.
    /// - Parameter own: Wheels of the user's own.
    func resolve(
        _ packages: PythonPackages, with own: [Lockfile.Input], holding held: [String: String]
    ) async throws -> PackageQuestion.Answer {
        let all = try await plan(packages, with: own, held: held, options: [])
        let names = Set(own.map { PythonPackages.project(ofWheel: $0.path) })
        let chosen = all.filter { !names.contains($0.name) }
        let pins = chosen.map { item in
            "\(item.name)==\(item.version)" + (chosen.allSatisfy { $0.hash != nil } ? " --hash=\(item.hash ?? "")" : "")
        }
        return try await download(pins, choices: all)
    }

    func resolveAgain(_ python: Lockfile.Python) async throws -> PackageQuestion.Answer {
        for wheel in python.wheels {
            try store.copy(
                wheel.file, to: "\(root.privatePath)/locked/\(wheel.file.path)", name: wheel.file.path)
        }
        let chosen = try await plan(
            python.packages, with: python.ownWheels, held: [:],
            options: ["--no-index", "--find-links", "\(Self.folder)/locked"])
        return PackageQuestion.Answer(choices: chosen.map { .init(name: $0.name, version: $0.version) })
    }

    func fetch(_ wheels: [Lockfile.Wheel]) async throws -> PackageQuestion.Answer {
        try await download(
            wheels.map { "\($0.name)==\($0.version) --hash=sha256:\($0.file.sha256)" },
            choices: wheels.map { Chosen(name: $0.name, version: $0.version) })
    }

    private struct Chosen {
        var name: String
        var version: String
        /// `sha256:` and hexadecimal digits; nil where the source gave none.
        var hash: String?
    }

    private func plan(
        _ packages: PythonPackages, with own: [Lockfile.Input], held: [String: String], options: [String]
    ) async throws -> [Chosen] {
        // Where one requirement has a hash, pip wants one of each.
        let isHashed = packages.requirements.contains { $0.contains(" --hash=") }
        let files = try own.map { wheel in
            let name = PythonPackages.fileName(of: wheel.path)
            try store.copy(wheel, to: "\(root.privatePath)/own/\(name)", name: wheel.path)
            return "\(Self.folder)/own/\(name)" + (isHashed ? " --hash=sha256:\(wheel.sha256)" : "")
        }
        try write(packages.requirements + files, to: "requirements.txt")
        try write(held.sorted { $0.key < $1.key }.map { "\($0.key)==\($0.value)" }, to: "constraints.txt")
        try await run(
            "pip's choice of wheels",
            ["install", "--dry-run", "--report", "\(Self.folder)/report.json", "--break-system-packages"]
                + ["--root-user-action", "ignore"] + (packages.usesSystem ? [] : ["--ignore-installed"])
                + ["-r", "\(Self.folder)/requirements.txt", "-c", "\(Self.folder)/constraints.txt"] + options)
        let path = "\(root.privatePath)/report.json"
        let report = try JSONText.decode(Report.self, from: SmallFile.bytes(path))
        return report.install.map { item in
            let hash = item.download_info.archive_info?.hash.map { $0.replacing("=", with: ":") }
            return Chosen(
                name: PythonPackages.normalizedName(item.metadata.name), version: item.metadata.version,
                hash: hash?.hasPrefix("sha256:") == true ? hash : nil)
        }
    }

    private func download(_ lines: [String], choices: [Chosen]) async throws -> PackageQuestion.Answer {
        if !lines.isEmpty {
            try write(lines, to: "pinned.txt")
            try await run(
                "pip's download of wheels",
                ["download", "--no-deps", "-d", "\(Self.folder)/wheels", "-r", "\(Self.folder)/pinned.txt"])
        }
        return PackageQuestion.Answer(
            choices: choices.map { .init(name: $0.name, version: $0.version) },
            wheelFolder: "\(root.privatePath)/wheels")
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
        try SmallFile.overwrite("\(root.privatePath)/\(name)", with: lines.map { "\($0)\n" }.joined())
    }

    private func run(_ what: String, _ arguments: [String]) async throws {
        let missing = Mutex<String?>(nil)
        do {
            try await root.run(
                what,
                ["python3", "-s", "-B", "-c", Self.start, "--no-input", "--disable-pip-version-check"]
                    + [arguments[0], "--only-binary", ":all:", "--cache-dir", "\(Self.folder)/cache"]
                    + arguments.dropFirst()
            ) { line in
                let marker = "No matching distribution found for "
                guard let range = line.firstRange(of: marker) else { return }
                missing.withLock { $0 = String(line[range.upperBound...]) }
            }
        } catch SandboxError.program(let what, let status, let output) {
            if let requirement = missing.withLock({ $0 }) {
                throw PipError.noWheel(requirement: requirement, output: output)
            }
            if let python = try await tooNewPython() { throw PipError.oldPip(pip: version, python: python) }
            if output.contains(where: { $0.contains("ResolutionImpossible") }) {
                throw PipError.conflict(output: output)
            }
            throw SandboxError.program(what, status: status, output: output)
        }
    }

    /// What an Alpine or a tarball base has, nobody but it knows.
    private func checkPython() async throws {
        do { try await root.run("the base's Python", ["python3", "-s", "-c", "import zipfile"]) } catch SandboxError
            .program
        {
            throw PipError.noPython
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
        try await root.run(
            "the target's Python", ["python3", "-s", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        ) { line in found.withLock { $0 = line } }
        let python = found.withLock { $0 }
        return parts(python) >= Self.strictPython ? python : nil
    }
}

import Glibc
import Host
import InputStore
import RuntimeSpec
import Synchronization

/// The minirootfs's own apk, run chrooted in it, with the lock's indexes and packages as its only repositories.
public struct Apk: Sendable {
    private let alpine: Lockfile.Alpine
    private let root: Root
    private let store: Store

    /// - Parameter root: The minirootfs, unpacked.
    public init(alpine: Lockfile.Alpine, root: Root, store: Store) {
        (self.alpine, self.root, self.store) = (alpine, root, store)
    }

    private static let folder = Root.privateFolder

    /// What apk would install, without the packages at hand.
    /// - Parameter held: Versions to hold, by name.
    func simulate(holding held: [String: String]) async throws -> [PackageChoice] {
        try prepare(withPackages: false)
        let choices = Mutex<[PackageChoice]>([])
        try await root.run("apk's choice of packages", command(["--simulate"], held: held)) { line in
            if let choice = Self.choice(line) { choices.withLock { $0.append(choice) } }
        }
        return choices.withLock { $0 }
    }

    /// Installs the lock's packages, as `apk add` does.
    public func add(events: @escaping EventSink) async throws {
        if alpine.world.isEmpty { return }
        events(.phase(name: "install \(alpine.packages.count) packages", total: alpine.packages.count))
        try prepare(withPackages: true)
        let chosen = Mutex<[String: String]>([:])
        try await root.run("apk add", command([])) { line in
            guard let choice = Self.choice(line) else { return }
            events(
                .progress(
                    done: chosen.withLock {
                        $0[choice.name] = choice.version
                        return $0.count
                    }))
        }
        let locked = Dictionary(
            alpine.packages.map { ($0.name, $0.version) }, uniquingKeysWith: { first, _ in first })
        let found = chosen.withLock { $0 }
        guard found == locked else {
            throw SandboxError.program(
                "apk add", status: "it installed other packages than the lock's",
                output: found.filter { locked[$0.key] != $0.value }.map { "\($0.key) \($0.value)" }.sorted())
        }
    }

    /// `(1/2) Installing NAME (VERSION)`, `Upgrading NAME (OLD -> NEW)`.
    private static func choice(_ line: String) -> PackageChoice? {
        // apk 3 pads the count with spaces: `( 1/12)`.
        guard line.hasPrefix("("), let end = line.firstIndex(of: ")") else { return nil }
        let words = line[line.index(after: end)...].split(separator: " ")
        guard words.count >= 3,
            ["Installing", "Upgrading", "Downgrading", "Replacing", "Reinstalling"].contains(words[0])
        else { return nil }
        let version = words[words.count - 1].filter { $0 != "(" && $0 != ")" }
        return .init(name: String(words[1]), version: version)
    }

    /// Indexes, keys and packages where apk looks for them.
    private func prepare(withPackages: Bool) throws {
        let base = root.privatePath
        for folder in ["", "/keys", "/repository"] { try SystemFolders.makeFolder("\(base)\(folder)") }
        for repository in alpine.repositories {
            let folder = "\(base)/repository/\(repository.name)"
            try SystemFolders.makeFolder(folder)
            try SystemFolders.makeFolder("\(folder)/x86_64")
            try copy(repository.index, to: "\(folder)/x86_64/APKINDEX.tar.gz")
            let key = "\(base)/keys/\(repository.key.path)"
            if access(key, F_OK) != 0 { try copy(repository.key, to: key) }
        }
        guard withPackages else { return }
        for package in alpine.packages {
            try copy(
                package.file,
                to: "\(base)/repository/\(package.repository)/x86_64/\(package.name)-\(package.version).apk")
        }
    }

    private func copy(_ input: Lockfile.Input, to path: String) throws {
        try store.copy(input, to: path, name: input.path)
    }

    private func command(_ options: [String], held: [String: String] = [:]) -> [String] {
        let wanted =
            alpine.world.filter { held[Spelling.alpineName($0)] == nil }
            + held.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return ["apk", "add", "--no-network", "--no-cache", "--no-progress", "--repositories-file", "/dev/null"]
            + ["--keys-dir", "\(Self.folder)/keys"]
            + alpine.repositories.flatMap { ["--repository", "\(Self.folder)/repository/\($0.name)"] }
            + options + wanted
    }
}

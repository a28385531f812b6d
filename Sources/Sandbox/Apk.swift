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
        events(.phase(name: "install \(alpine.packages.count) packages", total: alpine.packages.count, unit: .packages))
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
        try await sayWhereFrom()
    }

    /// A line of /etc/apk/repositories (apk-repositories(5)).
    private static func line(_ repository: Lockfile.Repository, at place: String) -> String {
        (repository.tag.map { "@\($0) " } ?? "") + "\(place)\n"
    }

    /// Names the repositories that are none of the release's in the image, with their keys: apk refuses a world with a tag
    /// that its repositories don't have.
    private func sayWhereFrom() async throws {
        let others = alpine.repositories.filter { $0.url != nil }
        if others.isEmpty { return }
        var tasks: [ChrootTask] = []
        for repository in others {
            guard let key = try store.bytes(of: repository.key) else {
                throw StoreError.changedObject(path: store.path(of: repository.key.sha256), name: repository.key.path)
            }
            tasks.append(
                .writeUnlessThere(path: "/etc/apk/keys/\(repository.key.path)", mode: 0o644, bytes: key, kept: nil))
        }
        let lines = others.map { Self.line($0, at: $0.url ?? "") }
        tasks.append(.append(path: "/etc/apk/repositories", bytes: Array(lines.joined().utf8)))
        try await root.perform(tasks)
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
        // `NAME@TAG` where it comes from a repository with one.
        return .init(name: String(words[1].prefix { $0 != "@" }), version: version)
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
        let lines = alpine.repositories.map { Self.line($0, at: "\(Self.folder)/repository/\($0.name)") }
        try SmallFile.overwrite("\(base)/repositories", with: lines.joined())
        guard withPackages else { return }
        // Where other people's repository has the very same package as the branch, apk takes it from either.
        let isShared = alpine.repositories.contains { $0.url != nil }
        for package in alpine.packages {
            for name in isShared ? alpine.repositories.map(\.name) : [package.repository] {
                try copy(
                    package.file, to: "\(base)/repository/\(name)/x86_64/\(package.name)-\(package.version).apk")
            }
        }
    }

    private func copy(_ input: Lockfile.Input, to path: String) throws {
        try store.copy(input, to: path, name: input.path)
    }

    private func command(_ options: [String], held: [String: String] = [:]) -> [String] {
        let wanted =
            alpine.world.filter { held[Spelling.alpineName($0)] == nil }
            + held.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return ["apk", "add", "--no-network", "--no-cache", "--no-progress"]
            + ["--repositories-file", "\(Self.folder)/repositories", "--keys-dir", "\(Self.folder)/keys"]
            + options + wanted
    }
}

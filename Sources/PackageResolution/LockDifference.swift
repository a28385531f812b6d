import Archives
import ContentHash
import Host
import RuntimeSpec

/// What changed from one lock to another.
public struct LockDifference: Codable, Equatable, Sendable {
    /// A package whose version, or presence, differs.
    public struct Package: Codable, Equatable, Sendable {
        /// The package's, or the project's normalized name (PEP 503).
        public var name: String
        /// nil where the old lock doesn't have it.
        public var old: String?
        /// nil where the new lock doesn't have it.
        public var new: String?
        /// `package`, `toolchain` or `wheel`.
        public var list: String
        /// `added`, `removed`, `upgraded`, `downgraded`, or `rebuilt`: other bytes under the same version.
        public var change: String
    }

    /// The image's, then wheels, then the toolchain's.
    public var packages: [Package]
    /// Anything else, a line each.
    public var others: [String]

    /// Whether nothing changed.
    public var isEmpty: Bool { packages.isEmpty && others.isEmpty }

    /// What changed on the way from the one to the other.
    public init(from old: Lockfile, to new: Lockfile) {
        packages =
            Self.packages(Self.items(old.packages), Self.items(new.packages), list: "package")
            + Self.packages(Self.items(old.alpine), Self.items(new.alpine), list: "package")
            + Self.packages(Self.items(old.python), Self.items(new.python), list: "wheel")
            + Self.packages(Self.items(old.toolchain), Self.items(new.toolchain), list: "toolchain")
            + Self.packages(
                Self.items(old.contents.agent?.compiler ?? []), Self.items(new.contents.agent?.compiler ?? []),
                list: "compiler")
        others = []
        compare("version", old.format.version, new.format.version)
        compare("recipe", old.format.recipe, new.format.recipe)
        compare("name", old.name, new.name)
        compare("system", old.system.rawValue, new.system.rawValue)
        compare("release", Self.release(old), Self.release(new))
        compare("manifest-sha256", old.manifestSHA256, new.manifestSHA256)
        compare("source-date-epoch", old.sourceDateEpoch, new.sourceDateEpoch)
        compare("compression", old.contents.image.compression.rawValue, new.contents.image.compression.rawValue)
        compare("level", old.contents.image.level ?? 0, new.contents.image.level ?? 0)
        compare("block-size", old.contents.image.blockSize, new.contents.image.blockSize)
        compare("largest-file", old.contents.image.largestFile, new.contents.image.largestFile)
        compare("base", Self.line(old.rootArchive), Self.line(new.rootArchive))
        compare(
            "init", old.contents.initScript?.sha256.hex ?? "", new.contents.initScript?.sha256.hex ?? "")
        compare("python target", old.python?.packages.target ?? "none", new.python?.packages.target ?? "none")
        compare("python levels", old.python?.packages.levels ?? [], new.python?.packages.levels ?? [])
        compare(
            "python requirements", old.python?.packages.requirements ?? [], new.python?.packages.requirements ?? [])
        compareLists(old, new)
        if packages.isEmpty, others.isEmpty, old != new {
            others.append("entries differ that have no name here (stages, paths, keys, reasons): compare the files")
        }
    }

    private mutating func compare<Value: Equatable>(_ what: String, _ a: Value, _ b: Value) {
        if a != b { others.append("\(what): \(a) -> \(b)") }
    }

    private mutating func compareLists(_ old: Lockfile, _ new: Lockfile) {
        func repositories(_ lock: Lockfile) -> [Lockfile.Repository] { lock.alpine?.repositories ?? [] }
        for name in Set((repositories(old) + repositories(new)).map(\.name)).sorted() {
            func repository(_ lock: Lockfile) -> Lockfile.Repository? { repositories(lock).first { $0.name == name } }
            compare(
                "repository \(name)", repository(old)?.index.sha256.hex ?? "none",
                repository(new)?.index.sha256.hex ?? "none")
            if repository(old) != nil, repository(new) != nil {
                compare("repository \(name)", Self.line(repository(old)), Self.line(repository(new)))
            }
        }
        // Format 1 doesn't say; the manifest's hash does.
        if let old = old.debian?.selection, let new = new.debian?.selection {
            compare("variant", old.variant.rawValue, new.variant.rawValue)
            compare("install", old.install, new.install)
        }
        compare("steps", old.contents.steps, new.contents.steps)
        compare("prune", old.contents.prune, new.contents.prune)
        compare("allow", old.contents.allowed.map(\.path), new.contents.allowed.map(\.path))
        compare(
            "agent", (old.contents.agent?.sources ?? []).map(Self.line),
            (new.contents.agent?.sources ?? []).map(Self.line))
        compare("files", old.contents.ownFiles.map(Self.line), new.contents.ownFiles.map(Self.line))
        compare("folders copied", old.contents.trees.map(Self.line), new.contents.trees.map(Self.line))
        compare(
            "links", old.contents.links.map { "\($0.target) -> \($0.to)" },
            new.contents.links.map { "\($0.target) -> \($0.to)" })
        compare("folders", old.contents.folders.map(Self.line), new.contents.folders.map(Self.line))
        compare("python interpreter", old.python?.interpreter ?? [], new.python?.interpreter ?? [])
        compare("apk install", old.alpine?.world ?? [], new.alpine?.world ?? [])
        for place in Set((old.archives + new.archives).map(\.place)).sorted() {
            func archives(_ lock: Lockfile) -> [Lockfile.Archive] { lock.archives.filter { $0.place == place } }
            func states(_ lock: Lockfile) -> String {
                let times = archives(lock).map(\.snapshot).sorted()
                return times.isEmpty ? "none" : times.joined(separator: ", ")
            }
            compare("archive \(place)", states(old), states(new))
            func overrides(_ lock: Lockfile) -> [String] {
                Set(archives(lock).flatMap { $0.thirdParty?.overrides ?? [] }).sorted()
            }
            compare("archive \(place) gives what Debian has too", overrides(old), overrides(new))
            if let old = archives(old).first, let new = archives(new).first {
                compare("archive \(place) keys", old.keys, new.keys)
                compare("archive \(place) prefer", old.thirdParty?.prefer ?? 0, new.thirdParty?.prefer ?? 0)
                compare("archive \(place) packages", Self.limit(old), Self.limit(new))
            }
        }
    }

    private static func limit(_ archive: Lockfile.Archive) -> String {
        archive.thirdParty?.packages?.joined(separator: ", ") ?? "all"
    }

    /// Where an Alpine repository is, and who signs it.
    private static func line(_ repository: Lockfile.Repository?) -> String {
        guard let repository else { return "none" }
        let tag = repository.tag.map { "@\($0) " } ?? ""
        return "\(tag)\(repository.url ?? repository.name), signed by \(repository.key.path) "
            + "\(repository.key.sha256.hex.prefix(12))"
    }

    private static func line(_ file: Lockfile.File) -> String {
        "\(file.target) 0\(Octal.text(file.mode, width: 3)) \(file.own?.sha256.hex.prefix(12) ?? "")"
            + line(file.ownership)
    }

    private static func line(_ tree: Lockfile.Tree) -> String {
        "\(tree.source.source)/ -> \(tree.source.target) \(tree.list.sha256.hex.prefix(12))\(line(tree.source.ownership))"
    }

    private static func line(_ folder: ImageFolder) -> String {
        "\(folder.target) 0\(Octal.text(folder.mode, width: 3))\(line(folder.ownership))"
    }

    private static func line(_ ownership: Ownership) -> String {
        ownership == .root ? "" : " \(ownership.owner ?? "root"):\(ownership.group ?? "root")"
    }

    private static func line(_ input: Lockfile.Input?) -> String {
        input.map { "\($0.path) \($0.sha256.hex.prefix(12))" } ?? "none"
    }

    private static func release(_ lock: Lockfile) -> String { lock.debian?.release ?? lock.alpine?.release ?? "" }

    /// What a difference is made of, whatever a lock lists.
    private struct Item {
        var name: String
        var version: String
        var sha256: Digest
    }

    private static func items(_ packages: [Lockfile.Package]) -> [Item] {
        packages.map { Item(name: $0.name, version: $0.version, sha256: $0.file.sha256) }
    }

    private static func items(_ alpine: Lockfile.Alpine?) -> [Item] {
        (alpine?.packages ?? []).map { Item(name: $0.name, version: $0.version, sha256: $0.file.sha256) }
    }

    private static func items(_ python: Lockfile.Python?) -> [Item] {
        (python?.wheels ?? []).map { Item(name: $0.name, version: $0.version, sha256: $0.file.sha256) }
    }

    /// A version in Debian's order, whose `~` sorts before the end: Python's 1.0rc1 and Alpine's 1.0_rc1 come before 1.0
    /// (PEP 440; Alpine's package policies).
    private static func order(_ version: String, list: String) -> DebianVersion {
        guard list == "wheel" || version.contains("_") else { return DebianVersion(version) }
        var text = version.replacing("!", with: ":")
        for mark in ["_alpha", "_beta", "_pre", "_rc"] { text = text.replacing(mark, with: "~\(mark.dropFirst())") }
        if list == "wheel" {
            text = text.replacing(".dev", with: "~dev")
            for mark in ["a", "b", "rc"] {
                for digit in 0...9 { text = text.replacing("\(digit)\(mark)", with: "\(digit)~\(mark)") }
            }
        }
        return DebianVersion(text)
    }

    private static func packages(_ old: [Item], _ new: [Item], list: String) -> [Package] {
        let before = Dictionary(old.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let after = Dictionary(new.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return Set(before.keys).union(after.keys).sorted().compactMap { name in
            let (a, b) = (before[name], after[name])
            let change: String
            switch (a, b) {
            case (nil, _): change = "added"
            case (_, nil): change = "removed"
            case (let a?, let b?):
                let (from, to) = (order(a.version, list: list), order(b.version, list: list))
                if from < to {
                    change = "upgraded"
                } else if to < from {
                    change = "downgraded"
                } else if a.sha256 != b.sha256 {
                    change = "rebuilt"
                } else {
                    return nil
                }
            }
            return Package(name: name, old: a?.version, new: b?.version, list: list, change: change)
        }
    }
}

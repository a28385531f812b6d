import RuntimeSpec

/// What changed from one lock to another.
public struct LockDifference: Codable, Equatable, Sendable {
    /// A package whose version, or presence, differs.
    public struct Package: Codable, Equatable, Sendable {
        public var name: String
        /// nil where the old lock doesn't have it.
        public var old: String?
        /// nil where the new lock doesn't have it.
        public var new: String?
        /// `package` or `toolchain`.
        public var list: String
        /// `added`, `removed`, `upgraded`, `downgraded`, or `rebuilt`: other bytes under the same version.
        public var change: String
    }

    public var packages: [Package]
    /// Anything else, a line each.
    public var others: [String]

    public var isEmpty: Bool { packages.isEmpty && others.isEmpty }

    public init(from old: Lockfile, to new: Lockfile) {
        packages =
            Self.packages(old.packages, new.packages, list: "package")
            + Self.packages(old.toolchain, new.toolchain, list: "toolchain")
        var others: [String] = []
        func compare<Value: Equatable>(_ what: String, _ a: Value, _ b: Value) {
            if a != b { others.append("\(what): \(a) -> \(b)") }
        }
        compare("recipe", old.recipe, new.recipe)
        compare("name", old.name, new.name)
        compare("system", old.system.rawValue, new.system.rawValue)
        compare("release", old.release, new.release)
        compare("manifest-sha256", old.manifestSHA256, new.manifestSHA256)
        compare("source-date-epoch", old.sourceDateEpoch, new.sourceDateEpoch)
        compare("compression", old.image.compression.rawValue, new.image.compression.rawValue)
        compare("level", old.image.level ?? 0, new.image.level ?? 0)
        compare("block-size", old.image.blockSize, new.image.blockSize)
        compare("steps", old.steps, new.steps)
        compare("prune", old.prune, new.prune)
        compare("allow", old.allowed.map(\.path), new.allowed.map(\.path))
        compare("files", old.files.map(Self.line), new.files.map(Self.line))
        for suite in Set((old.archives + new.archives).map(\.suite)).sorted() {
            func states(_ lock: Lockfile) -> String {
                let times = lock.archives.filter { $0.suite == suite }.map(\.snapshot).sorted()
                return times.isEmpty ? "none" : times.joined(separator: ", ")
            }
            compare("archive \(suite)", states(old), states(new))
        }
        self.others = others
    }

    private static func line(_ file: Lockfile.File) -> String { "\(file.target) \(file.source.sha256.prefix(12))" }

    private static func packages(_ old: [Lockfile.Package], _ new: [Lockfile.Package], list: String) -> [Package] {
        let before = Dictionary(old.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let after = Dictionary(new.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return Set(before.keys).union(after.keys).sorted().compactMap { name in
            let (a, b) = (before[name], after[name])
            let change: String
            switch (a, b) {
            case (nil, _): change = "added"
            case (_, nil): change = "removed"
            case (let a?, let b?):
                let (from, to) = (DebianVersion(a.version), DebianVersion(b.version))
                if from < to {
                    change = "upgraded"
                } else if to < from {
                    change = "downgraded"
                } else if a.file.sha256 != b.file.sha256 {
                    change = "rebuilt"
                } else {
                    return nil
                }
            }
            return Package(name: name, old: a?.version, new: b?.version, list: list, change: change)
        }
    }
}

import Host

/// What a person wants in a runtime: `runtime.toml`, read, checked and with its defaults filled in.
public struct Manifest: Equatable, Sendable {
    /// What an image starts from.
    public enum System: String, CaseIterable, Sendable {
        /// Packages of Debian's archive, installed by its dpkg.
        case debian
        /// A release's minirootfs, and packages installed by its apk.
        case alpine
        /// Any root file system in a tar archive of known bytes.
        case tarball
        /// Nothing: a volume of files that programs mount.
        case empty
    }

    /// How much of Debian a base holds before the packages that are asked for.
    public enum Variant: String, CaseIterable, Sendable {
        /// The packages marked Essential and what they depend on.
        case essential
        /// Those, apt, and all of Priority: required.
        case minbase
    }

    /// What an image starts from, with what the manifest says of it.
    public enum Base: Equatable, Sendable {
        /// Where its packages come from, and how much of Debian it holds.
        case debian(DebianSuites, Variant)
        /// A release, and what may sign its indexes.
        case alpine(AlpineBase)
        /// The archive.
        case tarball(FileSource)
        /// Nothing: a volume.
        case empty
    }

    /// A file of the user's own that goes into the image.
    public struct File: Equatable, Sendable {
        /// Where its bytes come from.
        public let source: FileSource
        /// Its absolute path in the image.
        public let target: String
        /// Permission bits, with set-user-id, set-group-id and sticky bits.
        public let mode: Int
        /// Its owner.
        public let ownership: Ownership
    }

    /// The runtime's name: the lock's and the golden file's name too.
    public let name: String
    /// What the image starts from.
    public let base: Base
    /// Package archives of other people, by name.
    public let archives: [ThirdPartyArchive]
    /// Packages to install besides the base's, sorted, each once.
    public let packages: [String]
    /// Debian packages of the user's own, by path beside the manifest, sorted.
    public let packageFiles: [String]
    /// Wheels to install.
    public let python: PythonPackages?
    /// rtverify's own init; nil where the image has another, or none.
    public private(set) var initProgram: InitProgram?
    /// In the manifest's order.
    public let files: [File]
    /// Folders whose contents go into the image, in the manifest's order.
    public let trees: [TreeSource]
    /// Symbolic links, in the manifest's order.
    public let links: [ImageLink]
    /// Folders that the image has, in the manifest's order.
    public let folders: [ImageFolder]
    /// Shell commands that run in the sandbox when all packages are configured.
    public let steps: [String]
    /// Absolute paths: a folder is emptied, anything else removed.
    public let prune: [String]
    /// Findings of `audit` that are meant.
    public let allowed: [Allowance]
    /// How it is packed.
    public let image: ImageOptions
    /// Where the packages come from that pack the image.
    public let toolchain: DebianSuites

    private static let keys = [
        "runtime", "base", "archive", "repository", "packages", "python", "init", "file", "link", "folder", "step",
        "prune", "allow",
        "image",
        "toolchain",
    ]

    /// Reads a manifest.
    /// - Parameters:
    ///   - text: The document.
    ///   - file: The name that errors show.
    /// - Throws: `SpecError`.
    public init(text: String, file: String) throws {
        let root = try TOMLFields(text: text, file: file, known: Self.keys)
        let runtime = try root.table("runtime", known: ["name", "architecture"])
        name = try runtime.string("name", "letters, digits and ._-", Spelling.isName)
        let architecture = try runtime.optionalString("architecture") ?? Lockfile.architecture
        guard architecture == Lockfile.architecture else {
            throw SpecError.badValue(
                file: file, key: "runtime.architecture", found: "'\(architecture)'",
                expected: "'x86_64', the architecture of Aleph's VMs")
        }
        let written = try Base(in: root)
        archives = try ThirdPartyArchive.all(in: root, beside: written.suites?.suites ?? [])
        packages = Set(PackageWish.normalized(try Self.packages(in: root, written))).sorted()
        packageFiles = try Self.packageFiles(in: root, written)
        base = try written.naming(suitesOf: packages, beside: archives, file: file)
        python = try root.optionalTable("python", known: PythonPackages.manifestKeys).map { try PythonPackages($0) }
        initProgram = try root.optionalTable("init", known: InitProgram.keys).map { try InitProgram($0) }
        (files, trees) = try Self.files(in: root)
        links = try ImageLink.form.entries("link", in: root)
        folders = try ImageFolder.form.entries("folder", in: root)
        steps = try root.tables("step", known: ["run"]).map { try $0.string("run", "a command", Spelling.isCommand) }
        prune =
            try root.optionalTable("prune", known: ["paths"])?.strings(
                "paths", "a normalized absolute path", Spelling.isImagePath) ?? []
        allowed = try Allowance.form.entries("allow", in: root)
        image = try root.optionalTable("image", known: ImageOptions.keys).map(ImageOptions.init) ?? ImageOptions()
        let tools = if case .debian(let suites, _) = base { suites.tools } else { DebianSuites.bookworm }
        toolchain =
            try root.optionalTable("toolchain", known: ["release", "suites", "components", "keys"]).map {
                try DebianSuites($0, defaultRelease: tools.release)
            } ?? tools
        if alpine == nil, root.has("repository") {
            throw SpecError.inconsistent(
                file: file, reason: "\(base.system.phrase) has no Alpine packages: [[repository]] is for an Alpine base"
            )
        }
        try checkBase(file)
        try checkPaths(file)
    }

    private static func packages(in root: TOMLFields, _ base: Base) throws -> [String] {
        let fields = try root.optionalTable("packages", known: packageKeys)
        return base.system == .alpine
            ? try fields?.strings(
                "install", "a package name, as 'jq', 'jq=1.7.1-r0', 'jq~1.7' or 'jq@TAG'", Spelling.isAlpineWish)
                ?? []
            : try fields?.strings(
                "install", "a package name, as 'jq', 'jq=1.6-2.1' or 'jq/bookworm-backports'", PackageWish.isWish) ?? []
    }

    private static let packageKeys = ["install", "files"]

    private static func packageFiles(in root: TOMLFields, _ base: Base) throws -> [String] {
        guard let fields = try root.optionalTable("packages", known: packageKeys), fields.has("files") else {
            return []
        }
        guard case .debian = base else {
            throw SpecError.inconsistent(
                file: root.file, reason: "\(base.system.phrase) has no dpkg: 'packages.files' is for a Debian base")
        }
        return Set(
            try fields.strings("files", "the path of a .deb below the manifest's folder") {
                Spelling.isArchivePath($0) && $0.hasSuffix(".deb")
            }
        ).sorted()
    }

    /// `[[file]]`: a file, or where the source ends with a slash what a folder holds.
    private static func files(in root: TOMLFields) throws -> (files: [File], trees: [TreeSource]) {
        var (files, trees) = ([File](), [TreeSource]())
        for file in try root.tables("file", known: TreeSource.keys) {
            if try !file.isTable("source"), let source = try file.optionalString("source"), source.hasSuffix("/") {
                trees.append(try TreeSource.form.read(file))
                continue
            }
            if let key = ["folder-mode", "exclude"].first(where: file.has) {
                throw SpecError.inconsistent(
                    file: root.file, reason: "'\(file.name(of: key))' is for a folder, whose source ends with a slash")
            }
            files.append(
                File(
                    source: try FileSource(file, "source"),
                    target: try file.string("target", "a normalized absolute path", Spelling.isImagePath),
                    mode: try mode(file), ownership: try Ownership(file)))
        }
        return (files, trees)
    }

    /// What would not be in the image as it is written here.
    private func checkPaths(_ file: String) throws {
        try ImagePlaces(self).check(file)
        let agentPlace = AgentSources.folder
        if initProgram == .agent,
            let path = prune.first(where: {
                ReservedPaths.isAtOrBelow(agentPlace, $0) || ReservedPaths.isAtOrBelow($0, agentPlace)
            })
        {
            throw SpecError.inconsistent(file: file, reason: "'\(path)': the agent of [init] is in \(agentPlace)")
        }
        for path in prune where ["/dev", "/proc", "/sys"].contains(where: { ReservedPaths.isAtOrBelow(path, $0) }) {
            throw SpecError.inconsistent(
                file: file, reason: "'\(path)' can't be pruned: the system is there, not the image")
        }
    }

    /// What a base can't have, because nothing in it could install or run it.
    private func checkBase(_ file: String) throws {
        func fail(_ reason: String) -> SpecError {
            .inconsistent(file: file, reason: "\(base.system.phrase) \(reason)")
        }
        if base.system != .debian, !archives.isEmpty {
            throw fail("has no Debian packages: [[archive]] is for a Debian base")
        }
        let tags = Set(alpine?.others.compactMap(\.tag) ?? [])
        if case .alpine = base,
            let wish = packages.first(where: { Spelling.alpineTag($0).map { !tags.contains($0) } ?? false })
        {
            throw SpecError.inconsistent(
                file: file, reason: "[packages] names '\(wish)', and no [[repository]] has that tag")
        }
        if base != .empty, python?.target == "/" { throw fail("has other things at '/': name a folder for wheels") }
        switch base {
        case .debian: return
        case .alpine, .tarball:
            if case .tarball = base, !packages.isEmpty { throw fail("has no package manager that rtverify knows") }
        case .empty:
            if !packages.isEmpty || !steps.isEmpty {
                throw fail(
                    "has no package manager and no shell: it takes files and wheels, and neither packages nor steps")
            }
            if initProgram != nil { throw fail("is no system that an init could start") }
            if python?.usesSystem == true { throw fail("has no interpreter whose folder 'system' could mean") }
        }
    }

    /// The same with another init.
    public func with(initProgram: InitProgram?) -> Manifest {
        var other = self
        other.initProgram = initProgram
        return other
    }

    /// What it asks of a Debian base, as a lock repeats it; nil of another base.
    public var selection: Lockfile.Selection? {
        guard case .debian(_, let variant) = base else { return nil }
        return .init(variant: variant, install: packages)
    }

    /// Where a Debian base's packages come from; no suite of another base.
    public var suites: DebianSuites {
        base.suites ?? DebianSuites(release: "", suites: [], components: [], keys: [])
    }

    /// The Alpine base; nil where there is another.
    public var alpine: AlpineBase? { if case .alpine(let alpine) = base { alpine } else { nil } }

    /// Reads `base.variant`, in a manifest or a lock.
    static func variant(_ base: TOMLFields) throws -> Variant {
        let names = Variant.allCases.map(\.rawValue).joined(separator: ", ")
        let text = try base.string("variant", "one of \(names)") { Variant(rawValue: $0) != nil }
        return Variant(rawValue: text) ?? .minbase
    }

    /// Reads `base.system`, in a manifest or a lock.
    static func system(_ base: TOMLFields) throws -> System {
        let names = System.allCases.map { "'\($0.rawValue)'" }.joined(separator: " or ")
        return System(rawValue: try base.string("system", names) { System(rawValue: $0) != nil }) ?? .debian
    }

    /// The `mode` of a file: an octal string, `standard` when it isn't given.
    static func mode(_ fields: TOMLFields, _ key: String = "mode", standard: Int = 0o644) throws -> Int {
        guard fields.has(key) else { return standard }
        let text = try fields.string(key, "an octal string from \"0000\" to \"7777\"") {
            // No sign, which Int would take too.
            (1...5).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x30...0x37).contains($0) }
                && Int($0, radix: 8).map { $0 <= 0o7777 } == true
        }
        return Int(text, radix: 8) ?? standard
    }

    static func firstDuplicate(_ texts: [String]) -> String? {
        // By bytes: two spellings that Unicode calls equal are two names.
        var seen: Set<[UInt8]> = []
        return texts.first { !seen.insert(Array($0.utf8)).inserted }
    }
}

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

    /// A file of the user's own that goes into the image.
    public struct File: Equatable, Sendable {
        public var source: FileSource
        /// Its absolute path in the image.
        public var target: String
        /// Permission bits, with set-user-id, set-group-id and sticky bits.
        public var mode: Int
    }

    /// The runtime's name: the lock's and the golden file's name too.
    public var name: String
    public var architecture: String
    public var system: System
    /// Where a Debian base's packages come from; nothing for another base.
    public var base: DebianSuites
    /// An Alpine base.
    public var alpine: AlpineBase?
    /// A tarball base's archive.
    public var tarball: FileSource?
    public var variant: Variant
    /// Packages to install besides the variant's, sorted, each once.
    public var packages: [String]
    /// Wheels to install.
    public var python: PythonPackages?
    /// rtverify's own init; nil where the image has another, or none.
    public var initProgram: InitProgram?
    public var files: [File]
    /// Shell commands that run in the sandbox when all packages are configured.
    public var steps: [String]
    /// Absolute paths: a folder is emptied, anything else removed.
    public var prune: [String]
    /// Findings of `audit` that are meant.
    public var allowed: [Allowance]
    public var image: ImageOptions
    /// Where the packages come from that pack the image.
    public var toolchain: DebianSuites

    /// Reads a manifest.
    /// - Parameters:
    ///   - text: The document.
    ///   - file: The name that errors show.
    /// - Throws: `SpecError`.
    public init(text: String, file: String) throws {
        let root = try TOMLFields(text: text, file: file, known: Self.keys)
        let runtime = try root.table("runtime", known: ["name", "architecture"])
        name = try runtime.string("name", "letters, digits and ._-", Spelling.isName)
        architecture = try runtime.optionalString("architecture") ?? "x86_64"
        guard architecture == "x86_64" else {
            throw SpecError.badValue(
                file: file, key: "runtime.architecture", found: "'\(architecture)'",
                expected: "'x86_64', the architecture of Aleph's VMs")
        }

        let known = ["system"] + System.allCases.flatMap(Self.baseKeys)
        let base = try root.table("base", known: known)
        system = try Self.system(base)
        let own = Self.baseKeys(system)
        if let key = known.dropFirst().first(where: { base.has($0) && !own.contains($0) }) {
            throw SpecError.inconsistent(file: file, reason: "\(system.phrase) has no '\(key)'")
        }
        self.base =
            system == .debian
            ? try Self.suites(base, defaultRelease: nil)
            : DebianSuites(release: "", suites: [], components: [], keys: [])
        alpine = system == .alpine ? try AlpineBase(base) : nil
        tarball = system == .tarball ? try FileSource(base, "source") : nil
        variant = base.has("variant") ? try Self.variant(base) : .minbase

        let packages = try root.optionalTable("packages", known: ["install"])
        self.packages = Set(
            try packages?.strings(
                "install", "a package name", system == .alpine ? Spelling.isAlpineName : Spelling.isPackageName) ?? []
        ).sorted()
        python = try root.optionalTable("python", known: PythonPackages.keys).map { try PythonPackages($0) }
        initProgram = try root.optionalTable("init", known: ["command"]).map { try InitProgram($0) }

        files = try root.tables("file", known: ["source", "target", "mode"]).map { file in
            File(
                source: try FileSource(file, "source"),
                target: try file.string("target", "a normalized absolute path", Spelling.isImagePath),
                mode: try Self.mode(file))
        }
        if let twice = Self.firstDuplicate(files.map(\.target)) {
            throw SpecError.inconsistent(file: file, reason: "two files have the target '\(twice)'")
        }
        steps = try root.tables("step", known: ["run"]).map { try $0.string("run", "a command", Spelling.isCommand) }
        try Self.check(file: file, system, packages: self.packages, steps: steps, python: python, initProgram)
        let prune = try root.optionalTable("prune", known: ["paths"])
        self.prune = try prune?.strings("paths", "a normalized absolute path", Spelling.isImagePath) ?? []
        allowed = try Allowance.all(in: root)
        image = try root.optionalTable("image", known: ImageOptions.keys).map(ImageOptions.init) ?? ImageOptions()

        let tools = try root.optionalTable("toolchain", known: ["release", "suites", "components", "keys"])
        toolchain =
            try tools.map { try Self.suites($0, defaultRelease: "bookworm") }
            ?? .bookworm
        try checkPaths(file)
    }

    /// What would not be in the image as it is written here.
    private func checkPaths(_ file: String) throws {
        if initProgram != nil, files.contains(where: { $0.target == "/sbin/init" }) {
            throw SpecError.inconsistent(file: file, reason: "[init] and a file are both /sbin/init")
        }
        for target in files.map(\.target) {
            guard let reason = ReservedPaths.reason(target, system: system, pruned: prune) else { continue }
            throw SpecError.inconsistent(
                file: file, reason: "the file '\(target)' would not be in the image: \(reason)")
        }
        for path in prune where ["/dev", "/proc", "/sys"].contains(where: { ReservedPaths.isAtOrBelow(path, $0) }) {
            throw SpecError.inconsistent(
                file: file, reason: "'\(path)' can't be pruned: the system is there, not the image")
        }
    }

    private static let keys = [
        "runtime", "base", "packages", "python", "init", "file", "step", "prune", "allow", "image", "toolchain",
    ]

    /// The keys that `[base]` may have besides `system`.
    private static func baseKeys(_ system: System) -> [String] {
        switch system {
        case .debian: ["release", "suites", "components", "variant", "keys"]
        case .alpine: AlpineBase.keys
        case .tarball: ["source"]
        case .empty: []
        }
    }

    /// What a base can't have, because nothing in it could install or run it.
    private static func check(
        file: String, _ system: System, packages: [String], steps: [String], python: PythonPackages?,
        _ initProgram: InitProgram?
    ) throws {
        func fail(_ reason: String) -> SpecError { .inconsistent(file: file, reason: "\(system.phrase) \(reason)") }
        if system != .empty, python?.target == "/" { throw fail("has other things at '/': name a folder for wheels") }
        switch system {
        case .debian: return
        case .alpine, .tarball:
            if system == .tarball, !packages.isEmpty { throw fail("has no package manager that rtverify knows") }
            // The interpreter would come from packages that only a full resolution could tell from the base's own.
            if python != nil { throw fail("takes no wheels: they are for a Debian base or an empty one") }
        case .empty:
            if !packages.isEmpty || !steps.isEmpty {
                throw fail(
                    "has no package manager and no shell: it takes files and wheels, and neither packages nor steps")
            }
            if initProgram != nil { throw fail("is no system that an init could start") }
            if python?.usesSystem == true { throw fail("has no interpreter whose folder 'system' could mean") }
        }
    }

    /// What it asks of a Debian base, as a lock repeats it.
    public var selection: Lockfile.Selection { .init(variant: variant, install: packages) }

    /// The manifest in one fixed form, defaults and all: what `manifest-sha256` is taken of. Comments, the order of
    /// keys and a default that is spelled out don't change it.
    public var canonicalText: String {
        var text = TOMLText()
        text.value("name", name)
        text.value("architecture", architecture)
        // Not there for Debian, so that what was locked before keeps its hash.
        if system != .debian { text.value("system", system.rawValue) }
        for (table, suites) in [("base", base), ("toolchain", toolchain)] {
            if table == "base", let alpine {
                alpine.write(to: &text)
                continue
            }
            text.table(table)
            if table == "base" { tarball?.write("source", to: &text) }
            text.value("release", suites.release)
            text.value("suites", suites.suites)
            text.value("components", suites.components)
            text.value("keys", suites.keys)
        }
        text.table("packages")
        text.value("variant", variant.rawValue)
        text.value("install", packages)
        python?.write(to: &text)
        initProgram?.write(to: &text)
        for file in files {
            text.element("file")
            file.source.write("source", to: &text)
            text.value("target", file.target)
            text.value("mode", octal(file.mode))
        }
        for step in steps {
            text.element("step")
            text.value("run", step)
        }
        text.table("prune")
        text.value("paths", prune)
        Allowance.write(allowed, to: &text)
        image.write(to: &text)
        return text.text
    }

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

    private static func suites(_ fields: TOMLFields, defaultRelease: String?) throws -> DebianSuites {
        let release =
            defaultRelease != nil && !fields.has("release")
            ? defaultRelease ?? "" : try fields.string("release", "a release's code name", Spelling.isName)
        let suites = try fields.strings("suites", "a suite's name", Spelling.isSuite)
        let keys = try fields.strings(
            "keys", "a fingerprint of 40 upper-case hexadecimal digits", Spelling.isFingerprint)
        guard let knownSuites = suites.isEmpty ? DebianRelease.suites(of: release) : suites else {
            throw SpecError.badValue(
                file: fields.file, key: fields.name(of: "release"), found: "'\(release)'",
                expected: "'bookworm' or 'bullseye', or 'suites' and 'keys' beside it")
        }
        guard let knownKeys = keys.isEmpty ? DebianRelease.keys(of: release) : keys else {
            throw fields.missing("keys")
        }
        let components = try fields.strings("components", "a component's name", Spelling.isName)
        return DebianSuites(
            release: release, suites: knownSuites, components: components.isEmpty ? ["main"] : components,
            keys: Set(knownKeys).sorted())
    }

    /// The `mode` of a file: an octal string, 0644 when it isn't given.
    static func mode(_ fields: TOMLFields) throws -> Int {
        guard fields.has("mode") else { return 0o644 }
        let text = try fields.string("mode", "an octal string from \"0000\" to \"7777\"") {
            // No sign, which Int would take too.
            (1...5).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x30...0x37).contains($0) }
                && Int($0, radix: 8).map { $0 <= 0o7777 } == true
        }
        return Int(text, radix: 8) ?? 0o644
    }

    static func firstDuplicate(_ texts: [String]) -> String? {
        var seen: Set<String> = []
        return texts.first { !seen.insert($0).inserted }
    }
}

extension Manifest.System {
    /// For errors.
    var phrase: String {
        switch self {
        case .debian: "a Debian base"
        case .alpine: "an Alpine base"
        case .tarball: "a tarball base"
        case .empty: "an empty base"
        }
    }
}

/// Permission bits as manifests and locks write them: four octal digits.
func octal(_ mode: Int) -> String {
    let digits = String(mode, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
}

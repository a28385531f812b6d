/// How a lock is spelt, as a whole. Each entry's spelling is beside its type.
extension Lockfile {
    /// The bytes of the lockfile. Equal locks give equal bytes.
    public var text: String {
        var text = TOMLText()
        text.comment("Written by `rtverify lock`; not meant to be edited by hand.")
        text.value("version", format.version)
        text.value("recipe", format.recipe)
        if format.oldestRelease != Release.first { text.value("needs", format.oldestRelease) }
        text.value("manifest-sha256", manifestSHA256)
        text.value("source-date-epoch", sourceDateEpoch)
        text.table("runtime")
        text.value("name", name)
        text.value("architecture", Self.architecture)
        write(base, to: &text)
        contents.write(to: &text)
        Archive.form.write(archives, as: "archive", to: &text)
        alpine?.write(to: &text)
        python?.write(to: &text)
        Package.form.write(packages, as: "package", to: &text)
        Package.toolForm.write(toolchain, as: "toolchain", to: &text)
        contents.agent?.write(to: &text)
        return text.text
    }

    private func write(_ base: Base, to text: inout TOMLText) {
        text.table("base")
        text.value("system", system.rawValue)
        switch base {
        case .debian(let debian):
            text.value("release", debian.release)
            guard let selection = debian.selection else { return }
            text.value("variant", selection.variant.rawValue)
            text.table("packages")
            text.value("install", selection.install)
        case .alpine(let alpine):
            text.value("release", alpine.release)
            alpine.minirootfs.write(path: "tarball", to: &text)
        case .tarball(let input): input.write(path: "tarball", to: &text)
        case .empty: return
        }
    }

    private static let keys = [
        "version", "recipe", "needs", "manifest-sha256", "source-date-epoch", "runtime", "base", "packages", "image",
        "prune",
        "allow", "file", "tree", "link", "folder", "step", "archive", "package", "toolchain", "python", "wheel", "apk",
        "repository",
        "alpine-package", "init", "agent", "compiler",
    ]
    private static let baseKeys = ["system", "release", "variant"] + Input.keys(path: "tarball")

    /// Reads a lockfile.
    /// - Parameters:
    ///   - text: The document.
    ///   - file: The name that errors show.
    /// - Throws: `SpecError`: malformed, of a newer version or recipe, or inconsistent in itself.
    public init(text: String, file: String) throws {
        do { try self.init(whole: text, file: file) } catch SpecError.missingKey(let file, let key) {
            throw SpecError.lockKeyMissing(file: file, key: key)
        }
    }

    private init(whole text: String, file: String) throws {
        let root = try TOMLFields(text: text, file: file)
        // The version comes first, so that a newer lock is called that, and not one with unknown keys.
        let format = Format(
            version: try Self.known(root, "version", newest: Format.newestVersion),
            recipe: try Self.known(root, "recipe", newest: Format.newestRecipe))
        try root.check(known: Self.keys)
        if let needs = try root.optionalString("needs"), needs != format.oldestRelease {
            throw SpecError.inconsistent(
                file: file,
                reason:
                    "'needs' is '\(needs)', and format \(format.version) with recipe \(format.recipe) is built by rtverify "
                    + "\(format.oldestRelease) and newer")
        }
        let runtime = try root.table("runtime", known: ["name", "architecture"])
        _ = try runtime.string("architecture", "'\(Self.architecture)'") { $0 == Self.architecture }
        self.init(
            format: format, manifestSHA256: try root.digest("manifest-sha256"),
            sourceDateEpoch: try root.integer("source-date-epoch", in: 0...0xffff_ffff),
            name: try runtime.string("name", "a name", Spelling.isName),
            base: try Self.base(in: root), contents: try Contents(in: root),
            archives: try Archive.form.entries("archive", in: root),
            toolchain: try Package.toolForm.entries("toolchain", in: root))
        try check(file: file)
    }

    /// The release that a newer lock names, which is all that can be read of it.
    private static func needs(_ root: TOMLFields) -> String? {
        guard let needs = try? root.optionalString("needs"), needs.wholeMatch(of: /\d{1,9}(\.\d{1,9}){2}/) != nil else {
            return nil
        }
        return needs
    }

    /// The number of a format or recipe that this program has.
    private static func known(_ root: TOMLFields, _ key: String, newest: Int) throws -> Int {
        let number = try root.integer(key, in: Int.min...Int.max)
        guard (1...newest).contains(number) else {
            throw SpecError.unsupported(
                file: root.file, what: key, found: number, newest: newest, needs: Self.needs(root))
        }
        return number
    }

    /// What a base of one system has and another doesn't: the tables, and what they list.
    private static let tables: [(key: String, system: Manifest.System, what: String)] = [
        ("package", .debian, "Debian packages"), ("packages", .debian, "Debian packages"),
        ("apk", .alpine, "Alpine packages"), ("repository", .alpine, "Alpine packages"),
        ("alpine-package", .alpine, "Alpine packages"),
    ]

    private static func base(in root: TOMLFields) throws -> Base {
        let fields = try root.table("base", known: baseKeys)
        let system = try Manifest.system(fields)
        if let (_, _, what) = tables.first(where: { root.has($0.key) && $0.system != system }) {
            throw SpecError.inconsistent(file: root.file, reason: "\(system.phrase) has no \(what)")
        }
        if system != .debian, fields.has("variant") {
            throw SpecError.inconsistent(file: root.file, reason: "\(system.phrase) has no 'variant'")
        }
        switch system {
        case .debian: return .debian(try Debian(base: fields, in: root))
        case .alpine:
            return .alpine(try Alpine(base: fields, minirootfs: Input(fields, path: "tarball"), in: root))
        case .tarball: return .tarball(try Input(fields, path: "tarball"))
        case .empty: return .empty
        }
    }
}

extension Lockfile {
    /// Reads a lockfile.
    /// - Parameters:
    ///   - text: The document.
    ///   - file: The name that errors show.
    /// - Throws: `SpecError`: malformed, of a newer version or recipe, or inconsistent in itself.
    public init(text: String, file: String) throws {
        let root = try TOMLFields(text: text, file: file)
        // The version comes first, so that a newer lock is called that, and not one with unknown keys.
        let version = try Self.known(root, "version", newest: Self.newestVersion)
        let recipe = try Self.known(root, "recipe", newest: Self.newestRecipe)
        try root.check(known: Self.rootKeys)

        let runtime = try root.table("runtime", known: ["name", "architecture"])
        let base = try root.table("base", known: ["system", "release", "variant", "tarball", "size", "sha256"])
        let system = try Manifest.system(base)
        let prune = try root.table("prune", known: ["paths"])

        self.init(
            version: version, recipe: recipe,
            manifestSHA256: try root.string("manifest-sha256", Self.hash, Spelling.isSHA256),
            sourceDateEpoch: try root.integer("source-date-epoch", in: 0...0xffff_ffff),
            name: try runtime.string("name", "a name", Spelling.isName),
            architecture: try runtime.string("architecture", "'x86_64'") { $0 == "x86_64" },
            release: system == .debian || system == .alpine
                ? try base.string("release", "a release's name", Spelling.isName) : "",
            files: try root.tables("file", known: ["target", "mode", "source", "size", "sha256"]).map { file in
                File(
                    target: try file.string("target", "a normalized absolute path", Spelling.isImagePath),
                    mode: try Manifest.mode(file),
                    source: try Self.input(file, path: "source"))
            },
            steps: try root.tables("step", known: ["run"]).map {
                try $0.string("run", "a command", Spelling.isCommand)
            },
            prune: try prune.strings("paths", "a normalized absolute path", Spelling.isImagePath),
            image: try ImageOptions(try root.table("image", known: ImageOptions.keys)),
            archives: try root.tables("archive", known: Self.archiveKeys).map(Self.archive),
            packages: try root.tables("package", known: Self.packageKeys + ["stage"]).map {
                try Self.package($0, stage: $0.integer("stage", in: 0...100_000))
            },
            toolchain: try root.tables("toolchain", known: Self.packageKeys).map { try Self.package($0, stage: 0) })
        self.system = system
        selection = try Self.selection(base, root)
        allowed = try Allowance.all(in: root)
        python = try Python(in: root)
        alpine = try Alpine(in: root)
        if system == .alpine || system == .tarball { tarball = try Self.input(base, path: "tarball") }
        if let fields = try root.optionalTable("init", known: ["command", "sha256"]) {
            initProgram = try InitProgram(fields)
            initSHA256 = try fields.string("sha256", Self.hash, Spelling.isSHA256)
        }
        try check(file: file)
    }

    private static let rootKeys = [
        "version", "recipe", "manifest-sha256", "source-date-epoch", "runtime", "base", "packages", "image", "prune",
        "allow",
        "file", "step", "archive", "package", "toolchain", "python", "wheel", "apk", "repository", "alpine-package",
        "init",
    ]
    private static let archiveKeys = [
        "name", "suite", "components", "snapshot", "inrelease-size", "inrelease-sha256", "release-size",
        "release-sha256", "signature-size", "signature-sha256", "keys", "index",
    ]
    private static let packageKeys = ["name", "version", "architecture", "archive", "path", "size", "sha256"]
    private static let hash = "64 lower-case hexadecimal digits"

    /// The number of a format or recipe that this program has.
    private static func known(_ root: TOMLFields, _ key: String, newest: Int) throws -> Int {
        let number = try root.integer(key, in: Int.min...Int.max)
        guard (1...newest).contains(number) else {
            throw SpecError.unsupported(file: root.file, what: key, found: number, newest: newest)
        }
        return number
    }

    private static func selection(_ base: TOMLFields, _ root: TOMLFields) throws -> Selection? {
        guard base.has("variant") else { return nil }
        return Selection(
            variant: try Manifest.variant(base),
            install: try root.table("packages", known: ["install"]).strings(
                "install", "a Debian package name", Spelling.isPackageName))
    }

    private static func input(_ fields: TOMLFields, path: String) throws -> Input {
        Input(
            path: try fields.string(path, "a URL, or a relative path without empty, '.' or '..' parts") {
                Spelling.isArchivePath($0) || Spelling.isURL($0)
            },
            size: try fields.integer("size", in: 0...Lockfile.largestInput),
            sha256: try fields.string("sha256", hash, Spelling.isSHA256))
    }

    private static func archive(_ fields: TOMLFields) throws -> Archive {
        let suite = try fields.string("suite", "a suite's name", Spelling.isSuite)
        let isDetached = fields.has("signature-sha256")
        func releaseFile(_ key: String, _ name: String) throws -> Input {
            Input(
                path: "dists/\(suite)/\(name)", size: try fields.integer("\(key)-size", in: 1...largestInput),
                sha256: try fields.string("\(key)-sha256", hash, Spelling.isSHA256))
        }
        return Archive(
            name: try fields.string("name", "a name", Spelling.isName),
            suite: suite,
            components: try fields.strings("components", "a component's name", Spelling.isName),
            snapshot: try fields.string("snapshot", "a time like 20261121T101112Z") {
                $0.utf8.count == 16 && $0.hasSuffix("Z") && Spelling.isName($0)
            },
            inRelease: try releaseFile(isDetached ? "release" : "inrelease", isDetached ? "Release" : "InRelease"),
            signature: isDetached ? try releaseFile("signature", "Release.gpg") : nil,
            keys: try fields.strings(
                "keys", "a fingerprint of 40 upper-case hexadecimal digits", Spelling.isFingerprint),
            indexes: try fields.tables("index", known: ["path", "size", "sha256"]).map {
                try input($0, path: "path")
            })
    }

    private static func package(_ fields: TOMLFields, stage: Int) throws -> Package {
        Package(
            archive: try fields.string("archive", "a name", Spelling.isName),
            name: try fields.string("name", "a Debian package name", Spelling.isPackageName),
            version: try fields.string("version", "a Debian version", Spelling.isVersion),
            architecture: try fields.string("architecture", "'amd64' or 'all'") { $0 == "amd64" || $0 == "all" },
            file: try input(fields, path: "path"),
            stage: stage)
    }

    private func check(file: String) throws {
        func fail(_ reason: String) -> SpecError { .inconsistent(file: file, reason: reason) }
        if system == .empty, !packages.isEmpty || !steps.isEmpty {
            throw fail("an empty base has neither packages nor steps")
        }
        if !packages.isEmpty, system != .debian { throw fail("\(system.phrase) has no Debian packages") }
        if alpine != Alpine(), system != .alpine { throw fail("\(system.phrase) has no Alpine packages") }
        try alpine.check(fail)
        if let python { try check(python, fail) }
        if system == .alpine, let tarball, Spelling.isURL(tarball.path) {
            throw fail("Alpine's minirootfs comes from Alpine's mirrors: 'base.tarball' is a path there, no URL")
        }
        if (selection != nil) != (system == .debian && version > 1) {
            throw fail(
                selection == nil
                    ? "its format is \(version), and it doesn't say what was asked for (was the file cut short?)"
                    : "\(system.phrase) of format \(version) has no 'variant'")
        }
        if packages.isEmpty, system == .debian { throw fail("it lists no package (was the file cut short?)") }
        if toolchain.isEmpty { throw fail("it lists no toolchain (was the file cut short?)") }
        if let twice = Manifest.firstDuplicate(archives.map(\.name)) { throw fail("archive '\(twice)' stands twice") }
        for list in [packages, toolchain] {
            if let twice = Manifest.firstDuplicate(list.map(\.name)) { throw fail("package '\(twice)' stands twice") }
            for package in list where archive(named: package.archive) == nil {
                throw fail("package '\(package.name)' is from archive '\(package.archive)', which it doesn't list")
            }
        }
        if let twice = Manifest.firstDuplicate(files.map(\.target)) { throw fail("file '\(twice)' stands twice") }
        for archive in archives where archive.indexes.isEmpty || archive.keys.isEmpty {
            throw fail("archive '\(archive.name)' has no \(archive.keys.isEmpty ? "keys" : "index")")
        }
        let used = Set(packages.map(\.stage))
        if let last = used.max(), used.count != last + 1 {
            throw fail("stages 0 to \(last) don't all have packages")
        }
        try checkSizes(fail)
    }

    private func check(_ python: Python, _ fail: (String) -> SpecError) throws {
        if let twice = Manifest.firstDuplicate(python.wheels.map(\.name)) {
            throw fail("wheel '\(twice)' stands twice")
        }
        let names = Set((system == .empty ? toolchain : packages).map(\.name))
        if let unknown = python.interpreter.first(where: { !names.contains($0) }) {
            throw fail("the interpreter's package '\(unknown)' isn't in it")
        }
        for name in PythonPackages.tools where !toolchain.contains(where: { $0.name == name }) {
            throw fail("it has wheels, and its toolchain lacks \(name)")
        }
    }

    /// Bytes of one hash have one size.
    private func checkSizes(_ fail: (String) -> SpecError) throws {
        var sizes: [String: Int] = [:]
        let wheels = python?.wheels.map(\.file) ?? []
        let others = alpine.packages.map(\.file) + [tarball].compactMap { $0 }
        for input in packages.map(\.file) + toolchain.map(\.file) + files.map(\.source) + wheels + others {
            if let known = sizes.updateValue(input.size, forKey: input.sha256), known != input.size {
                throw fail("\(input.sha256) has two sizes, \(known) and \(input.size)")
            }
        }
    }
}

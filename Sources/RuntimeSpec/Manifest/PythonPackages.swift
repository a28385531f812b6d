/// Python packages of an image: the manifest's `[python]`, which the lock repeats so that it stands alone.
public struct PythonPackages: Equatable, Codable, Sendable {
    /// Where they go: an absolute path, or `system` for the folder that the interpreter itself searches. `/` is an empty
    /// base's own root: a volume that is mounted where programs look.
    public var target: String
    /// What is asked for, as pip's requirements (PEP 508), sorted, each with the hashes that its file may have
    /// (` --hash=sha256:…`). Neither URLs nor other options.
    public var requirements: [String]
    /// Wheels of the user's own, by path beside the manifest, sorted.
    public var wheels: [String]
    /// A file of requirements beside the manifest; a lock has what it asks for among `requirements` instead.
    public var requirementsFile: String?
    /// Optimization levels of the byte code that is made of them (PEP 488): 0, 1 (`-O`) and 2 (`-OO`).
    public var levels: [Int]

    /// Debian packages of the toolchain that resolve and install wheels: pip, and PyPA's installer.
    public static let tools = ["python3-installer", "python3-pip-whl"]

    /// The word for the interpreter's own folder.
    public static let system = "system"

    /// Whether what the base has installed counts as installed.
    public var usesSystem: Bool { target == Self.system }

    /// As they are given: only the reader of a manifest checks them.
    public init(target: String, requirements: [String], levels: [Int], wheels: [String] = []) {
        (self.target, self.requirements, self.levels, self.wheels) = (target, requirements, levels, wheels)
    }

    /// The same with what its file of requirements asks for.
    public func adding(_ more: [String]) -> PythonPackages {
        var other = self
        other.requirements = Set(requirements + more).sorted()
        other.requirementsFile = nil
        return other
    }

    /// Whether it has what format 5 has and no format before.
    var needsFormat5: Bool { !wheels.isEmpty || requirements.contains { $0.contains(Spelling.hashOption) } }

    /// The keys that a lock has.
    static let keys = ["target", "requirements", "compile", "wheels"]
    /// Those of a manifest.
    static let manifestKeys = keys + ["requirements-file"]

    init(_ fields: TOMLFields) throws {
        target = try fields.string("target", "a normalized absolute path, or 'system'") {
            $0 == Self.system || $0 == "/" || Spelling.isImagePath($0)
        }
        let wanted = try fields.strings(
            "requirements", "a requirement like 'fastapi~=0.120.1', without URL or option", Spelling.isHashedRequirement
        )
        requirements = Set(wanted).sorted()
        wheels = Set(
            try fields.strings("wheels", "the path of a wheel below the manifest's folder") {
                Spelling.isArchivePath($0) && Spelling.isWheel(Self.fileName(of: $0))
            }
        ).sorted()
        requirementsFile =
            fields.has("requirements-file")
            ? try fields.string(
                "requirements-file", "a relative path below the manifest's folder", Spelling.isArchivePath) : nil
        if requirements.isEmpty, wheels.isEmpty, requirementsFile == nil { throw fields.missing("requirements") }
        if let twice = Manifest.firstDuplicate(wheels.map { Self.project(ofWheel: $0) }) {
            throw SpecError.inconsistent(file: fields.file, reason: "two wheels of '\(twice)'")
        }
        levels = try fields.levels("compile") ?? [1, 2]
    }

    func write(to text: inout TOMLText) {
        text.table("python")
        text.value("target", target)
        text.value("compile", levels)
        text.value("requirements", requirements)
        if !wheels.isEmpty { text.value("wheels", wheels) }
        if let requirementsFile { text.value("requirements-file", requirementsFile) }
    }

    /// The last part of a path.
    public static func fileName(of path: String) -> String { String(path.split(separator: "/").last ?? "") }

    /// The normalized name that a wheel's file begins with (PEP 427).
    public static func project(ofWheel path: String) -> String {
        normalizedName(fileName(of: path).prefix { $0 != "-" })
    }

    /// Whether a text can be a project's name (PEP 508), and another a version (PEP 440).
    public static func isDistribution(name: String, version: String) -> Bool {
        Spelling.isAlpineName(name) && !name.contains("+") && Spelling.isPythonVersion(version)
    }

    /// A project's name in the one spelling that names are compared in (PEP 503).
    public static func normalizedName(_ name: some StringProtocol) -> String {
        var result = ""
        var isSeparator = false
        for character in name.lowercased() {
            if "-_.".contains(character) {
                isSeparator = true
                continue
            }
            if isSeparator, !result.isEmpty { result.append("-") }
            isSeparator = false
            result.append(character)
        }
        return result
    }
}

extension TOMLFields {
    /// `true` for -O and -OO, `false` for none, or a list of levels.
    fileprivate func levels(_ key: String) throws -> [Int]? {
        guard let numbers = try optionalIntegersOrFlag(key, "true, false, or levels from 0 to 2") else { return nil }
        switch numbers {
        case .flag(let isOn): return isOn ? [1, 2] : []
        case .numbers(let levels):
            guard levels.allSatisfy((0...2).contains) else {
                throw SpecError.badValue(
                    file: file, key: name(of: key), found: "\(levels)", expected: "levels from 0 to 2")
            }
            return Set(levels).sorted()
        }
    }
}

/// How `[base]` is read.
extension Manifest.Base {
    /// Its kind.
    public var system: Manifest.System {
        switch self {
        case .debian: .debian
        case .alpine: .alpine
        case .tarball: .tarball
        case .empty: .empty
        }
    }

    init(in root: TOMLFields) throws {
        let known = ["system"] + Manifest.System.allCases.flatMap(Self.keys)
        let fields = try root.table("base", known: known)
        let system = try Manifest.system(fields)
        let own = Self.keys(system)
        if let key = known.dropFirst().first(where: { fields.has($0) && !own.contains($0) }) {
            throw SpecError.inconsistent(file: root.file, reason: "\(system.phrase) has no '\(key)'")
        }
        switch system {
        case .debian:
            self = .debian(
                try DebianSuites(fields, defaultRelease: nil),
                fields.has("variant") ? try Manifest.variant(fields) : .minbase)
        case .alpine: self = .alpine(try AlpineBase(fields, in: root))
        case .tarball: self = .tarball(try FileSource(fields, "source"))
        case .empty: self = .empty
        }
    }

    /// A Debian base's; nil of another.
    var suites: DebianSuites? { if case .debian(let suites, _) = self { suites } else { nil } }

    /// The same with the suites of its release that packages name: backports, say, which are asked for nothing else.
    func naming(
        suitesOf packages: [String], beside archives: [ThirdPartyArchive], file: String
    ) throws -> Manifest.Base {
        guard case .debian(var suites, let variant) = self else { return self }
        let known = Set(suites.suites + archives.flatMap { [$0.name, $0.suite] })
        for suite in Set(packages.compactMap { PackageWish($0)?.suite }).sorted() where !known.contains(suite) {
            guard suite.hasPrefix("\(suites.release)-"), DebianSuites.standard(suites.release) != nil else {
                throw SpecError.inconsistent(
                    file: file,
                    reason: "[packages] names the suite '\(suite)', which the base doesn't have: it has "
                        + (suites.suites + archives.map(\.name)).joined(separator: ", ")
                        + "; add it to 'base.suites', or its archive as [[archive]]")
            }
            suites.suites.append(suite)
        }
        return .debian(suites, variant)
    }

    /// The keys that `[base]` may have besides `system`.
    private static func keys(_ system: Manifest.System) -> [String] {
        switch system {
        case .debian: ["release", "suites", "components", "variant", "keys"]
        case .alpine: AlpineBase.keys
        case .tarball: ["source"]
        case .empty: []
        }
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

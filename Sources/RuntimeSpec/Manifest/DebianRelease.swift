/// Which suites of a Debian release an image is made from, and who may sign them.
public struct DebianSuites: Equatable, Sendable {
    /// The release's code name, `bookworm`.
    public var release: String
    /// Suite names as they stand under `dists/`: the release, its updates, its security suite.
    public var suites: [String]
    /// Components, `main`.
    public var components: [String]
    /// Fingerprints of the primary keys that may sign, 40 upper-case hexadecimal digits each.
    public var keys: [String]

    /// - Parameter keys: Fingerprints, 40 upper-case hexadecimal digits each.
    public init(release: String, suites: [String], components: [String], keys: [String]) {
        (self.release, self.suites, self.components, self.keys) = (release, suites, components, keys)
    }

    /// Reads a manifest's `[base]` or `[toolchain]`.
    init(_ fields: TOMLFields, defaultRelease: String?) throws {
        release =
            defaultRelease != nil && !fields.has("release")
            ? defaultRelease ?? "" : try fields.string("release", "a release's code name", Spelling.isName)
        let suites = try fields.strings("suites", "a suite's name", Spelling.isSuite)
        let keys = try fields.strings(
            "keys", "a fingerprint of 40 upper-case hexadecimal digits", Spelling.isFingerprint)
        guard let knownSuites = suites.isEmpty ? DebianRelease.suites(of: release) : suites else {
            throw SpecError.badValue(
                file: fields.file, key: fields.name(of: "release"), found: "'\(release)'",
                expected: DebianRelease.names.map { "'\($0)'" }.joined(separator: ", ")
                    + ", or 'suites' and 'keys' beside it")
        }
        guard let knownKeys = keys.isEmpty ? DebianRelease.keys(of: release) : keys else {
            throw fields.missing("keys")
        }
        let components = try fields.strings("components", "a component's name", Spelling.isName)
        (self.suites, self.components) = (knownSuites, components.isEmpty ? ["main"] : components)
        self.keys = Set(knownKeys).sorted()
    }

    func write(to text: inout TOMLText) {
        text.value("release", release)
        text.value("suites", suites)
        text.value("components", components)
        text.value("keys", keys)
    }
}

/// What is known of Debian's releases. Key fingerprints: the package debian-archive-keyring and
/// https://ftp-master.debian.org/keys.html.
enum DebianRelease {
    private static let bullseyeKeys = [
        "1F89983E0081FDE018F3CC9673A4F27B8DD47936",  // archive, 11
        "AC530D520F2F3269F5E98313A48449044AAD5C5D",  // security archive, 11
        "A4285295FC7B1A81600062A9605C66F00D6C9793",  // stable release, 11
    ]
    private static let bookwormKeys = [
        "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",  // archive, 12
        "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0",  // security archive, 12
        "4D64FEC119C2029067D6E791F8D2585B8783D481",  // stable release, 12
    ]
    private static let trixieKeys = [
        "04B54C3CDCA79751B16BC6B5225629DF75B188BD",  // archive, 13
        "5E04A1E3223A19A20706E20F9904613D4CCE68C6",  // security archive, 13
        "41587F7DB8C774BCCF131416762F67A0B2C39DE4",  // stable release, 13
    ]

    /// Those that have suites and keys of their own here, in the order of errors.
    static let names = ["trixie", "bookworm", "bullseye", "forky", "sid"]

    /// Those whose packages change until they are released, or for ever.
    static let moving: Set<String> = ["forky", "sid"]

    /// Those whose images their own tools pack: those after Debian 12, whose tools pack everything else.
    static let packedByThemselves: Set<String> = ["trixie", "forky", "sid"]

    /// The last day of support of those that have ended, as the snapshot archive spells its end
    /// (https://wiki.debian.org/LTS): after it their suites expire or leave the mirrors, and nothing newer comes.
    static let ends = [
        "stretch": "20220630T235959Z", "buster": "20240630T235959Z", "bullseye": "20260831T235959Z",
    ]

    /// The keys that may sign a release's suites by default; nil for a release that isn't known.
    static func keys(of release: String) -> [String]? {
        switch release {
        // A release's files are signed by the keys of its predecessor as well, so that older systems can read them.
        case "bullseye", "bookworm": bullseyeKeys + bookwormKeys
        case "trixie": bookwormKeys + trixieKeys
        // Their own keys come with the next release.
        case "forky", "sid": trixieKeys
        default: nil
        }
    }

    /// A release with its updates and security suites; nil for a release that isn't known.
    static func suites(of release: String) -> [String]? {
        if keys(of: release) == nil { return nil }
        return release == "sid" ? [release] : [release, "\(release)-updates", "\(release)-security"]
    }
}

/// The collections of Debian's archive that mirrors and the snapshot archive keep apart, each with its own pool.
public enum DebianArchiveFamily: String, Sendable {
    case debian
    case security = "debian-security"

    /// The family that a suite belongs to.
    public init(suite: String) {
        self = suite.hasSuffix("-security") || suite.hasSuffix("/updates") ? .security : .debian
    }
}

extension DebianSuites {
    /// A known release with its updates and security suite, main alone.
    public static func standard(_ release: String) -> DebianSuites? {
        guard let suites = DebianRelease.suites(of: release), let keys = DebianRelease.keys(of: release) else {
            return nil
        }
        return DebianSuites(release: release, suites: suites, components: ["main"], keys: Set(keys).sorted())
    }

    /// Debian 12 with its updates and security suite, main alone: where the toolchain comes from by default.
    public static let bookworm = DebianSuites(
        release: "bookworm", suites: DebianRelease.suites(of: "bookworm") ?? [], components: ["main"],
        keys: (DebianRelease.keys(of: "bookworm") ?? []).sorted())

    /// Where the tools come from that pack an image of these suites, where its manifest doesn't say it: Debian 12, or a later
    /// release itself. A later release's interpreter wants a later pip than Debian 12's.
    public var tools: DebianSuites { DebianRelease.packedByThemselves.contains(release) ? self : .bookworm }

    /// The end of the release's support, as the snapshot archive spells times; nil while it is supported.
    public var end: String? { DebianRelease.ends[release] }

    /// Whether the release's packages change from day to day, and its mirrors soon lack what was locked.
    public var isMoving: Bool { DebianRelease.moving.contains(release) }

    /// Every fingerprint that is some known release's own.
    public static var knownKeys: Set<String> {
        Set(DebianRelease.names.flatMap { DebianRelease.keys(of: $0) ?? [] })
    }
}

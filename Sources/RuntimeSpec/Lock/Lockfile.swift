import ContentHash

/// What `rtverify lock` pinned: all that an image's bytes depend on.
public struct Lockfile: Equatable, Sendable {
    /// Bytes that an input may have: 1 TiB. What says more is no lock of a runtime, and sums of sizes stay numbers.
    public static let largestInput = 1 << 40
    /// The one architecture: that of Aleph's machines.
    public static let architecture = "x86_64"

    /// How a lock is spelt, and how its image is built.
    public struct Format: Equatable, Sendable {
        /// The newest that this program reads and the one it writes. Format 2 says what was asked for (`Selection`), so that
        /// what was added to a lock afterwards is found; format 3 may have an agent; format 4 folders, links,
        /// owners, and versions and suites that were asked for; format 5 archives of other people, and packages and wheels of
        /// the user's own.
        public static let newestVersion = 5
        /// The newest recipe this program builds. A change to rtverify that changes an image's bytes is a new recipe. Recipe 2 keeps
        /// what a package or a step wrote to /etc/hosts and its like, which 1 replaced.
        public static let newestRecipe = 2

        /// 1 for locks that don't say what was asked for.
        public let version: Int
        /// How its image is built.
        public let recipe: Int

        /// The newest recipe, where nobody says otherwise.
        public init(version: Int, recipe: Int = newestRecipe) {
            (self.version, self.recipe) = (version, recipe)
        }

        /// The oldest release that builds it.
        public var oldestRelease: String { Release.oldest(version: version, recipe: recipe) }

        /// The oldest format that says all that a lock has to say: what an older rtverify can read, it shall.
        public init(for contents: Contents, of base: Base, with archives: [Archive], recipe: Int = newestRecipe) {
            let version =
                if base.needsFormat5 || contents.needsFormat5(on: base)
                    || archives.contains(where: { $0.thirdParty != nil })
                {
                    5
                } else if contents.needsFormat4 || base.needsFormat4 {
                    4
                } else {
                    contents.agent == nil ? 2 : 3
                }
            self.init(version: version, recipe: recipe)
        }
    }

    /// What an image starts from.
    public enum Base: Equatable, Sendable {
        /// Packages of Debian's archive, installed by its dpkg.
        case debian(Debian)
        /// A release's minirootfs, and packages installed by its apk.
        case alpine(Alpine)
        /// A root file system: its path beside the manifest, or its URL.
        case tarball(Input)
        /// Nothing: a volume of files that programs mount.
        case empty

        /// Whether it has what format 4 has and no format before.
        var needsFormat4: Bool {
            switch self {
            case .debian(let debian):
                debian.selection?.install.contains { PackageWish($0)?.isSpecific == true } == true
            case .alpine(let alpine): alpine.world.contains { Spelling.alpineName($0) != $0 }
            case .tarball, .empty: false
            }
        }

        /// Whether it has what format 5 has and no format before.
        var needsFormat5: Bool {
            switch self {
            case .debian(let debian): debian.packages.contains { $0.archive == nil }
            case .alpine(let alpine):
                alpine.repositories.contains { $0.tag != nil || $0.url != nil }
                    || alpine.packages.contains { $0.file.isWeb }
            case .tarball, .empty: false
            }
        }
    }

    /// How it is spelt and built.
    public let format: Format
    /// SHA-256 of the parsed manifest and the files it names.
    public let manifestSHA256: Digest
    /// Seconds since 1970-01-01 UTC: the newest time in the image
    /// (https://reproducible-builds.org/specs/source-date-epoch/).
    public let sourceDateEpoch: Int
    /// The runtime's.
    public let name: String
    /// What the image starts from.
    public let base: Base
    /// What it has besides, and how it is packed.
    public let contents: Contents
    /// States of Debian's archives that its packages and its toolchain come from, by name.
    public let archives: [Archive]
    /// The packages whose programs pack the image, with every library they load. Their `stage` is 0.
    public let toolchain: [Package]

    /// Lists are sorted; nothing is checked but by the reader.
    /// - Parameter format: nil for the oldest that says it all, with the newest recipe.
    public init(
        format: Format? = nil, manifestSHA256: Digest, sourceDateEpoch: Int, name: String, base: Base,
        contents: Contents, archives: [Archive], toolchain: [Package]
    ) {
        self.format = format ?? Format(for: contents, of: base, with: archives)
        (self.manifestSHA256, self.sourceDateEpoch) = (manifestSHA256, sourceDateEpoch)
        (self.name, self.base, self.contents) = (name, base, contents)
        self.archives = archives.sorted { $0.name < $1.name }
        self.toolchain = Self.sorted(toolchain)
    }

    /// Which kind of base it has.
    public var system: Manifest.System {
        switch base {
        case .debian: .debian
        case .alpine: .alpine
        case .tarball: .tarball
        case .empty: .empty
        }
    }

    /// The Debian base; nil where there is another.
    public var debian: Debian? { if case .debian(let debian) = base { debian } else { nil } }

    /// The Alpine base; nil where there is another.
    public var alpine: Alpine? { if case .alpine(let alpine) = base { alpine } else { nil } }

    /// Debian's packages of which nothing is in the image: those that pack it, and those that compile its agent.
    public var tools: [Package] { toolchain + (contents.agent?.compiler ?? []) }

    /// Debian's packages of the image.
    public var packages: [Package] { debian?.packages ?? [] }

    /// Wheels, and what they are for.
    public var python: Python? { contents.python }

    /// The root file system in an archive that the image starts from: Alpine's minirootfs, or a tarball base's.
    public var rootArchive: Input? {
        switch base {
        case .alpine(let alpine): alpine.minirootfs
        case .tarball(let input): input
        case .debian, .empty: nil
        }
    }

    /// What the manifest names by itself, and what lies beside it or on the web: the user's files, packages and wheels, a tarball base's
    /// archive, the keys of other people's archives.
    public var manifestInputs: [Input] {
        var inputs = contents.files.compactMap(\.own)
        if case .tarball(let input) = base { inputs.append(input) }
        return inputs + (python?.ownWheels ?? []) + archives.compactMap { $0.thirdParty?.key }
            + packages.filter { $0.archive == nil }.map(\.file)
    }

    /// The archive of that name.
    public func archive(named name: String) -> Archive? { archives.first { $0.name == name } }

    /// The archives of a Debian base's own suites; the toolchain's may be of another release.
    public var baseArchives: [Archive] {
        debian.map { Self.baseArchives(archives, of: $0.packages, release: $0.release) } ?? []
    }

    /// Those of a base's own suites among a lock's archives.
    package static func baseArchives(_ archives: [Archive], of packages: [Package], release: String) -> [Archive] {
        let used = Set(packages.map(\.archive))
        return archives.filter { $0.thirdParty == nil && (used.contains($0.name) || $0.suite.hasPrefix(release)) }
    }

    /// The archives of other people.
    public var thirdPartyArchives: [Archive] { archives.filter { $0.thirdParty != nil } }

    /// The files whose bytes the image is made of: packages, the manifest's files, lists of its folders (whose files those name),
    /// wheels, the archive that the base starts from.
    public var imageInputs: [Input] {
        packages.map(\.file) + (alpine?.packages.map(\.file) ?? []) + contents.files.compactMap(\.source)
            + contents.trees.map(\.list) + (python?.wheels.map(\.file) ?? []) + [rootArchive].compactMap { $0 }
    }

    /// Every file that a build reads: those, the toolchain, and what apk is given besides packages.
    public var inputs: [Input] {
        imageInputs + tools.map(\.file) + (contents.agent?.sources ?? []) + archives.compactMap { $0.thirdParty?.key }
            + (alpine?.repositories.flatMap { [$0.index, $0.key] } ?? [])
    }

    /// What `lock verify` reads besides: Releases, their signatures and indexes.
    public var verificationInputs: [Input] {
        archives.flatMap { [$0.inRelease] + [$0.signature].compactMap { $0 } + $0.indexes }
    }

    /// All that it names, each object once, by its first name: what a build reads, and what a verification does besides.
    /// - Parameter files: Those of its folders, by their lists.
    public func allInputs(with files: [Input]) -> [Input] {
        var seen: Set<Digest> = []
        return (inputs + files + verificationInputs).filter { seen.insert($0.sha256).inserted }
    }

    /// The same with an agent, and the init that starts it.
    public func adding(_ agent: Agent, manifestSHA256: Digest) -> Lockfile {
        let contents = Contents(
            files: [File(InitScript(.agent))] + contents.ownFiles, trees: contents.trees, links: contents.links,
            folders: contents.folders, steps: contents.steps, prune: contents.prune,
            allowed: contents.allowed, python: contents.python, agent: agent, image: contents.image)
        return Lockfile(
            format: Format(for: contents, of: base, with: archives, recipe: format.recipe),
            manifestSHA256: manifestSHA256,
            sourceDateEpoch: sourceDateEpoch, name: name, base: base, contents: contents, archives: archives,
            toolchain: toolchain)
    }

    /// In the newest format, which says what was asked for.
    /// - Parameter selection: Of a Debian base, where the lock doesn't say it.
    public func upgraded(_ selection: Selection?) -> Lockfile {
        var base = base
        if case .debian(let debian) = base, debian.selection == nil {
            base = .debian(Debian(release: debian.release, selection: selection, packages: debian.packages))
        }
        return Lockfile(
            format: Format(for: contents, of: base, with: archives, recipe: format.recipe),
            manifestSHA256: manifestSHA256,
            sourceDateEpoch: sourceDateEpoch,
            name: name, base: base, contents: contents, archives: archives, toolchain: toolchain)
    }
}

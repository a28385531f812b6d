extension Lockfile {
    /// A suite of a package archive at one moment.
    public struct Archive: Equatable, Sendable {
        /// The lock's own name for it, which its packages refer to.
        public let name: String
        /// As it stands below `dists/`.
        public let suite: String
        /// `main` and so on.
        public let components: [String]
        /// The Date of the Release, as the snapshot archive spells times: `20261121T101112Z`.
        public let snapshot: String
        /// The signed Release: InRelease, or a Release whose signature lies beside it.
        public let inRelease: Input
        /// Release.gpg, where the archive has no InRelease.
        public let signature: Input?
        /// Fingerprints of the primary keys that were allowed to sign it.
        public let keys: [String]
        /// The package indexes, by path relative to the suite's folder.
        public let indexes: [Input]

        /// - Parameter signature: Release.gpg, where the archive has no InRelease.
        public init(
            name: String, suite: String, components: [String], snapshot: String, inRelease: Input,
            signature: Input? = nil, keys: [String], indexes: [Input]
        ) {
            (self.name, self.suite, self.components, self.snapshot) = (name, suite, components, snapshot)
            (self.inRelease, self.signature, self.keys, self.indexes) = (inRelease, signature, keys, indexes)
        }

        /// The same under another name.
        public func named(_ name: String) -> Archive {
            Archive(
                name: name, suite: suite, components: components, snapshot: snapshot, inRelease: inRelease,
                signature: signature, keys: keys, indexes: indexes)
        }

        static let form = EntryForm<Archive>(
            .string("name", \.name, "a name", Spelling.isName),
            .string("suite", \.suite, "a suite's name", Spelling.isSuite),
            .strings("components", \.components, "a component's name", Spelling.isName),
            .string("snapshot", \.snapshot, "a time like 20261121T101112Z", Spelling.isSnapshotTime),
            releaseField,
            .strings("keys", \.keys, "a fingerprint of 40 upper-case hexadecimal digits", Spelling.isFingerprint),
            EntryField<Archive, [Input]>(
                keys: ["index"], read: { try Input.form.entries("index", in: $0) },
                write: { Input.form.write($0.indexes, as: "archive.index", to: &$1) }),
            make: { name, suite, components, snapshot, release, keys, indexes in
                Archive(
                    name: name, suite: suite, components: components, snapshot: snapshot, inRelease: release.0,
                    signature: release.1, keys: keys, indexes: indexes)
            })

        /// The Release's place follows from the suite: a lock says size and hash alone.
        private static let releaseField = EntryField<Archive, (Input, Input?)>(
            keys: ["inrelease", "release", "signature"].flatMap { ["\($0)-size", "\($0)-sha256"] },
            read: { fields in
                let suite = try fields.string("suite")
                func file(_ key: String, _ name: String) throws -> Input {
                    Input(
                        path: "dists/\(suite)/\(name)",
                        size: try fields.integer("\(key)-size", in: 1...Lockfile.largestInput),
                        sha256: try fields.digest("\(key)-sha256"))
                }
                return fields.has("signature-sha256")
                    ? (try file("release", "Release"), try file("signature", "Release.gpg"))
                    : (try file("inrelease", "InRelease"), nil)
            },
            write: { archive, text in
                func write(_ key: String, _ file: Input) {
                    text.value("\(key)-size", file.size)
                    text.value("\(key)-sha256", file.sha256)
                }
                write(archive.signature == nil ? "inrelease" : "release", archive.inRelease)
                if let signature = archive.signature { write("signature", signature) }
            })
    }

    /// A binary package.
    public struct Package: Equatable, Codable, Sendable {
        /// The `Archive.name` it comes from.
        public let archive: String
        /// As the index spells it.
        public let name: String
        /// As the index spells it.
        public let version: String
        /// `amd64` or `all`.
        public let architecture: String
        /// The .deb, by its path in the archive's pool.
        public let file: Input
        /// When it is installed: all packages of a stage are configured before the next stage begins. 0 is the
        /// Essential closure.
        public let stage: Int

        /// - Parameter stage: 0 for the Essential closure, and for the toolchain.
        public init(
            archive: String, name: String, version: String, architecture: String, file: Input, stage: Int
        ) {
            (self.archive, self.name, self.version, self.architecture) = (archive, name, version, architecture)
            (self.file, self.stage) = (file, stage)
        }

        /// How the image's packages are spelt.
        static let form = form(withStage: .integer("stage", \.stage, in: 0...100_000))
        /// How the toolchain's are: it has one stage.
        static let toolForm = form(withStage: EntryField(keys: [], read: { _ in 0 }, write: { _, _ in }))

        private static func form(withStage stage: EntryField<Package, Int>) -> EntryForm<Package> {
            EntryForm(
                .string("name", \.name, "a Debian package name", Spelling.isPackageName),
                .string("version", \.version, "a Debian version", Spelling.isVersion),
                .string("architecture", \.architecture, "'amd64' or 'all'", Spelling.isDebianArchitecture),
                .string("archive", \.archive, "a name", Spelling.isName),
                .input("path", \.file), stage,
                make: { name, version, architecture, archive, file, stage in
                    Package(
                        archive: archive, name: name, version: version, architecture: architecture, file: file,
                        stage: stage)
                })
        }
    }

    /// What a manifest asks of a Debian base.
    public struct Selection: Equatable, Sendable {
        /// How much of Debian it starts from.
        public let variant: Manifest.Variant
        /// Packages besides the variant's, sorted, each as it was asked for: a name, with `=VERSION` or `/SUITE` behind it.
        public let install: [String]

        /// - Parameter install: Besides the variant's.
        public init(variant: Manifest.Variant, install: [String]) {
            (self.variant, self.install) = (variant, install.sorted())
        }
    }

    /// A Debian base.
    public struct Debian: Equatable, Sendable {
        /// Its code name: `bookworm`.
        public let release: String
        /// What was asked for; nil in format 1, which doesn't say it.
        public let selection: Selection?
        /// By name, in byte order.
        public let packages: [Package]

        /// - Parameter selection: nil in format 1, which doesn't say it.
        public init(release: String, selection: Selection?, packages: [Package]) {
            (self.release, self.selection) = (release, selection)
            self.packages = Lockfile.sorted(packages)
        }

        /// The stages in order, each with its packages by name.
        public var stages: [[Package]] {
            Dictionary(grouping: packages, by: \.stage).sorted { $0.key < $1.key }.map(\.value)
        }

        init(base: TOMLFields, in root: TOMLFields) throws {
            self.init(
                release: try base.string("release", "a release's name", Spelling.isName),
                selection: base.has("variant")
                    ? Selection(
                        variant: try Manifest.variant(base),
                        install: try root.table("packages", known: ["install"]).strings(
                            "install", "a Debian package, perhaps with a version or a suite", PackageWish.isWish))
                    : nil,
                packages: try Package.form.entries("package", in: root))
        }
    }

    /// In the order in which a lock lists them: by name, in byte order.
    static func sorted(_ packages: [Package]) -> [Package] {
        packages.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
    }
}

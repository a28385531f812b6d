extension Lockfile {
    /// A binary package.
    public struct Package: Equatable, Codable, Sendable {
        /// The `Archive.name` it comes from; nil for one of the user's own, which lies beside the manifest.
        public let archive: String?
        /// As the index spells it.
        public let name: String
        /// As the index spells it.
        public let version: String
        /// `amd64` or `all`.
        public let architecture: String
        /// The .deb, by its path in the archive's pool, or beside the manifest.
        public let file: Input
        /// When it is installed: all packages of a stage are configured before the next stage begins. 0 is the
        /// Essential closure.
        public let stage: Int

        /// - Parameter stage: 0 for the Essential closure, and for the toolchain.
        public init(
            archive: String?, name: String, version: String, architecture: String, file: Input, stage: Int
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
                EntryField<Package, String?>(
                    keys: ["archive"],
                    read: { $0.has("archive") ? try $0.string("archive", "a name", Spelling.isName) : nil },
                    write: { package, text in package.archive.map { text.value("archive", $0) } }),
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

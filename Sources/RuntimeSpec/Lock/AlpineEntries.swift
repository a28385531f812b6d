/// A place on a mirror.
private let archivePath = "a relative path without empty, '.' or '..' parts, or a URL without login"

extension Lockfile {
    /// A repository of Alpine packages at one moment.
    public struct Repository: Equatable, Codable, Sendable {
        /// `main`, `community`.
        public let name: String
        /// The signed APKINDEX, by its path on a mirror: `v3.20/main/x86_64/APKINDEX.tar.gz`; by its URL where it is none of the
        /// release's branch.
        public let index: Input
        /// The public key that signed it: by its name in /etc/apk/keys, and by the SHA-256 of its file.
        public let key: Input
        /// What `NAME@TAG` names it by; nil for one that apk takes anything from.
        public let tag: String?

        /// Of one moment.
        public init(name: String, index: Input, key: Input, tag: String? = nil) {
            (self.name, self.index, self.key, self.tag) = (name, index, key, tag)
        }

        /// What stands above the architecture's folder; nil for one of the release's branch, which its mirrors have.
        public var url: String? {
            index.isWeb
                ? index.path.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
                : nil
        }

        static let form = EntryForm<Repository>(
            .string("name", \.name, "a name", Spelling.isName),
            .input("path", \.index, archivePath, Spelling.isAlpinePlace),
            EntryField<Repository, Input>(
                keys: Input.keys(key: "key"),
                read: { try Input($0, key: "key", "a key's file name", Spelling.isName) },
                write: { $0.key.write(key: "key", to: &$1) }),
            EntryField<Repository, String?>(
                keys: ["tag"],
                read: { $0.has("tag") ? try $0.string("tag", "a tag", Spelling.isArchiveName) : nil },
                write: { repository, text in repository.tag.map { text.value("tag", $0) } }), make: Repository.init)
    }

    /// An Alpine package.
    public struct AlpinePackage: Equatable, Codable, Sendable {
        /// As the index spells it.
        public let name: String
        /// As the index spells it.
        public let version: String
        /// The `Repository.name` it comes from.
        public let repository: String
        /// The .apk, by its path on a mirror.
        public let file: Input

        /// - Parameter repository: The name of one that the lock lists.
        public init(name: String, version: String, repository: String, file: Input) {
            (self.name, self.version, self.repository, self.file) = (name, version, repository, file)
        }

        static let form = EntryForm<AlpinePackage>(
            .string("name", \.name, "an Alpine package name", Spelling.isAlpineName),
            .string("version", \.version, "a version", Spelling.isPythonVersion),
            .string("repository", \.repository, "a name", Spelling.isName),
            .input("path", \.file, archivePath, Spelling.isAlpinePlace),
            make: AlpinePackage.init)
    }

    /// An Alpine base.
    public struct Alpine: Equatable, Codable, Sendable {
        /// The point release: `3.20.3`.
        public let release: String
        /// The root file system that it starts from, by its path on a mirror.
        public let minirootfs: Input
        /// Those that the manifest names, by name; none where nothing is asked for.
        public let repositories: [Repository]
        /// What was asked for: what apk's `world` gets.
        public let world: [String]
        /// What apk installs or replaces on the minirootfs, by name.
        public let packages: [AlpinePackage]

        /// Lists are sorted by name, repositories of the release's branch before others.
        public init(
            release: String, minirootfs: Input, repositories: [Repository] = [], world: [String] = [],
            packages: [AlpinePackage] = []
        ) {
            (self.release, self.minirootfs) = (release, minirootfs)
            // The order in which apk is given them: of two that have one version it takes the first.
            self.repositories = repositories.sorted {
                ($0.url == nil ? 0 : 1, $0.name) < ($1.url == nil ? 0 : 1, $1.name)
            }
            self.world = world.sorted()
            self.packages = packages.sorted { $0.name < $1.name }
        }

        /// The same with apk's choice.
        public func adding(_ packages: [AlpinePackage]) -> Alpine {
            Alpine(
                release: release, minirootfs: minirootfs, repositories: repositories, world: world, packages: packages)
        }

        init(base: TOMLFields, minirootfs: Input, in root: TOMLFields) throws {
            self.init(
                release: try base.string("release", "a release's name", Spelling.isName), minirootfs: minirootfs,
                repositories: try Repository.form.entries("repository", in: root),
                world: try root.optionalTable("apk", known: ["install"])?.strings(
                    "install", "an Alpine package, perhaps with a version", Spelling.isAlpineWish) ?? [],
                packages: try AlpinePackage.form.entries("alpine-package", in: root))
        }

        func write(to text: inout TOMLText) {
            if !world.isEmpty {
                text.table("apk")
                text.value("install", world)
            }
            Repository.form.write(repositories, as: "repository", to: &text)
            AlpinePackage.form.write(packages, as: "alpine-package", to: &text)
        }

        func check(_ fail: (String) -> SpecError) throws {
            for package in packages where !repositories.contains(where: { $0.name == package.repository }) {
                throw fail(
                    "package '\(package.name)' is from repository '\(package.repository)', which it doesn't list")
            }
            if let twice = Manifest.firstDuplicate(repositories.map(\.name)) {
                throw fail("repository '\(twice)' stands twice")
            }
            if let twice = Manifest.firstDuplicate(packages.map(\.name)) {
                throw fail("package '\(twice)' stands twice")
            }
            if Spelling.isURL(minirootfs.path) {
                throw fail("Alpine's minirootfs comes from Alpine's mirrors: 'base.tarball' is a path there, no URL")
            }
        }
    }
}

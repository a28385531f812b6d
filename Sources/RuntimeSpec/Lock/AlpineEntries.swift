extension Lockfile {
    /// A repository of Alpine packages at one moment.
    public struct Repository: Equatable, Sendable {
        public var name: String
        /// The signed APKINDEX, by its path on a mirror: `v3.20/main/x86_64/APKINDEX.tar.gz`.
        public var index: Input
        /// The public key that signed it: by its name in /etc/apk/keys, and by the SHA-256 of its file.
        public var key: Input

        public init(name: String, index: Input, key: Input) {
            (self.name, self.index, self.key) = (name, index, key)
        }
    }

    /// An Alpine package.
    public struct AlpinePackage: Equatable, Sendable {
        /// The `Repository.name` it comes from.
        public var repository: String
        public var name: String
        public var version: String
        /// The .apk, by its path on a mirror.
        public var file: Input

        public init(repository: String, name: String, version: String, file: Input) {
            (self.repository, self.name, self.version, self.file) = (repository, name, version, file)
        }
    }

    /// What an Alpine image has besides its minirootfs.
    public struct Alpine: Equatable, Sendable {
        public var repositories: [Repository]
        /// What was asked for: what apk's `world` gets.
        public var world: [String]
        public var packages: [AlpinePackage]

        public init(repositories: [Repository] = [], world: [String] = [], packages: [AlpinePackage] = []) {
            self.repositories = repositories.sorted { $0.name < $1.name }
            self.world = world.sorted()
            self.packages = packages.sorted { $0.name < $1.name }
        }

        init(in root: TOMLFields) throws {
            let hash = "64 lower-case hexadecimal digits"
            func path(_ fields: TOMLFields, _ key: String) throws -> String {
                try fields.string(key, "a relative path without empty, '.' or '..' parts", Spelling.isArchivePath)
            }
            self.init(
                repositories: try root.tables(
                    "repository", known: ["name", "path", "size", "sha256", "key", "key-size", "key-sha256"]
                ).map { fields in
                    Repository(
                        name: try fields.string("name", "a name", Spelling.isName),
                        index: Input(
                            path: try path(fields, "path"),
                            size: try fields.integer("size", in: 1...Lockfile.largestInput),
                            sha256: try fields.string("sha256", hash, Spelling.isSHA256)),
                        key: Input(
                            path: try fields.string("key", "a key's file name", Spelling.isName),
                            size: try fields.integer("key-size", in: 1...Lockfile.largestInput),
                            sha256: try fields.string("key-sha256", hash, Spelling.isSHA256)))
                },
                world: try root.optionalTable("apk", known: ["install"])?.strings(
                    "install", "an Alpine package name", Spelling.isAlpineName) ?? [],
                packages: try root.tables(
                    "alpine-package", known: ["name", "version", "repository", "path", "size", "sha256"]
                ).map { fields in
                    AlpinePackage(
                        repository: try fields.string("repository", "a name", Spelling.isName),
                        name: try fields.string("name", "an Alpine package name", Spelling.isAlpineName),
                        version: try fields.string("version", "a version", Spelling.isPythonVersion),
                        file: Input(
                            path: try path(fields, "path"),
                            size: try fields.integer("size", in: 1...Lockfile.largestInput),
                            sha256: try fields.string("sha256", hash, Spelling.isSHA256)))
                })
        }

        func write(to text: inout TOMLText) {
            if !world.isEmpty {
                text.table("apk")
                text.value("install", world)
            }
            for repository in repositories {
                text.element("repository")
                text.value("name", repository.name)
                text.value("path", repository.index.path)
                text.value("size", repository.index.size)
                text.value("sha256", repository.index.sha256)
                text.value("key", repository.key.path)
                text.value("key-size", repository.key.size)
                text.value("key-sha256", repository.key.sha256)
            }
            for package in packages {
                text.element("alpine-package")
                text.value("name", package.name)
                text.value("version", package.version)
                text.value("repository", package.repository)
                text.value("path", package.file.path)
                text.value("size", package.file.size)
                text.value("sha256", package.file.sha256)
            }
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
        }
    }
}

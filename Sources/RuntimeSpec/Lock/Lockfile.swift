/// What `rtverify lock` pinned: all that an image's bytes depend on.
public struct Lockfile: Equatable, Sendable {
    /// The newest format this program reads and the one it writes. Format 2 says what was asked for (`selection`), so that
    /// what was added to a lock afterwards is found.
    public static let newestVersion = 2
    /// Bytes that an input may have: 1 TiB. What says more is no lock of a runtime, and sums of sizes stay numbers.
    public static let largestInput = 1 << 40
    /// The newest recipe this program builds. A change to rtverify that changes an image's bytes is a new recipe.
    public static let newestRecipe = 1

    /// A suite of a package archive at one moment.
    public struct Archive: Equatable, Sendable {
        /// The lock's own name for it, which its packages refer to.
        public var name: String
        public var suite: String
        public var components: [String]
        /// The Date of the Release, as the snapshot archive spells times: `20261121T101112Z`.
        public var snapshot: String
        /// The signed Release: InRelease, or a Release whose signature lies beside it.
        public var inRelease: Input
        /// Release.gpg, where the archive has no InRelease.
        public var signature: Input?
        /// Fingerprints of the primary keys that were allowed to sign it.
        public var keys: [String]
        /// The package indexes, by path relative to the suite's folder.
        public var indexes: [Input]

        public init(
            name: String, suite: String, components: [String], snapshot: String, inRelease: Input,
            signature: Input? = nil, keys: [String], indexes: [Input]
        ) {
            (self.name, self.suite, self.components, self.snapshot) = (name, suite, components, snapshot)
            (self.inRelease, self.signature, self.keys, self.indexes) = (inRelease, signature, keys, indexes)
        }
    }

    /// A file of known bytes.
    public struct Input: Equatable, Hashable, Sendable {
        /// Where an archive keeps it, relative to what the context says.
        public var path: String
        /// Bytes.
        public var size: Int
        /// 64 lower-case hexadecimal digits.
        public var sha256: String

        public init(path: String, size: Int, sha256: String) {
            (self.path, self.size, self.sha256) = (path, size, sha256)
        }
    }

    /// A binary package.
    public struct Package: Equatable, Sendable {
        /// The `Archive.name` it comes from.
        public var archive: String
        public var name: String
        public var version: String
        /// `amd64` or `all`.
        public var architecture: String
        /// The .deb, by its path in the archive's pool.
        public var file: Input
        /// When it is installed: all packages of a stage are configured before the next stage begins. 0 is the
        /// Essential closure.
        public var stage: Int

        public init(
            archive: String, name: String, version: String, architecture: String, file: Input, stage: Int
        ) {
            (self.archive, self.name, self.version, self.architecture) = (archive, name, version, architecture)
            (self.file, self.stage) = (file, stage)
        }
    }

    /// A file of the user's own: its bytes lie beside the manifest or in the store.
    public struct File: Equatable, Sendable {
        public var target: String
        public var mode: Int
        /// `path` is relative to the manifest's folder.
        public var source: Input

        public init(target: String, mode: Int, source: Input) {
            (self.target, self.mode, self.source) = (target, mode, source)
        }
    }

    /// What a manifest asks of a Debian base.
    public struct Selection: Equatable, Sendable {
        public var variant: Manifest.Variant
        /// Packages besides the variant's, sorted.
        public var install: [String]

        public init(variant: Manifest.Variant, install: [String]) {
            (self.variant, self.install) = (variant, install.sorted())
        }
    }

    /// The format: 1 for locks that don't say what was asked for.
    public var version: Int
    public var recipe: Int
    /// SHA-256 of the parsed manifest and the files it names.
    public var manifestSHA256: String
    /// Seconds since 1970-01-01 UTC: the newest time in the image
    /// (https://reproducible-builds.org/specs/source-date-epoch/).
    public var sourceDateEpoch: Int
    public var name: String
    public var architecture: String
    public var system = Manifest.System.debian
    /// Debian's release; empty for an empty base.
    public var release: String
    /// What was asked of a Debian base; nil for another base, and in format 1.
    public var selection: Selection?
    public var files: [File]
    public var steps: [String]
    public var prune: [String]
    /// Findings of `audit` that are meant; the image's bytes don't depend on them.
    public var allowed: [Allowance] = []
    /// Wheels, and what they are for.
    public var python: Python?
    /// What an Alpine image has besides its minirootfs.
    public var alpine = Alpine()
    /// The root file system that an Alpine or a tarball base starts from, by its path on a mirror, beside the manifest, or
    /// its URL.
    public var tarball: Input?
    /// rtverify's own init.
    public var initProgram: InitProgram?
    /// SHA-256 of its script; empty without one.
    public var initSHA256 = ""
    public var image: ImageOptions
    public var archives: [Archive]
    public var packages: [Package]
    /// The packages whose programs pack the image, with every library they load. Their `stage` is 0.
    public var toolchain: [Package]

    public init(
        version: Int = newestVersion, recipe: Int, manifestSHA256: String, sourceDateEpoch: Int, name: String,
        architecture: String, release: String, files: [File], steps: [String], prune: [String], image: ImageOptions,
        archives: [Archive],
        packages: [Package], toolchain: [Package]
    ) {
        self.version = version
        (self.recipe, self.manifestSHA256, self.sourceDateEpoch) = (recipe, manifestSHA256, sourceDateEpoch)
        (self.name, self.architecture, self.release) = (name, architecture, release)
        (self.files, self.steps, self.prune, self.image) = (files, steps, prune, image)
        self.archives = archives.sorted { $0.name < $1.name }
        self.packages = packages.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
        self.toolchain = toolchain.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
    }

    /// The archive of that name.
    public func archive(named name: String) -> Archive? { archives.first { $0.name == name } }

    /// The stages in order, each with its packages by name.
    public var stages: [[Package]] {
        Dictionary(grouping: packages, by: \.stage).sorted { $0.key < $1.key }.map(\.value)
    }

    /// The bytes of the lockfile. Equal locks give equal bytes.
    public var text: String {
        var text = TOMLText()
        text.comment("Written by `rtverify lock`; not meant to be edited by hand.")
        text.value("version", version)
        text.value("recipe", recipe)
        text.value("manifest-sha256", manifestSHA256)
        text.value("source-date-epoch", sourceDateEpoch)
        text.table("runtime")
        text.value("name", name)
        text.value("architecture", architecture)
        text.table("base")
        text.value("system", system.rawValue)
        if system == .debian || system == .alpine { text.value("release", release) }
        if let selection { text.value("variant", selection.variant.rawValue) }
        if let tarball {
            text.value("tarball", tarball.path)
            text.value("size", tarball.size)
            text.value("sha256", tarball.sha256)
        }
        if let selection {
            text.table("packages")
            text.value("install", selection.install)
        }
        if let initProgram {
            initProgram.write(to: &text)
            text.value("sha256", initSHA256)
        }
        image.write(to: &text)
        text.table("prune")
        text.value("paths", prune)
        Allowance.write(allowed, to: &text)
        for file in files {
            text.element("file")
            text.value("target", file.target)
            text.value("mode", octal(file.mode))
            text.value("source", file.source.path)
            text.value("size", file.source.size)
            text.value("sha256", file.source.sha256)
        }
        for step in steps {
            text.element("step")
            text.value("run", step)
        }
        for archive in archives {
            text.element("archive")
            text.value("name", archive.name)
            text.value("suite", archive.suite)
            text.value("components", archive.components)
            text.value("snapshot", archive.snapshot)
            let release = archive.signature == nil ? "inrelease" : "release"
            text.value("\(release)-size", archive.inRelease.size)
            text.value("\(release)-sha256", archive.inRelease.sha256)
            if let signature = archive.signature {
                text.value("signature-size", signature.size)
                text.value("signature-sha256", signature.sha256)
            }
            text.value("keys", archive.keys)
            for index in archive.indexes {
                text.element("archive.index")
                text.value("path", index.path)
                text.value("size", index.size)
                text.value("sha256", index.sha256)
            }
        }
        alpine.write(to: &text)
        python?.write(to: &text)
        for package in packages { write(package, as: "package", to: &text) }
        for package in toolchain { write(package, as: "toolchain", to: &text) }
        return text.text
    }

    private func write(_ package: Package, as element: String, to text: inout TOMLText) {
        text.element(element)
        text.value("name", package.name)
        text.value("version", package.version)
        text.value("architecture", package.architecture)
        text.value("archive", package.archive)
        text.value("path", package.file.path)
        text.value("size", package.file.size)
        text.value("sha256", package.file.sha256)
        if element == "package" { text.value("stage", package.stage) }
    }
}

extension Lockfile.Input {
    /// Whether its path is a URL of its own, and not a place in an archive or beside the manifest.
    public var isWeb: Bool { path.contains("://") }
}

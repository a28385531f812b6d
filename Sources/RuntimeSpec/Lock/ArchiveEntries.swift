import ContentHash

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
        /// What is said of an archive of other people besides; nil for Debian's.
        public let thirdParty: ThirdParty?

        /// - Parameters:
        ///   - signature: Release.gpg, where the archive has no InRelease.
        ///   - thirdParty: nil for Debian's.
        public init(
            name: String, suite: String, components: [String], snapshot: String, inRelease: Input,
            signature: Input? = nil, keys: [String], indexes: [Input], thirdParty: ThirdParty? = nil
        ) {
            (self.name, self.suite, self.components, self.snapshot) = (name, suite, components, snapshot)
            (self.inRelease, self.signature, self.keys, self.indexes) = (inRelease, signature, keys, indexes)
            self.thirdParty = thirdParty
        }

        /// The same under another name.
        public func named(_ name: String) -> Archive {
            Archive(
                name: name, suite: suite, components: components, snapshot: snapshot, inRelease: inRelease,
                signature: signature, keys: keys, indexes: indexes, thirdParty: thirdParty)
        }

        /// The same where Debian has some of the packages that come from it too.
        public func overriding(_ names: [String]) -> Archive {
            Archive(
                name: name, suite: suite, components: components, snapshot: snapshot, inRelease: inRelease,
                signature: signature, keys: keys, indexes: indexes, thirdParty: thirdParty?.overriding(names))
        }

        /// Its name without the time that marks one of several states: of other people's the manifest's.
        public var ownName: String { String(name.prefix { $0 != "@" }) }

        /// What tells it from every other archive, and not one state of it from another.
        public var place: String { thirdParty?.place(of: suite, called: ownName) ?? suite }

        /// How people are told of it: the suite, with name and URL where it isn't Debian's.
        public var shown: String { thirdParty?.place(of: suite, called: name) ?? suite }

        /// Whether a package that is asked for as `PACKAGE/SUITE` may come from it: it has that suite, or is called that.
        package func answers(to suite: String) -> Bool {
            self.suite == suite || (thirdParty != nil && ownName == suite)
        }

        /// Where a suite's files are below the archive's URL, with a slash at its end: `dists/bookworm/`; a flat repository's
        /// folder is its suite (sources.list(5)).
        package static func folder(ofSuite suite: String) -> String {
            suite == "/" ? "" : ThirdPartyArchive.isFlat(suite) ? suite : "dists/\(suite)/"
        }

        /// Whether it is the state of a manifest's archive.
        /// - Parameter key: That of the file with its key.
        package func repeats(_ other: ThirdPartyArchive, key: Input?) -> Bool {
            guard let thirdParty else { return false }
            let isSigner =
                switch other.key {
                case .file: thirdParty.key == key
                case .fingerprint(let text): thirdParty.key == nil && keys == [text]
                }
            return isSigner && ownName == other.name && suite == other.suite
                && components == other.components && thirdParty.url == other.url
                && thirdParty.prefer == other.prefer && thirdParty.packages == other.packages
        }

        static let form = EntryForm<Archive>(
            .string("name", \.name, "a name", Spelling.isName),
            .string("suite", \.suite, "a suite's name", Spelling.isAnySuite),
            .strings("components", \.components, "a component's name", Spelling.isSuite),
            .string("snapshot", \.snapshot, "a time like 20261121T101112Z", Spelling.isSnapshotTime),
            releaseField,
            .strings("keys", \.keys, "a fingerprint of 40 upper-case hexadecimal digits", Spelling.isFingerprint),
            ThirdParty.field,
            EntryField<Archive, [Input]>(
                keys: ["index"], read: { try Input.form.entries("index", in: $0) },
                write: { Input.form.write($0.indexes, as: "archive.index", to: &$1) }),
            make: { name, suite, components, snapshot, release, keys, thirdParty, indexes in
                Archive(
                    name: name, suite: suite, components: components, snapshot: snapshot, inRelease: release.0,
                    signature: release.1, keys: keys, indexes: indexes, thirdParty: thirdParty)
            })

        /// The Release's place follows from the suite: a lock says size and hash alone.
        private static let releaseField = EntryField<Archive, (Input, Input?)>(
            keys: ["inrelease", "release", "signature"].flatMap { ["\($0)-size", "\($0)-sha256"] },
            read: { fields in
                let suite = try fields.string("suite")
                func file(_ key: String, _ name: String) throws -> Input {
                    Input(
                        path: folder(ofSuite: suite) + name,
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

    /// What a lock says of an archive of other people, for which there is no network of mirrors.
    public struct ThirdParty: Equatable, Sendable {
        /// http(s), without login and without a slash at its end.
        public let url: String
        /// The file with its keys, by its path beside the manifest; nil where the manifest names a fingerprint.
        public let key: Input?
        /// apt's pin of all that it has; nil for apt's own rules.
        public let prefer: Int?
        /// What may come from it; nil for all of it.
        public let packages: [String]?
        /// What comes from it although a suite of Debian's has it too, by name.
        public let overrides: [String]

        /// - Parameters:
        ///   - key: nil where the manifest names a fingerprint.
        ///   - packages: What may come from it; nil for all of it.
        public init(url: String, key: Input?, prefer: Int?, packages: [String]?, overrides: [String] = []) {
            (self.url, self.key, self.prefer, self.packages) = (url, key, prefer, packages)
            self.overrides = overrides.sorted()
        }

        /// `NAME (URL SUITE)`.
        package func place(of suite: String, called name: String) -> String { "\(name) (\(url) \(suite))" }

        fileprivate func overriding(_ names: [String]) -> ThirdParty {
            ThirdParty(url: url, key: key, prefer: prefer, packages: packages, overrides: names)
        }

        fileprivate static let field = EntryField<Archive, ThirdParty?>(
            keys: ["url"] + Input.keys(key: "key") + ["prefer", "packages", "overrides"],
            read: { fields in
                if fields.has("url") { return try ThirdParty(fields) }
                if ["key", "prefer", "packages", "overrides"].contains(where: fields.has) {
                    throw fields.missing("url")
                }
                return nil
            },
            write: { $0.thirdParty?.write(to: &$1) })

        private init(_ fields: TOMLFields) throws {
            let url = try fields.string("url", "an http(s) URL without login", Spelling.isServer)
            self.init(
                url: url,
                key: fields.has("key") ? try Input(fields, key: "key", "a relative path", Spelling.isArchivePath) : nil,
                prefer: try fields.optionalInteger("prefer", in: ThirdPartyArchive.priorities),
                packages: fields.has("packages")
                    ? try fields.strings("packages", "a Debian package name", Spelling.isPackageName) : nil,
                overrides: try fields.strings("overrides", "a Debian package name", Spelling.isPackageName))
        }

        private func write(to text: inout TOMLText) {
            text.value("url", url)
            key?.write(key: "key", to: &text)
            if let prefer { text.value("prefer", prefer) }
            if let packages { text.value("packages", packages) }
            if !overrides.isEmpty { text.value("overrides", overrides) }
        }
    }
}

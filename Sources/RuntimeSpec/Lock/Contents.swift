import Host

extension Lockfile {
    /// A file of known bytes and its place in the image.
    public struct File: Equatable, Sendable {
        /// Where its bytes come from.
        public enum Content: Equatable, Sendable {
            /// The user's own: they lie beside the manifest or in the store, or the web serves them. `path` is relative to
            /// the manifest's folder, or a URL.
            case input(Input)
            /// rtverify has them: its own init. A lock spells it `[init]`.
            case initScript(InitScript)
        }

        /// Its absolute path in the image.
        public let target: String
        /// Permission bits, with set-user-id, set-group-id and sticky bits.
        public let mode: Int
        /// Where its bytes come from.
        public let content: Content
        /// Its owner.
        public let ownership: Ownership

        /// The user's own.
        public init(target: String, mode: Int, source: Input, ownership: Ownership = .root) {
            (self.target, self.mode, content, self.ownership) = (target, mode, .input(source), ownership)
        }

        /// rtverify's own init.
        public init(_ script: InitScript) {
            (target, mode, content, ownership) = (InitScript.path, 0o755, .initScript(script), .root)
        }

        /// What the store has of it; nil for an init that this rtverify doesn't have.
        public var source: Input? {
            switch content {
            case .input(let input): input
            case .initScript(let script): script.bytes.map { Input(path: target, of: $0) }
            }
        }

        /// The manifest's `source`; nil for rtverify's own init.
        public var own: Input? { if case .input(let input) = content { input } else { nil } }

        /// How the user's own are spelt.
        static let form = EntryForm<File>(
            .string("target", \.target, "a normalized absolute path", Spelling.isImagePath),
            EntryField<File, Int>(
                keys: ["mode"], read: { try Manifest.mode($0) }, write: { $1.value("mode", Octal.text($0.mode)) }),
            EntryField<File, Input>(
                keys: Input.keys(path: "source"), read: { try Input($0, path: "source") },
                write: { file, text in file.own.map { $0.write(path: "source", to: &text) } }),
            Ownership.field(\.ownership), make: File.init)
    }

    /// What an image has besides its base, and how it is packed: what a lock repeats of its manifest, so that it stands alone.
    public struct Contents: Equatable, Sendable {
        /// rtverify's own init among them, first.
        public let files: [File]
        /// Folders of the user's own that are copied into it.
        public let trees: [Tree]
        /// Symbolic links.
        public let links: [ImageLink]
        /// Folders that it has.
        public let folders: [ImageFolder]
        /// Shell commands that run when all packages are configured.
        public let steps: [String]
        /// Absolute paths: a folder is emptied, anything else removed.
        public let prune: [String]
        /// Findings of `audit` that are meant; the image's bytes don't depend on them.
        public let allowed: [Allowance]
        /// Wheels, and what they are for.
        public let python: Python?
        /// The agent that `[init]` starts; nil where it starts something else.
        public let agent: Agent?
        /// How it is packed.
        public let image: ImageOptions

        /// - Parameter files: rtverify's own init among them, first.
        public init(
            files: [File] = [], trees: [Tree] = [], links: [ImageLink] = [], folders: [ImageFolder] = [],
            steps: [String] = [], prune: [String] = [], allowed: [Allowance] = [],
            python: Python? = nil, agent: Agent? = nil, image: ImageOptions
        ) {
            (self.files, self.trees, self.links, self.folders) = (files, trees, links, folders)
            (self.steps, self.prune, self.allowed) = (steps, prune, allowed)
            (self.python, self.agent, self.image) = (python, agent, image)
        }

        /// The user's own files.
        public var ownFiles: [File] { files.filter { $0.own != nil } }

        /// Whether it has what format 4 has and no format before.
        var needsFormat4: Bool {
            !trees.isEmpty || !links.isEmpty || !folders.isEmpty || files.contains { $0.ownership != .root }
                || image.largestFile != ImageOptions.usualLargestFile
        }

        /// Whether it has what format 5 has and no format before: before, wheels were for bases that don't bring a Python
        /// of their own.
        func needsFormat5(on base: Base) -> Bool {
            guard let python else { return false }
            return switch base {
            case .debian, .empty: python.packages.needsFormat5
            case .alpine, .tarball: true
            }
        }

        /// rtverify's own init; nil where the image has another, or none.
        public var initScript: InitScript? {
            files.lazy.compactMap { if case .initScript(let script) = $0.content { script } else { nil } }.first
        }

        init(in root: TOMLFields) throws {
            let own = try root.optionalTable("init", known: InitScript.keys).map { File(try InitScript($0)) }
            self.init(
                files: [own].compactMap { $0 } + (try File.form.entries("file", in: root)),
                trees: try Tree.form.entries("tree", in: root), links: try ImageLink.form.entries("link", in: root),
                folders: try ImageFolder.form.entries("folder", in: root),
                steps: try root.tables("step", known: ["run"]).map {
                    try $0.string("run", "a command", Spelling.isCommand)
                },
                prune: try root.table("prune", known: ["paths"]).strings(
                    "paths", "a normalized absolute path", Spelling.isImagePath),
                allowed: try Allowance.form.entries("allow", in: root), python: try Python(in: root),
                agent: try Agent(in: root),
                image: try ImageOptions(try root.table("image", known: ImageOptions.keys)))
        }

        func write(to text: inout TOMLText) {
            initScript?.write(to: &text)
            image.write(to: &text)
            text.table("prune")
            text.value("paths", prune)
            Allowance.form.write(allowed, as: "allow", to: &text)
            File.form.write(ownFiles, as: "file", to: &text)
            Tree.form.write(trees, as: "tree", to: &text)
            ImageLink.form.write(links, as: "link", to: &text)
            ImageFolder.form.write(folders, as: "folder", to: &text)
            for step in steps {
                text.element("step")
                text.value("run", step)
            }
        }
    }
}

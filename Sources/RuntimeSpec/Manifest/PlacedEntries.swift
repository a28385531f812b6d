import Host

/// A symbolic link that a manifest puts into an image: `[[link]]`.
public struct ImageLink: Equatable, Sendable {
    /// Its absolute path in the image.
    public let target: String
    /// What it says: where it leads, from where it is or from the root.
    public let to: String
    /// Its own owner.
    public let ownership: Ownership

    /// How a manifest and a lock spell it.
    static let form = EntryForm<ImageLink>(
        .string("target", \.target, "a normalized absolute path", Spelling.isImagePath),
        .string("to", \.to, "where the link leads", Spelling.isLinkText), Ownership.field(\.ownership),
        make: ImageLink.init)
}

/// A folder that a manifest puts into an image, or whose mode and owner it says: `[[folder]]`.
public struct ImageFolder: Equatable, Sendable {
    /// Its absolute path in the image.
    public let target: String
    /// Permission bits, with set-group-id and sticky bit.
    public let mode: Int
    /// Its owner.
    public let ownership: Ownership

    /// How a manifest and a lock spell it.
    static let form = EntryForm<ImageFolder>(
        .string("target", \.target, "a normalized absolute path", Spelling.isImagePath),
        EntryField<ImageFolder, Int>(
            keys: ["mode"], read: { try Manifest.mode($0, standard: 0o755) },
            write: { $1.value("mode", Octal.text($0.mode)) }),
        Ownership.field(\.ownership), make: ImageFolder.init)
}

/// A folder beside the manifest whose contents go into an image: a `[[file]]` whose source ends with a slash.
public struct TreeSource: Equatable, Sendable {
    /// Relative to the manifest's folder, without the slash at its end.
    public let source: String
    /// The absolute path of what the folder is in the image; `/` for the image's root.
    public let target: String
    /// Permission bits of its files; nil for 0755 where the owner may run it and 0644 elsewhere, as git keeps them.
    public let mode: Int?
    /// Permission bits of folders that the image doesn't have yet; nil for 0755.
    public let folderMode: Int?
    /// The owner of all that is copied.
    public let ownership: Ownership
    /// Patterns of fnmatch(3) with FNM_PATHNAME: one without a slash is a name's anywhere below, one with a slash a path's from
    /// the folder on. What is below a folder that fits goes with it.
    public let exclude: [String]

    /// The keys that such a file has in a manifest.
    static let keys = form.keys

    /// How a manifest and a lock spell it.
    static let form = EntryForm<TreeSource>(
        EntryField<TreeSource, String>(
            keys: ["source"],
            read: { fields in
                let text = try fields.string(
                    "source", "a relative path below the manifest's folder, with a slash at its end"
                ) {
                    $0.hasSuffix("/") && Spelling.isArchivePath(String($0.dropLast()))
                }
                return String(text.dropLast())
            }, write: { $1.value("source", $0.source + "/") }),
        .string("target", \.target, "a normalized absolute path", Spelling.isImagePathOrRoot),
        modeField("mode", \.mode), modeField("folder-mode", \.folderMode), Ownership.field(\.ownership),
        EntryField<TreeSource, [String]>(
            keys: ["exclude"],
            read: { try $0.strings("exclude", "a name, or a pattern of paths", Spelling.isExclusion) },
            write: { if !$0.exclude.isEmpty { $1.value("exclude", $0.exclude) } }),
        make: TreeSource.init)

    private static func modeField(
        _ key: String, _ path: any KeyPath<TreeSource, Int?> & Sendable
    ) -> EntryField<TreeSource, Int?> {
        EntryField(
            keys: [key], read: { $0.has(key) ? try Manifest.mode($0, key) : nil },
            write: { tree, text in tree[keyPath: path].map { text.value(key, Octal.text($0)) } })
    }

    /// Where an entry of the folder is in the image.
    /// - Parameter path: Relative to the folder.
    public func place(of path: String) -> String { target == "/" ? "/\(path)" : "\(target)/\(path)" }
}

import ContentHash
import Host

/// What a folder holds that goes into an image: each file by SHA-256, links as they are, folders, empty ones too. It is an
/// object of the store, and a lock names it by its hash.
///
/// Its text is an mtree(5) manifest in one fixed form, so that others' tools read it and equal folders give equal bytes.
public struct TreeList: Equatable, Sendable {
    /// What an entry is.
    public enum Content: Equatable, Sendable {
        case folder
        /// Its bytes.
        case file(size: Int, sha256: Digest)
        /// What a symbolic link says.
        case link(to: String)
    }

    /// One thing in the folder.
    public struct Entry: Equatable, Sendable {
        /// Relative to the folder.
        public let path: String
        /// Permission bits; 0o777 for a link, which has none of its own.
        public let mode: Int
        /// What it is.
        public let content: Content

        /// - Parameter path: Relative to the folder, without empty, `.` or `..` parts.
        public init(path: String, mode: Int, content: Content) {
            (self.path, self.mode, self.content) = (path, mode, content)
        }

        /// A file's bytes as an input; nil for what is no file.
        public var input: Lockfile.Input? {
            if case .file(let size, let sha256) = content {
                Lockfile.Input(path: path, size: size, sha256: sha256)
            } else {
                nil
            }
        }
    }

    /// By the bytes of their paths, so that a folder comes before what is in it.
    public let entries: [Entry]

    /// - Parameter entries: In any order, of different paths.
    public init(_ entries: [Entry]) {
        self.entries = entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// The files' bytes.
    public var inputs: [Lockfile.Input] { entries.compactMap(\.input) }

    /// Of the list's bytes.
    public var sha256: Digest { .of(Array(text.utf8)) }

    private static let head = "#mtree\n"

    /// The list's bytes.
    public var text: String {
        var text = Self.head
        for entry in entries {
            text += "./\(Self.escaped(entry.path)) "
            switch entry.content {
            case .folder: text += "type=dir mode=0\(Octal.text(entry.mode, width: 3))\n"
            case .file(let size, let sha256):
                text += "type=file mode=0\(Octal.text(entry.mode, width: 3)) size=\(size) sha256digest=\(sha256)\n"
            case .link(let to): text += "type=link link=\(Self.escaped(to))\n"
            }
        }
        return text
    }

    /// Reads a list that rtverify wrote.
    /// - Parameter name: What errors call it.
    /// - Throws: `SpecError.unreadable` for anything else.
    public init(text: String, name: String) throws {
        var entries: [Entry] = []
        for line in text.dropFirst(Self.head.count).split(separator: "\n") {
            guard let entry = Self.entry(line) else {
                throw SpecError.unreadable(file: name, reason: "it is no list of a folder: \(line.prefix(100))")
            }
            entries.append(entry)
        }
        self.init(entries)
        // One spelling: what isn't this text again has an order, a field or an escape of its own.
        guard Array(self.text.utf8) == Array(text.utf8) else {
            throw SpecError.unreadable(file: name, reason: "it is no list of a folder as rtverify writes it")
        }
        if let twice = Manifest.firstDuplicate(entries.map(\.path)) {
            throw SpecError.unreadable(file: name, reason: "it has '\(twice)' twice")
        }
    }

    private static func entry(_ line: Substring) -> Entry? {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard let first = words.first, first.hasPrefix("./"), let path = unescaped(first.dropFirst(2)),
            Spelling.isImagePath("/" + path)
        else { return nil }
        var fields: [Substring: Substring] = [:]
        for word in words.dropFirst() {
            guard let split = word.firstIndex(of: "=") else { return nil }
            fields[word[..<split]] = word[word.index(after: split)...]
        }
        let mode = fields["mode"].flatMap { Int($0, radix: 8) }.flatMap { (0...0o7777).contains($0) ? $0 : nil }
        switch fields["type"] {
        case "dir": return mode.map { Entry(path: path, mode: $0, content: .folder) }
        case "file":
            guard let mode, let size = fields["size"].flatMap({ Int($0) }), (0...Lockfile.largestInput).contains(size),
                let sha256 = fields["sha256digest"].flatMap({ Digest(hex: String($0)) })
            else { return nil }
            return Entry(path: path, mode: mode, content: .file(size: size, sha256: sha256))
        case "link":
            guard let to = fields["link"].flatMap(unescaped), Spelling.isLinkText(to) else { return nil }
            return Entry(path: path, mode: 0o777, content: .link(to: to))
        default: return nil
        }
    }

    /// As vis(3) with VIS_OCTAL, which mtree(5) names: what isn't printable ASCII, and what means something in a line.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            if (0x21...0x7e).contains(byte), !"\\#=".utf8.contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += "\\" + Octal.text(Int(byte), width: 3)
            }
        }
        return result
    }

    private static func unescaped(_ text: Substring) -> String? {
        var (bytes, rest) = ([UInt8](), text.utf8[...])
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 3, let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(3)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension Lockfile {
    /// A folder that is copied into the image.
    public struct Tree: Equatable, Sendable {
        /// What the manifest says of it.
        public let source: TreeSource
        /// The list of what it holds: a `TreeList`'s text, by the folder's path.
        public let list: Input
        /// Bytes of its files in all: what a build needs room for.
        public let size: Int

        /// - Parameter list: Its text's size and hash are those of the list.
        public init(source: TreeSource, list: TreeList) {
            self.source = source
            self.list = Input(path: source.source, of: Array(list.text.utf8))
            size = list.inputs.reduce(0) { $0 + $1.size }
        }

        private init(source: TreeSource, size: Int, listSize: Int, sha256: Digest) {
            (self.source, self.size) = (source, size)
            list = Input(path: source.source, size: listSize, sha256: sha256)
        }

        /// How a lock spells it.
        static let form = EntryForm<Tree>(
            EntryField<Tree, TreeSource>(
                keys: TreeSource.form.keys, read: TreeSource.form.read, write: { TreeSource.form.write($0.source, &$1) }
            ),
            .integer("size", \.size, in: 0...Lockfile.largestInput),
            EntryField<Tree, Int>(
                keys: ["list-size"], read: { try $0.integer("list-size", in: 1...Lockfile.largestInput) },
                write: { $1.value("list-size", $0.list.size) }),
            EntryField<Tree, Digest>(
                keys: ["list-sha256"], read: { try $0.digest("list-sha256") },
                write: { $1.value("list-sha256", $0.list.sha256) }),
            make: { Tree(source: $0, size: $1, listSize: $2, sha256: $3) })
    }
}

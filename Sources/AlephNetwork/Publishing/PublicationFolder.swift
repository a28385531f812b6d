import ContentHash
import FoundationEssentials
import Glibc
import Host

/// A prepared message as a folder, to be reviewed, signed and sent:
///
///     content.json    the text that is hashed: its SHA-256 is the item hash
///     message.json    the message without its signature
///     to-sign.txt     the exact bytes that a wallet signs
///     publish.json    the file that it publishes: path from here, size, SHA-256
///     signature       what a wallet gave; only where a command signed
///     inputs/         the same of the bundle that rebuilds the image, which is published first
public struct PublicationFolder: Sendable {
    /// As it was given.
    public let path: String
    /// The message.
    public let draft: StoreDraft
    /// What it publishes.
    public let file: PublishedFile
    /// What a command signed.
    public let signature: String?

    /// The file that a message publishes.
    public struct PublishedFile: Codable, Equatable, Sendable {
        /// From the folder to the file, or an absolute path.
        public var file: String
        /// Bytes.
        public var size: Int
        /// 64 lower-case hexadecimal digits.
        public var sha256: String

        /// Made of its parts.
        public init(file: String, size: Int, sha256: String) {
            (self.file, self.size, self.sha256) = (file, size, sha256)
        }
    }

    /// Where a bundle's own is.
    public static let inputsName = "inputs"
    static let messageName = "message.json"
    static let contentName = "content.json"
    static let signedName = "to-sign.txt"
    static let fileName = "publish.json"
    /// What a wallet gave.
    public static let signatureName = "signature"
    private static let largest = 1 << 20

    /// What is written.
    public struct Prepared: Sendable {
        /// The message.
        public var draft: StoreDraft
        /// The file's path, as it was given.
        public var path: String
        /// The file's names.
        public var identity: FileIdentity
        /// What a command signed; nil where nobody has.
        public var signature: StoreSignature?

        /// Made of its parts.
        public init(draft: StoreDraft, path: String, identity: FileIdentity, signature: StoreSignature? = nil) {
            (self.draft, self.path, self.identity, self.signature) = (draft, path, identity, signature)
        }
    }

    /// Writes a folder, whole or not at all. One that is there with just these bytes stays.
    /// - Parameter inputs: The bundle's, which is published first.
    /// - Throws: `PublishError.folder`, `SystemError`.
    public static func write(_ prepared: Prepared, inputs: Prepared?, to path: String) throws {
        let target = Self.withoutSlash(path)
        let files = try Self.files(prepared, inputs, target)
        guard try !isThere(files, target) else { return }
        let temporary = "\(target).rtverify-\(getpid())"
        var isWhole = false
        defer { if !isWhole { try? FileManager.default.removeItem(atPath: temporary) } }
        try make(temporary)
        if inputs != nil { try make("\(temporary)/\(inputsName)") }
        for (name, text) in files { try AtomicFile.write(text, to: "\(temporary)/\(name)") }
        guard rename(temporary, target) == 0 else { throw SystemError("cannot write \(path)", errno) }
        isWhole = true
    }

    /// Whether just that message is in the folder already; a signature isn't looked at.
    /// - Throws: `PublishError.folder` where something else is.
    public static func isThere(_ prepared: Prepared, inputs: Prepared?, in path: String) throws -> Bool {
        let target = withoutSlash(path)
        return try isThere(try files(prepared, inputs, target).filter { !$0.0.hasSuffix(signatureName) }, target)
    }

    private static func isThere(_ files: [(String, String)], _ target: String) throws -> Bool {
        guard access(target, F_OK) == 0 else { return false }
        // An empty folder is as good as none.
        if let names = try? FileManager.default.contentsOfDirectory(atPath: target), names.isEmpty { return false }
        for (name, text) in files
        where (try? SmallFile.bytes("\(target)/\(name)", limit: largest)) != Array(text.utf8) {
            throw PublishError.folder(
                "\(target) is there and holds something else: remove it, or name another folder (-o). A message that has been "
                    + "signed is worth keeping")
        }
        return true
    }

    private static func withoutSlash(_ path: String) -> String {
        var target = path
        while target.count > 1, target.hasSuffix("/") { target.removeLast() }
        return target
    }

    private static func files(_ prepared: Prepared, _ inputs: Prepared?, _ target: String) throws -> [(String, String)]
    {
        let own = try files(prepared, folder: target, prefix: "")
        return try own
            + (inputs.map { try files($0, folder: "\(target)/\(inputsName)", prefix: "\(inputsName)/") } ?? [])
    }

    private static func make(_ folder: String) throws {
        guard mkdir(folder, 0o755) == 0 else { throw SystemError("cannot make \(folder)", errno) }
    }

    private static func files(_ prepared: Prepared, folder: String, prefix: String) throws -> [(String, String)] {
        let draft = prepared.draft
        let file = PublishedFile(
            file: try path(from: folder, to: prepared.path), size: prepared.identity.size,
            sha256: prepared.identity.sha256.hex)
        var files = [
            (contentName, draft.content), (messageName, draft.json), (signedName, draft.signedText),
            (fileName, JSONText.of(file) + "\n"),
        ]
        if let signature = prepared.signature { files.append((signatureName, signature.text + "\n")) }
        return files.map { (prefix + $0.0, $0.1) }
    }

    /// How a file is reached from a folder that may not be there yet; both may be moved together then.
    private static func path(from folder: String, to file: String) throws -> String {
        func parts(_ path: String) -> [Substring] { path.split(separator: "/") }
        func real(_ path: String) throws -> String {
            guard let pointer = path.withPath({ realpath($0, nil) }) else {
                throw SystemError("cannot read \(path)", errno)
            }
            defer { free(pointer) }
            return String(path: pointer)
        }
        var (base, missing) = (folder, 0)
        while access(base, F_OK) != 0, missing < 2 { (base, missing) = (Paths.parent(of: base), missing + 1) }
        let names = parts(folder).suffix(missing)
        let (from, to) = (parts(try real(base)) + names, parts(try real(file)))
        let common = zip(from, to).prefix { $0 == $1 }.count
        return ([Substring](repeating: "..", count: from.count - common) + to[common...]).joined(separator: "/")
    }

    /// Opens a folder: what it says must agree, and no private key may lie in it.
    /// - Throws: `PublishError`, `SystemError`.
    public init(path: String) throws {
        self.path = path
        try Self.checkNames(path)
        func text(_ name: String) throws -> [UInt8] { try SmallFile.bytes("\(path)/\(name)", limit: Self.largest) }
        do { draft = try StoreDraft(try text(Self.messageName)) } catch let error as MessageError {
            throw PublishError.notPrepared("\(path)/\(Self.messageName): \(error)")
        }
        for (name, expected) in [(Self.contentName, draft.content), (Self.signedName, draft.signedText)] {
            guard try text(name) == Array(expected.utf8) else {
                throw PublishError.notPrepared("\(path)/\(name) is not what \(Self.messageName) says: prepare it anew")
            }
        }
        do { file = try JSONText.decode(PublishedFile.self, from: try text(Self.fileName)) } catch is DecodingError {
            throw PublishError.notPrepared(
                "\(path)/\(Self.fileName) doesn't say which file is published: prepare it anew")
        }
        signature =
            access("\(path)/\(Self.signatureName)", F_OK) == 0
            ? String(decoding: try text(Self.signatureName), as: UTF8.self) : nil
    }

    private static let names: Set<String> = [
        messageName, contentName, signedName, fileName, signatureName, inputsName,
    ]

    /// Nothing else belongs beside what is sent, and nothing of it is read before that is sure.
    private static func checkNames(_ path: String) throws {
        guard access(path, F_OK) == 0 else { throw SystemError("cannot read \(path)", ENOENT) }
        guard access("\(path)/\(messageName)", F_OK) == 0 else {
            throw PublishError.folder(
                "\(path) is no folder of `rtverify publish prepare`: it has no \(messageName)")
        }
        let allowed = hashes(of: path).union(hashes(of: "\(path)/\(inputsName)"))
        guard let found = try KeyTraces.find(in: path, besides: allowed, names: names) else { return }
        if let what = found.what { throw secret(found.path, what) }
        throw PublishError.folder(
            "\(found.path) is no file of `rtverify publish prepare`: take it away, whatever it is")
    }

    private static func secret(_ path: String, _ what: String) -> PublishError {
        .folder("\(path) looks like a private key (\(what)), and none belongs beside what is sent: take it away")
    }

    /// The hashes that a folder's message is about; none where there is no such message.
    private static func hashes(of folder: String) -> Set<String> {
        var status = stat()
        let path = "\(folder)/\(messageName)"
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            let draft = try? StoreDraft(try SmallFile.bytes(path, limit: largest))
        else { return [] }
        return [draft.itemHash.description, draft.file.description]
    }

    /// Where the file is.
    public var filePath: String {
        if file.file.hasPrefix("/") { return file.file }
        // A folder's own `..` is its parent's name, but where it is reached by a link.
        var status = stat()
        var (base, rest) = (path, file.file[...])
        while base.hasSuffix("/") { base.removeLast() }
        while rest.hasPrefix("../"), let last = base.split(separator: "/").last, last != "..", last != ".",
            lstat(base, &status) == 0, status.st_mode & S_IFMT == S_IFDIR
        {
            rest = rest.dropFirst(3)
            base = Paths.parent(of: base)
        }
        return base == "." ? String(rest) : "\(base)/\(rest)"
    }

    /// The bundle's; nil where none is published with it.
    /// - Throws: What `init(path:)` does.
    public func inputs() throws -> PublicationFolder? {
        let folder = "\(path)/\(Self.inputsName)"
        return access(folder, F_OK) == 0 ? try PublicationFolder(path: folder) : nil
    }

    /// The file, opened, when it is what the message publishes.
    /// - Parameter other: Where it is instead; nil for where the folder says.
    /// - Throws: `PublishError.notPrepared`, `FileReadError`.
    public func open(_ other: String? = nil) async throws -> (file: InputFile, identity: FileIdentity) {
        let (path, name) = (other ?? filePath, draft.file.name)
        let input = try InputFile(path: path)
        let identity = try await onThread {
            try FileIdentity(path: path, profiles: [.v0_2015])
        }
        guard case .same = name.answer(for: identity) else {
            throw PublishError.notPrepared(
                "\(path) is not what the message publishes (\(name)): its SHA-256 is \(identity.sha256), and it was "
                    + "\(file.sha256) when it was prepared")
        }
        guard identity.size == file.size, identity.sha256.hex == file.sha256 else {
            throw PublishError.notPrepared(
                "\(self.path)/\(Self.fileName) says another size or SHA-256 than the file has: prepare it anew")
        }
        return (input, identity)
    }
}

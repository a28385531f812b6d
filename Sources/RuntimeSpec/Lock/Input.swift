import ContentHash

extension Lockfile {
    /// A file of known bytes.
    public struct Input: Equatable, Hashable, Codable, Sendable {
        /// Where an archive keeps it, relative to what the context says; or a URL.
        public let path: String
        /// Bytes.
        public let size: Int
        /// Of its bytes.
        public let sha256: Digest

        /// - Parameter size: Bytes.
        public init(path: String, size: Int, sha256: Digest) {
            (self.path, self.size, self.sha256) = (path, size, sha256)
        }

        /// Bytes at hand, as an input.
        public init(path: String, of bytes: [UInt8]) {
            self.init(path: path, size: bytes.count, sha256: .of(bytes))
        }

        /// Whether its path is a URL of its own, and not a place in an archive or beside the manifest.
        public var isWeb: Bool { path.contains("://") }

        /// How package indexes are spelt.
        static let form = EntryForm<Input>(.input("path", \.self), make: { $0 })

        /// The keys of an input whose place has a key of that name.
        static func keys(path: String) -> [String] { [path, "size", "sha256"] }

        init(
            _ fields: TOMLFields, path: String,
            _ expected: String = "a URL, or a relative path without empty, '.' or '..' parts", atLeast least: Int = 0,
            _ check: (String) -> Bool = { Spelling.isArchivePath($0) || Spelling.isURL($0) }
        ) throws {
            self.init(
                path: try fields.string(path, expected, check),
                size: try fields.integer("size", in: least...Lockfile.largestInput),
                sha256: try fields.digest("sha256"))
        }

        /// One beside an entry's own: `KEY`, `KEY-size` and `KEY-sha256`.
        init(_ fields: TOMLFields, key: String, _ expected: String, _ check: (String) -> Bool) throws {
            self.init(
                path: try fields.string(key, expected, check),
                size: try fields.integer("\(key)-size", in: 1...Lockfile.largestInput),
                sha256: try fields.digest("\(key)-sha256"))
        }

        /// The keys of one beside an entry's own.
        static func keys(key: String) -> [String] { [key, "\(key)-size", "\(key)-sha256"] }

        func write(key: String, to text: inout TOMLText) {
            text.value(key, path)
            text.value("\(key)-size", size)
            text.value("\(key)-sha256", sha256)
        }

        func write(path: String, to text: inout TOMLText) {
            text.value(path, self.path)
            text.value("size", size)
            text.value("sha256", sha256)
        }
    }
}

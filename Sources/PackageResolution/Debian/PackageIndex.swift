import Archives
import ContentHash
import RuntimeSpec

/// A component's `Packages` file: one stanza a package, found by name without making strings of the rest.
package struct PackageIndex: Sendable {
    /// One package's fields.
    package struct Stanza: Sendable {
        /// Its `Package`.
        package var name = ""
        /// Its `Version`.
        package var version = ""
        /// Its `Architecture`.
        package var architecture = ""
        /// Its `Filename`, normalized.
        package var path = ""
        /// Its `Size` in bytes; -1 where there is none.
        package var size = 0
        /// nil where the entry has none, or none that is spelt as one.
        package var sha256: Digest?
        /// Whether its `Essential` is `yes`.
        package var isEssential = false
        /// Its `Depends`.
        package var depends = ""
        /// Its `Pre-Depends`.
        package var preDepends = ""
        /// Its `Provides`.
        package var provides = ""

        /// Of no package.
        package init() {}

        /// The .deb as a lock's input.
        /// - Throws: `ResolutionError.malformed` where the entry has no SHA-256.
        package func file() throws -> Lockfile.Input {
            guard let sha256 else {
                throw ResolutionError.malformed("the index's entry of \(name) \(version) has no SHA256")
            }
            return Lockfile.Input(path: path, size: size, sha256: sha256)
        }
    }

    private let bytes: [UInt8]
    private let ranges: [String: [Range<Int>]]
    /// Names of packages marked Essential, and of those with Priority: required.
    package let essential: Set<String>
    /// Names of packages with Priority: required.
    package let required: Set<String>

    /// What is taken of an index: of the machines' architecture, and of these names where there are some.
    struct Selection {
        var names: Set<String>?

        func takes(_ stanza: UnsafeBufferPointer<UInt8>, name: String) -> Bool {
            let architecture = Deb822.firstLine(of: "Architecture", in: stanza)
            return (architecture == "amd64" || architecture == "all") && names.map { $0.contains(name) } ?? true
        }
    }

    /// Of no package.
    static let empty = PackageIndex()

    private init() { (bytes, ranges, essential, required) = ([], [:], [], []) }

    /// - Parameter name: What errors call it. Throws `ResolutionError.malformed` for what is no index.
    package init(text: [UInt8], name: String) throws { try self.init(text: text, name: name, only: nil) }

    /// - Parameter selection: nil for all of it.
    init(text: [UInt8], name: String, only selection: Selection?) throws {
        var ranges: [String: [Range<Int>]] = [:]
        var isIndex = false
        var (essential, required) = (Set<String>(), Set<String>())
        text.withUnsafeBufferPointer { bytes in
            for range in Deb822.ranges(bytes) {
                let stanza = UnsafeBufferPointer(rebasing: bytes[range])
                guard let name = Deb822.firstLine(of: "Package", in: stanza) else { continue }
                isIndex = true
                if let selection, !selection.takes(stanza, name: name) { continue }
                ranges[name, default: []].append(range)
                if Deb822.firstLine(of: "Essential", in: stanza) == "yes" { essential.insert(name) }
                if Deb822.firstLine(of: "Priority", in: stanza) == "required" { required.insert(name) }
            }
        }
        guard isIndex || text.isEmpty else {
            throw ResolutionError.malformed("\(name) is not a package index")
        }
        (bytes, self.ranges, self.essential, self.required) = (text, ranges, essential, required)
    }

    /// Every stanza of a name.
    package func stanzas(named name: String) -> [Stanza] {
        (ranges[name] ?? []).map { range in bytes.withUnsafeBufferPointer { Self.parse($0[range]) } }
    }

    /// The same without some packages; nil where it has none of those.
    /// - Parameter names: Those that are looked at.
    func without(_ names: some Sequence<String>, where isExcluded: (Stanza) -> Bool) -> PackageIndex? {
        var kept = ranges
        for name in names {
            guard let own = ranges[name] else { continue }
            kept[name] = own.filter { range in
                !isExcluded(bytes.withUnsafeBufferPointer { Self.parse($0[range]) })
            }
            if kept[name]?.isEmpty == true { kept[name] = nil }
        }
        return kept == ranges
            ? nil : PackageIndex(bytes: bytes, ranges: kept, essential: essential, required: required)
    }

    private init(bytes: [UInt8], ranges: [String: [Range<Int>]], essential: Set<String>, required: Set<String>) {
        (self.bytes, self.ranges, self.essential, self.required) = (bytes, ranges, essential, required)
    }

    /// What is taken of it, as an index.
    var text: [UInt8] {
        ranges.values.joined().sorted { $0.lowerBound < $1.lowerBound }.flatMap { Array(bytes[$0]) + [10, 10] }
    }

    /// The stanza of a name, version and architecture.
    func stanza(named name: String, version: String, architecture: String) -> Stanza? {
        stanzas(named: name).first { $0.version == version && $0.architecture == architecture }
    }

    private static func parse(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Stanza {
        var stanza = Stanza()
        let fields = Deb822(paragraph: bytes, where: Self.fields.contains)
        stanza.name = fields["package"] ?? ""
        stanza.version = fields["version"] ?? ""
        stanza.architecture = fields["architecture"] ?? ""
        stanza.path = Self.normalized(fields["filename"] ?? "")
        stanza.size = fields["size"].flatMap { Int($0) } ?? -1
        stanza.sha256 = fields["sha256"].flatMap { Digest(hex: $0.lowercased()) }
        stanza.isEssential = fields["essential"] == "yes"
        stanza.depends = fields["depends"] ?? ""
        stanza.preDepends = fields["pre-depends"] ?? ""
        stanza.provides = fields["provides"] ?? ""
        return stanza
    }

    private static let fields: Set<String> = [
        "package", "version", "architecture", "filename", "size", "sha256", "essential", "depends", "pre-depends",
        "provides",
    ]

    /// A pool path without the `./` and doubled slashes that some archives' tools write. One that climbs stays as it is, and
    /// is then no path that a lock may have.
    private static func normalized(_ path: String) -> String {
        path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    /// Names that a package of the index stands for besides its own.
    package func provides(_ name: String) -> Bool {
        ranges.values.contains { ranges in
            ranges.contains { range in
                let provided = bytes.withUnsafeBufferPointer { bytes in
                    Deb822.firstLine(of: "Provides", in: UnsafeBufferPointer(rebasing: bytes[range]))
                }
                return provided.map { DependencyField.names($0).joined().contains(name) } == true
            }
        }
    }
}

import ContentHash
import RuntimeSpec

/// A component's `Packages` file: one stanza a package, found by name without making strings of the rest.
package struct PackageIndex: Sendable {
    /// One package's fields.
    package struct Stanza: Sendable {
        var name = ""
        var version = ""
        var architecture = ""
        var path = ""
        var size = 0
        var sha256 = ""
        var isEssential = false
        var depends = ""
        var preDepends = ""
        var provides = ""

        /// The .deb as a lock's input.
        var file: Lockfile.Input { Lockfile.Input(path: path, size: size, sha256: sha256) }
    }

    private let text: [UInt8]
    private let ranges: [String: [Range<Int>]]
    /// Names of packages marked Essential, and of those with Priority: required.
    let essential: Set<String>
    let required: Set<String>

    package init(text: [UInt8], name: String) throws {
        var ranges: [String: [Range<Int>]] = [:]
        var (essential, required) = (Set<String>(), Set<String>())
        text.withUnsafeBufferPointer { bytes in
            var start = 0
            while start < bytes.count {
                var end = start
                while end < bytes.count, !(bytes[end] == 10 && (end + 1 == bytes.count || bytes[end + 1] == 10)) {
                    end += 1
                }
                let stanza = UnsafeBufferPointer(rebasing: bytes[start..<end])
                if let name = Self.value(of: "Package", in: stanza) {
                    ranges[name, default: []].append(start..<end)
                    if Self.value(of: "Essential", in: stanza) == "yes" { essential.insert(name) }
                    if Self.value(of: "Priority", in: stanza) == "required" { required.insert(name) }
                }
                start = end + 1
                while start < bytes.count, bytes[start] == 10 { start += 1 }
            }
        }
        guard !ranges.isEmpty || text.isEmpty else {
            throw ResolutionError.malformed("\(name) is not a package index")
        }
        (self.text, self.ranges, self.essential, self.required) = (text, ranges, essential, required)
    }

    /// Every stanza of a name.
    package func stanzas(named name: String) -> [Stanza] {
        (ranges[name] ?? []).map { range in text.withUnsafeBufferPointer { Self.parse($0[range]) } }
    }

    /// The stanza of a name, version and architecture.
    func stanza(named name: String, version: String, architecture: String) -> Stanza? {
        stanzas(named: name).first { $0.version == version && $0.architecture == architecture }
    }

    /// A one-line field, without making lines of the stanza.
    private static func value(of field: StaticString, in stanza: UnsafeBufferPointer<UInt8>) -> String? {
        let key = UnsafeBufferPointer(start: field.utf8Start, count: field.utf8CodeUnitCount)
        var line = 0
        while line < stanza.count {
            var end = line
            while end < stanza.count, stanza[end] != 10 { end += 1 }
            if end - line > key.count, stanza[line] == key[0], stanza[line + key.count] == 0x3a,
                stanza[line..<(line + key.count)].elementsEqual(key)
            {
                return String(decoding: stanza[(line + key.count + 1)..<end].drop { $0 == 32 }, as: UTF8.self)
            }
            line = end + 1
        }
        return nil
    }

    private static func parse(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Stanza {
        var stanza = Stanza()
        var fields: [String: String] = [:]
        var current = ""
        for line in bytes.split(separator: 10) {
            let isMore = line.first == 32 || line.first == 9
            guard let colon = isMore ? line.startIndex : line.firstIndex(of: 0x3a) else { continue }
            if !isMore { current = String(decoding: line[..<colon], as: UTF8.self).lowercased() }
            guard Self.fields.contains(current) else { continue }
            let value = line[(colon + 1)...].drop { $0 == 32 || $0 == 9 }
            let text = String(decoding: value.last == 13 ? value.dropLast() : value, as: UTF8.self)
            // A value may go on in further lines (deb822(5)).
            fields[current] = isMore ? "\(fields[current] ?? "") \(text)" : text
        }
        stanza.name = fields["package"] ?? ""
        stanza.version = fields["version"] ?? ""
        stanza.architecture = fields["architecture"] ?? ""
        stanza.path = Self.normalized(fields["filename"] ?? "")
        stanza.size = fields["size"].flatMap { Int($0) } ?? -1
        stanza.sha256 = fields["sha256"]?.lowercased() ?? ""
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
                let provided = text.withUnsafeBufferPointer { bytes in
                    Self.value(of: "Provides", in: UnsafeBufferPointer(rebasing: bytes[range]))
                }
                return provided.map { DependencyField.names($0).joined().contains(name) } == true
            }
        }
    }
}

/// A dependency field: groups that must all hold, each of alternatives of which one must.
enum DependencyField {
    /// The names in each group, without versions and architecture qualifiers, alternatives in order.
    static func names(_ field: String) -> [[String]] {
        field.split(separator: ",").map { group in
            group.split(separator: "|").compactMap { alternative in
                let name = alternative.drop { $0 == " " }.prefix { $0 != " " && $0 != "(" && $0 != ":" && $0 != "[" }
                return name.isEmpty ? nil : String(name)
            }
        }.filter { !$0.isEmpty }
    }
}

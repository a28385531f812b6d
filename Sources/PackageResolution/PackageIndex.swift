import ContentHash
import RuntimeSpec

/// A component's `Packages` file: one stanza a package, found by name without making strings of the rest.
struct PackageIndex: Sendable {
    /// One package's fields.
    struct Stanza: Sendable {
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

    init(text: [UInt8], name: String) throws {
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
    func stanzas(named name: String) -> [Stanza] {
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
        for line in bytes.split(separator: 10) where line.first != 32 {
            guard let colon = line.firstIndex(of: 0x3a) else { continue }
            let value = String(decoding: line[(colon + 1)...].drop { $0 == 32 }, as: UTF8.self)
            switch String(decoding: line[..<colon], as: UTF8.self) {
            case "Package": stanza.name = value
            case "Version": stanza.version = value
            case "Architecture": stanza.architecture = value
            case "Filename": stanza.path = value
            case "Size": stanza.size = Int(value) ?? -1
            case "SHA256": stanza.sha256 = value
            case "Essential": stanza.isEssential = value == "yes"
            case "Depends": stanza.depends = value
            case "Pre-Depends": stanza.preDepends = value
            case "Provides": stanza.provides = value
            default: continue
            }
        }
        return stanza
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

import Archives
import Glibc
import Host
import RuntimeSpec

/// The Debian mirrors that the host's own apt is configured with (sources.list(5), both formats).
public enum HostSources {
    /// Mirrors of Debian's archives found under `/etc/apt`, each once, in the order of the files' names; those of lists that
    /// are files of this host too.
    public static func mirrors(directory: String = "/etc/apt") -> [Mirror] {
        var result: [Mirror] = []
        for (uri, family) in uris(directory) {
            if isSupported(uri) {
                result.append(Mirror(uri, family: family))
            } else if uri.hasPrefix("mirror+file:") {
                let path = Mirror(String(uri.dropFirst("mirror+".count))).base
                result += ((try? SmallFile.text(path)).map(MirrorFile.mirrors) ?? []).map { Mirror($0, family: family) }
            }
        }
        var seen: Set<Mirror> = []
        return result.filter { seen.insert($0).inserted }
    }

    /// Lists of mirrors that a server has.
    public static func mirrorLists(directory: String = "/etc/apt") -> [MirrorFile] {
        uris(directory).compactMap { uri, family in
            for (prefix, scheme) in [("mirror://", "http"), ("mirror+http://", "http"), ("mirror+https://", "https")]
            where uri.hasPrefix(prefix) {
                return MirrorFile(url: "\(scheme)://\(uri.dropFirst(prefix.count))", family: family)
            }
            return nil
        }
    }

    /// What the host's apt names for Debian's suites, with the family of each.
    private static func uris(_ directory: String) -> [(uri: String, family: DebianArchiveFamily)] {
        let parts = Folder.names(in: "\(directory)/sources.list.d")
        let files = ["\(directory)/sources.list"] + parts.map { "\(directory)/sources.list.d/\($0)" }
        var result: [(String, DebianArchiveFamily)] = []
        for file in files {
            // An unreadable or absent file is no source; apt itself would complain in time.
            guard let text = try? SmallFile.text(file) else { continue }
            for source in parse(text, file: file) {
                let families = Set(source.suites.filter(isDebianSuite).map(DebianArchiveFamily.init(suite:)))
                for family in families.sorted(by: { $0.rawValue < $1.rawValue }) {
                    result += source.uris.map { ($0, family) }
                }
            }
        }
        return result
    }

    /// The Alpine mirrors that the host's own apk is configured with: what stands above `v3.20/main`.
    public static func alpineMirrors(file: String = "/etc/apk/repositories") -> [Mirror] {
        guard let text = try? SmallFile.text(file) else { return [] }
        return text.split(separator: "\n").compactMap { line in
            let url = line.drop { $0 == " " }.split(separator: " ").last ?? ""
            let parts = url.split(separator: "/", omittingEmptySubsequences: false)
            guard !line.hasPrefix("#"), parts.count > 3, url.hasPrefix("http") || url.hasPrefix("/") else { return nil }
            return Mirror(parts.dropLast(2).joined(separator: "/"))
        }
    }

    /// What one line or one stanza of apt's sources names.
    public struct Source: Equatable, Sendable {
        /// What stands above `dists/` and `pool/`.
        public var uris: [String]
        /// As they stand below `dists/`.
        public var suites: [String]
        /// `main` and so on.
        public var components: [String]

        /// As a line or a stanza has them.
        package init(uris: [String], suites: [String], components: [String]) {
            (self.uris, self.suites, self.components) = (uris, suites, components)
        }
    }

    /// Sources in the format that a file's name says (sources.list(5)); others are none.
    public static func parse(_ text: String, file: String) -> [Source] {
        file.hasSuffix(".sources") ? parseDeb822(text) : file.hasSuffix(".list") ? parseList(text) : []
    }

    /// `deb [options] URI SUITE COMPONENT...`
    private static func parseList(_ text: String) -> [Source] {
        text.split(separator: "\n").compactMap { line in
            let code: Substring = line.prefix { $0 != "#" }
            var words = code.split { $0 == " " || $0 == "\t" }.map { String($0) }
            guard words.first == "deb" else { return nil }
            words.removeFirst()
            if words.first?.hasPrefix("[") == true {
                guard let end = words.firstIndex(where: { $0.hasSuffix("]") }) else { return nil }
                words.removeFirst(end + 1)
            }
            return words.count >= 2
                ? Source(uris: [words[0]], suites: [words[1]], components: Array(words[2...])) : nil
        }
    }

    /// Stanzas of fields; `Enabled: no` switches one off.
    private static func parseDeb822(_ text: String) -> [Source] {
        Deb822.paragraphs(text.utf8).compactMap { fields in
            func words(_ name: String) -> [String]? {
                fields[name].map { $0.split { $0 == " " || $0 == "\t" }.map { String($0) } }
            }
            guard words("types")?.contains("deb") == true, words("enabled")?.first?.lowercased() != "no",
                let uris = words("uris"), let suites = words("suites")
            else { return nil }
            return Source(uris: uris, suites: suites, components: words("components") ?? [])
        }
    }

    static func isSupported(_ uri: String) -> Bool {
        ["http://", "https://", "file:"].contains { uri.hasPrefix($0) }
    }

    /// A suite of Debian's own archives; third parties and other distributions have other names.
    private static func isDebianSuite(_ suite: String) -> Bool {
        let names = [
            "bullseye", "bookworm", "trixie", "forky", "duke", "sid", "unstable", "testing", "stable",
            "oldstable", "oldoldstable",
        ]
        return names.contains { suite == $0 || suite.hasPrefix("\($0)-") || suite.hasPrefix("\($0)/") }
    }
}

/// A list of mirrors (apt-transport-mirror(1)): a URL a line, perhaps with a priority and other words behind it.
public struct MirrorFile: Hashable, Sendable {
    /// Where it is served.
    public let url: String
    let family: DebianArchiveFamily

    /// The mirrors, those of the lowest number first.
    package static func mirrors(_ text: String) -> [String] {
        let lines = text.split(whereSeparator: \.isNewline).map { line in
            line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
        }
        let entries = lines.filter { !$0.isEmpty }.map { words in
            let priority = words.dropFirst().lazy.compactMap { word in
                word.hasPrefix("priority:") ? Int(word.dropFirst("priority:".count)) : nil
            }.first
            return (url: String(words[0]), priority: priority ?? Int.max)
        }
        return entries.enumerated().sorted { ($0.element.priority, $0.offset) < ($1.element.priority, $1.offset) }
            .map(\.element.url).filter(HostSources.isSupported)
    }
}

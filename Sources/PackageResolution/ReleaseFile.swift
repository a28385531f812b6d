import CLinux
import InputStore
import RuntimeSpec

/// A suite's Release file (https://wiki.debian.org/DebianRepository/Format), its signature already checked.
struct ReleaseFile {
    /// Seconds since 1970-01-01 UTC.
    let date: Int
    /// Seconds since 1970-01-01 UTC; nil where the suite never expires.
    let validUntil: Int?
    let validUntilText: String
    let acquireByHash: Bool
    private let files: [String: Lockfile.Input]

    init(text: String, suite: String) throws {
        var fields: [String: String] = [:]
        var files: [String: Lockfile.Input] = [:]
        var current = ""
        for line in text.split(separator: "\n") {
            if line.hasPrefix(" ") {
                guard current == "sha256" else { continue }
                let words = line.split(separator: " ")
                guard words.count == 3, let size = Int(words[1]) else {
                    throw ResolutionError.malformed("the Release of \(suite) has a malformed SHA256 line:\(line)")
                }
                let path = String(words[2])
                files[path] = Lockfile.Input(path: path, size: size, sha256: String(words[0]))
            } else if let colon = line.firstIndex(of: ":") {
                current = line[..<colon].lowercased()
                fields[current] = String(line[line.index(after: colon)...].drop { $0 == " " })
            }
        }
        guard let date = fields["date"].flatMap(Self.seconds), !files.isEmpty else {
            throw ResolutionError.malformed("the Release of \(suite) has no Date or no SHA256 list")
        }
        self.date = date
        self.files = files
        validUntilText = fields["valid-until"] ?? ""
        validUntil = Self.seconds(validUntilText)
        if !validUntilText.isEmpty, validUntil == nil {
            throw ResolutionError.malformed("the Release of \(suite) has a malformed Valid-Until: \(validUntilText)")
        }
        acquireByHash = fields["acquire-by-hash"] == "yes"
    }

    /// A file that the Release lists, by path relative to the suite.
    func file(_ path: String) -> Lockfile.Input? { files[path] }

    /// The best spelling of a component's package index. Only xz and gzip are read.
    func packageIndex(component: String) -> Lockfile.Input? {
        ["xz", "gz"].lazy.compactMap { file("\(component)/binary-amd64/Packages.\($0)") }.first
    }

    private static func seconds(_ text: String) -> Int? {
        for format in ["%a, %d %b %Y %H:%M:%S UTC", "%a, %d %b %Y %H:%M:%S +0000", "%a, %d %b %Y %H:%M:%S GMT"] {
            let seconds = rtv_parse_time(text, format)
            if seconds >= 0 { return Int(seconds) }
        }
        return nil
    }
}

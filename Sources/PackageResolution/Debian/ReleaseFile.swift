import Archives
import CLinux
import ContentHash
import RuntimeSpec

/// A suite's Release file (https://wiki.debian.org/DebianRepository/Format), its signature already checked.
package struct ReleaseFile {
    /// Seconds since 1970-01-01 UTC.
    package let date: Int
    /// Seconds since 1970-01-01 UTC; nil where the suite never expires.
    package let validUntil: Int?
    let validUntilText: String
    /// Whether apt takes packages from it by itself: not from backports and experimental, which say `NotAutomatic`.
    let isAutomatic: Bool
    /// Whether its indexes are served by their hashes too.
    package let acquireByHash: Bool
    /// Whether packages of every architecture are in indexes of their own (`binary-all`) alone.
    private let hasOwnIndexForAll: Bool
    private let files: [String: Lockfile.Input]

    /// - Throws: `ResolutionError.otherSuite` for the Release of another suite than the one that was asked for.
    package init(text: String, suite: String) throws {
        let fields = Deb822(paragraph: text.utf8)
        var files: [String: Lockfile.Input] = [:]
        // The list stands below its name.
        for line in fields.lines("sha256").dropFirst() where !line.isEmpty {
            let words = line.split { $0 == " " || $0 == "\t" }
            guard words.count == 3, let size = Int(words[1]), (0...Lockfile.largestInput).contains(size),
                let sha256 = Digest(hex: String(words[0]))
            else {
                throw ResolutionError.malformed("the Release of \(suite) has a malformed SHA256 line: \(line)")
            }
            let path = String(words[2])
            files[path] = Lockfile.Input(path: path, size: size, sha256: sha256)
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
        isAutomatic = fields["notautomatic"]?.lowercased() != "yes"
        acquireByHash = fields["acquire-by-hash"] == "yes"
        let packagesForAll = fields["no-support-for-architecture-all"]?.contains("Packages") != true
        hasOwnIndexForAll =
            packagesForAll && fields["architectures"]?.split(separator: " ").contains("all") == true
        try Self.check(suite: suite, named: fields["suite"], codename: fields["codename"])
    }

    /// A file that the Release lists, by path relative to the suite.
    package func file(_ path: String) -> Lockfile.Input? { files[path] }

    /// A mirror could serve one suite of an archive for another, whose signature is as good. A suite is known by its name or
    /// its code name; the security suites of old (`buster/updates`) by the release's.
    private static func check(suite: String, named name: String?, codename: String?) throws {
        let known = [suite] + (suite.hasSuffix("/updates") ? [String(suite.dropLast("/updates".count))] : [])
        if name == suite || codename.map(known.contains) == true { return }
        throw ResolutionError.otherSuite(
            suite: suite, found: [name, codename].compactMap { $0 }.filter { !$0.isEmpty })
    }

    /// The spellings of an index that are read, the best first; none is the plain file.
    static let compressions = ["xz", "gz", "zst", "bz2", ""]

    /// A component's package indexes, each in its best spelling: this architecture's, and the one for every architecture
    /// where the suite keeps that apart. None where the Release lists no index of the component.
    package func packageIndexes(component: String) -> [Lockfile.Input] {
        (["amd64"] + (hasOwnIndexForAll ? ["all"] : [])).compactMap { architecture in
            let plain = "\(component)/binary-\(architecture)/Packages"
            return Self.compressions.lazy.compactMap { file($0.isEmpty ? plain : "\(plain).\($0)") }.first
        }
    }

    private static func seconds(_ text: String) -> Int? {
        for format in ["%a, %d %b %Y %H:%M:%S UTC", "%a, %d %b %Y %H:%M:%S +0000", "%a, %d %b %Y %H:%M:%S GMT"] {
            let seconds = rtv_parse_time(text, format)
            if seconds >= 0 { return Int(seconds) }
        }
        return nil
    }
}

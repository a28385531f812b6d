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
    /// The fields that make apt take nothing from it, or nothing but upgrades, by itself, as they stand.
    let automaticFields: String
    /// What it calls itself where that isn't the suite that was asked for.
    let otherNames: [String]
    /// Whether its indexes are served by their hashes too.
    package let acquireByHash: Bool
    /// Whether packages of every architecture are in indexes of their own (`binary-all`) alone.
    private let hasOwnIndexForAll: Bool
    private let files: [String: Lockfile.Input]

    /// - Throws: `ResolutionError.otherSuite` for the Release of another suite than the one that was asked for.
    /// - Parameter isThirdParty: Other people's suites are often called otherwise in their Releases; apt takes them all the same.
    package init(text: String, suite: String, isThirdParty: Bool = false) throws {
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
            let path = String(words[2].hasPrefix("./") ? words[2].dropFirst(2) : words[2])
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
        automaticFields = ["NotAutomatic", "ButAutomaticUpgrades"].compactMap { name in
            fields[name.lowercased()].map { "\(name): \($0)\n" }
        }.joined()
        isAutomatic = fields["notautomatic"]?.lowercased() != "yes"
        acquireByHash = fields["acquire-by-hash"] == "yes"
        let packagesForAll = fields["no-support-for-architecture-all"]?.contains("Packages") != true
        hasOwnIndexForAll =
            packagesForAll && fields["architectures"]?.split(separator: " ").contains("all") == true
        let found = [fields["suite"], fields["codename"]].compactMap { $0 }.filter { !$0.isEmpty }
        let isOther = !Self.isCalled(suite, fields["suite"], codename: fields["codename"])
        if isOther, !isThirdParty { throw ResolutionError.otherSuite(suite: suite, found: found) }
        otherNames = isOther && !ThirdPartyArchive.isFlat(suite) ? found : []
    }

    /// A file that the Release lists, by path relative to the suite.
    package func file(_ path: String) -> Lockfile.Input? { files[path] }

    /// A mirror could serve one suite of an archive for another, whose signature is as good. A suite is known by its name or
    /// its code name; the security suites of old (`buster/updates`) by the release's.
    private static func isCalled(_ suite: String, _ name: String?, codename: String?) -> Bool {
        let known = [suite] + (suite.hasSuffix("/updates") ? [String(suite.dropLast("/updates".count))] : [])
        return name == suite || codename.map(known.contains) == true
    }

    /// The spellings of an index that are read, the best first; none is the plain file.
    static let compressions = ["xz", "gz", "zst", "bz2", ""]

    /// A flat repository's package index, in its best spelling; none where the Release lists none.
    package var flatIndexes: [Lockfile.Input] {
        Self.compressions.lazy.compactMap { file($0.isEmpty ? "Packages" : "Packages.\($0)") }.prefix(1).map { $0 }
    }

    /// The indexes of a suite's components, or of a flat repository.
    /// - Throws: `ResolutionError.malformed` where the Release lists none of one.
    func packageIndexes(ofSuite suite: String, components: [String]) throws -> [Lockfile.Input] {
        let lists =
            ThirdPartyArchive.isFlat(suite)
            ? [("packages", flatIndexes)] : components.map { ("'\($0)'", packageIndexes(component: $0)) }
        if let (name, _) = lists.first(where: \.1.isEmpty) {
            throw ResolutionError.malformed("the Release of \(suite) lists no package index of \(name)")
        }
        return lists.flatMap(\.1)
    }

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

import RuntimeSpec

/// The host's apt-get as a solver: it sees verified indexes only, in a private root of its own. It neither downloads
/// nor installs, and reads none of the host's configuration, preferences or state.
struct AptResolver {
    /// A package that apt chose.
    struct Choice: Hashable {
        var name: String
        var version: String
        var architecture: String
        /// The archives that apt names beside it, by their labels: those of other people, and not Debian's.
        var labels: [String] = []
        /// Whether an archive of Debian's has the same.
        var isDebian = true
    }

    /// Versions to hold, by package name.
    var pins: [String: String] = [:]
    /// What apt has read already.
    var roots = AptRoots()

    /// What apt would install into an empty system, without Recommends.
    /// - Parameter own: Asked for besides; each in its version.
    func resolve(
        _ names: [String], from archives: [ArchiveState], with own: OwnPackages = .none
    ) async throws -> [Choice] {
        try Self.check(names, in: archives, own)
        let root = try await roots.root(of: archives, with: own)
        let wanted =
            names.filter { name in !own.wishes.contains { $0.name == name } }.map { Self.asked($0, in: archives) }
            + own.wishes.map(\.text)
        let plan = try await root.plan(wanted, preferences: preferences + Self.preferences(of: archives))
        return plan.split(separator: "\n").compactMap(Self.choice)
    }

    /// apt-get takes more than names for a name: patterns, `NAME-` to remove, `NAME+` to install.
    private static func check(_ names: [String], in archives: [ArchiveState], _ own: OwnPackages) throws {
        let indexes = archives.flatMap(\.indexes) + [own.index]
        let suites = Set(archives.map(\.archive.shown)).sorted().joined(separator: ", ")
        let reasons = names.compactMap { text -> String? in
            let wish = PackageWish(text)
            let name = wish?.name ?? text
            if !indexes.contains(where: { !$0.stanzas(named: name).isEmpty }),
                !indexes.contains(where: { $0.provides(name) })
            {
                return "no package '\(name)' in \(suites)"
            }
            guard let wish, wish.isSpecific else { return nil }
            let found = archives.flatMap { state in
                state.indexes.flatMap { $0.stanzas(named: name) }.map { ($0.version, state.archive) }
            }
            if found.contains(where: { version, archive in
                version == wish.version ?? version && wish.suite.map(archive.answers) ?? true
            }) {
                return nil
            }
            let there = Set(found.map { "\($0.0) (\($0.1.thirdParty == nil ? $0.1.suite : $0.1.name))" }).sorted()
                .joined(separator: ", ")
            return (wish.version.map { "no version \($0) of '\(name)'" } ?? "no '\(name)' in \(wish.suite ?? "")")
                + "; there \(found.count == 1 ? "is" : "are") \(there)"
        }
        guard !reasons.isEmpty else { return }
        throw ResolutionError.unresolvable(reasons.map { "  \($0)" }.joined(separator: "\n"))
    }

    /// A wish as apt is told it: of other people's archive by its label, as apt takes a name that begins with a digit for a
    /// version.
    private static func asked(_ text: String, in archives: [ArchiveState]) -> String {
        guard let wish = PackageWish(text), let suite = wish.suite else { return text }
        let numbers = archives.indices.filter { number in
            let state = archives[number]
            return state.archive.thirdParty != nil && state.archive.answers(to: suite)
                && state.indexes.contains { !$0.stanzas(named: wish.name).isEmpty }
        }
        return numbers.first.map { "\(wish.name)/\(label($0))" } ?? text
    }

    /// What apt calls an archive of other people in one resolution.
    static func label(_ number: Int) -> String { "rtverify-\(number)" }

    /// apt's pins of what is preferred, or not (apt_preferences(5)).
    private static func preferences(of archives: [ArchiveState]) -> String {
        archives.enumerated().compactMap { number, state in
            state.archive.thirdParty?.prefer.map {
                "Package: *\nPin: release l=\(label(number))\nPin-Priority: \($0)\n\n"
            }
        }.joined()
    }

    /// `Inst NAME (VERSION ARCHIVE, ARCHIVE [ARCHITECTURE])`, and perhaps names in brackets that wait for this one.
    private static func choice(_ line: Substring) -> Choice? {
        let words = line.split(separator: " ")
        guard words.count >= 4, words[0] == "Inst", words[2].hasPrefix("("),
            let open = line.firstIndex(of: "["), let close = line.firstIndex(of: "]"), open < close
        else { return nil }
        // `LABEL:SUITE`, each; packages of the user's own have neither.
        let archives = line[words[2].endIndex..<open].split(separator: ",").map { $0.drop { $0 == " " } }
        let labels = archives.filter { $0.hasPrefix("rtverify-") }.map { String($0.prefix { $0 != ":" }) }
        return Choice(
            name: String(words[1]), version: String(words[2].dropFirst()),
            architecture: String(line[line.index(after: open)..<close]), labels: labels,
            isDebian: labels.count < archives.count)
    }

    private var preferences: String {
        // Above 1000, so that a held version wins even over a newer one (apt_preferences(5)).
        pins.sorted { $0.key < $1.key }.map { "Package: \($0.key)\nPin: version \($0.value)\nPin-Priority: 1001\n\n" }
            .joined()
    }
}

extension OwnPackages {
    /// The entry of one of them.
    func stanza(of choice: AptResolver.Choice) -> PackageIndex.Stanza? {
        index.stanza(named: choice.name, version: choice.version, architecture: choice.architecture)
    }
}

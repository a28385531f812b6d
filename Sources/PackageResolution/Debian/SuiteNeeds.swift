import Archives
import RuntimeSpec

/// What packages that are asked for from a suite need of that suite besides.
///
/// apt-get takes `NAME/SUITE` for that package alone (apt-get(8)): where what it depends on is too old in the other suites, it finds no
/// way. So what must come from the suite is asked for from it as well, and nothing else is; apt's resolver decides.
struct SuiteNeeds {
    let states: [ArchiveState]
    /// Versions that are held, by package name.
    let pins: [String: String]

    /// The wishes, and those that they lead to.
    func adding(to wishes: [PackageWish]) -> [PackageWish] {
        var (all, chosen) = (wishes, [String: String]())
        for wish in wishes {
            if let version = wish.version ?? wish.suite.flatMap({ newest(wish.name, in: $0)?.version }) {
                chosen[wish.name] = version
            }
        }
        var next = 0
        while next < all.count {
            let wish = all[next]
            next += 1
            guard let suite = wish.suite, let stanza = newest(wish.name, in: suite) else { continue }
            for group in DependencyField.relations("\(stanza.preDepends), \(stanza.depends)") {
                if group.contains(where: { isMet($0, chosen) }) { continue }
                for relation in group where chosen[relation.name] == nil {
                    guard let found = newest(relation.name, in: suite), relation.holds(for: found.version) else {
                        continue
                    }
                    chosen[relation.name] = found.version
                    all += [PackageWish("\(relation.name)/\(suite)")].compactMap { $0 }
                    break
                }
            }
        }
        return all
    }

    private func isMet(_ relation: DependencyField.Relation, _ chosen: [String: String]) -> Bool {
        if let version = chosen[relation.name] ?? pins[relation.name] ?? candidate(relation.name) {
            return relation.holds(for: version)
        }
        return states.contains { $0.indexes.contains { $0.provides(relation.name) } }
    }

    /// What apt takes where nothing is said: the newest of the suites that it takes packages from by itself.
    private func candidate(_ name: String) -> String? {
        let automatic = versions(name) { $0.isAutomatic }
        return (automatic.isEmpty ? versions(name) { _ in true } : automatic).max {
            DebianVersion($0) < DebianVersion($1)
        }
    }

    private func versions(_ name: String, where isLooked: (ArchiveState) -> Bool) -> [String] {
        states.filter(isLooked).flatMap { $0.indexes.flatMap { $0.stanzas(named: name) } }.map(\.version)
    }

    private func newest(_ name: String, in suite: String) -> PackageIndex.Stanza? {
        states.filter { $0.archive.answers(to: suite) }.flatMap { $0.indexes.flatMap { $0.stanzas(named: name) } }
            .max { DebianVersion($0.version) < DebianVersion($1.version) }
    }
}

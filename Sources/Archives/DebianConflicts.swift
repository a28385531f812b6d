/// What a package must not be beside: its Conflicts and Breaks (Debian Policy 7.1, 7.3, 7.4).
package struct DebianConflicts: Sendable {
    /// A package, or a name that packages provide.
    package struct Subject: Sendable {
        /// Its name.
        package var name: String
        /// Its version; nil for a name that is provided without one.
        package var version: DebianVersion?

        /// Made of its parts.
        package init(name: String, version: DebianVersion?) { (self.name, self.version) = (name, version) }
    }

    /// `NAME`, `NAME (<< VERSION)`.
    private struct Relation: Sendable {
        var name: String
        /// nil for any version.
        var condition: (relation: String, version: DebianVersion)?

        init?(_ text: Substring) {
            let parts = text.split { " \t(),".contains($0) }.map(String.init)
            guard let first = parts.first else { return nil }
            name = String(first.prefix { $0 != ":" })
            // Blanks between them are optional: (<<1.2).
            let rest = parts.dropFirst().joined()
            let relation = String(rest.prefix { "<>=".contains($0) })
            if !rest.isEmpty { condition = (relation, DebianVersion(String(rest.dropFirst(relation.count)))) }
        }

        func holds(of subject: Subject) -> Bool {
            guard name == subject.name else { return false }
            guard let (relation, version) = condition else { return true }
            // What has no version fulfils no condition on it.
            guard let found = subject.version else { return false }
            return switch relation {
            case "<<": found < version
            case "<=", "<": found <= version
            case "=": found == version
            case ">=", ">": found >= version
            case ">>": found > version
            // What isn't understood is left to dpkg.
            default: true
            }
        }
    }

    private let relations: [Relation]

    /// - Parameter control: The package's control file.
    package init(of control: Deb822) {
        relations = ["conflicts", "breaks"].flatMap { field in
            (control[field] ?? "").split(separator: ",").compactMap(Relation.init)
        }
    }

    /// Whether one of these is what it must not be beside.
    package func hold(of subjects: [Subject]) -> Bool {
        relations.contains { relation in subjects.contains(where: relation.holds) }
    }

    /// What a package is: itself, and what it provides (`NAME (= VERSION)`).
    package static func subjects(of control: Deb822, version: String) -> [Subject] {
        let provided = (control["provides"] ?? "").split(separator: ",").compactMap(Relation.init)
        return [Subject(name: control["package"] ?? "", version: DebianVersion(version))]
            + provided.map { Subject(name: $0.name, version: $0.condition?.version) }
    }
}

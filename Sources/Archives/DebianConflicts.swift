/// What a package must not be beside: its Conflicts and Breaks (Debian Policy 7.3, 7.4).
package struct DebianConflicts: Sendable {
    /// A package, or a name that packages provide.
    package struct Subject: Sendable {
        /// Its name.
        package var name: String
        /// Its version; nil for a name that is provided without one.
        package var version: String?

        /// Made of its parts.
        package init(name: String, version: String?) { (self.name, self.version) = (name, version) }
    }

    private let relations: [DependencyField.Relation]

    /// - Parameter control: The package's control file.
    package init(of control: Deb822) {
        relations = ["conflicts", "breaks"].flatMap { DependencyField.relations(control[$0] ?? "").joined() }
    }

    /// Whether one of these is what it must not be beside.
    package func hold(of subjects: [Subject]) -> Bool {
        relations.contains { relation in
            subjects.contains { subject in
                // What has no version fulfils no condition on it.
                relation.name == subject.name
                    && (relation.bound == nil || subject.version.map(relation.holds) == true)
            }
        }
    }

    /// What a package is: itself, and what it provides (`NAME (= VERSION)`; Debian Policy 7.5).
    package static func subjects(of control: Deb822, version: String) -> [Subject] {
        [Subject(name: control["package"] ?? "", version: version)]
            + DependencyField.relations(control["provides"] ?? "").joined().map {
                Subject(name: $0.name, version: $0.bound?.version)
            }
    }
}

/// A dependency field: groups that must all hold, each of alternatives of which one must.
package enum DependencyField {
    /// The names in each group, without versions and architecture qualifiers, alternatives in order.
    package static func names(_ field: String) -> [[String]] {
        field.split(separator: ",").map { group in
            group.split(separator: "|").compactMap { alternative in
                let name = alternative.drop { $0 == " " }.prefix { $0 != " " && $0 != "(" && $0 != ":" && $0 != "[" }
                return name.isEmpty ? nil : String(name)
            }
        }.filter { !$0.isEmpty }
    }

    /// One alternative of a dependency field (Debian Policy 7.1).
    package struct Relation: Equatable, Sendable {
        /// The package's or a virtual one's.
        package let name: String
        /// `<<`, `<=`, `=`, `>=` or `>>`, and the version; nil where any will do.
        package let bound: (relation: String, version: String)?

        package static func == (a: Relation, b: Relation) -> Bool {
            a.name == b.name && a.bound?.relation == b.bound?.relation && a.bound?.version == b.bound?.version
        }

        /// Whether a version is one that it takes.
        package func holds(for version: String) -> Bool {
            guard let bound else { return true }
            let (found, wanted) = (DebianVersion(version), DebianVersion(bound.version))
            return switch bound.relation {
            case "<<": found < wanted
            // The short forms are those of old: they never meant what they look like.
            case "<=", "<": found <= wanted
            case "=": found == wanted
            case ">=", ">": found >= wanted
            case ">>": found > wanted
            default: false
            }
        }
    }

    /// The groups of a field, each of alternatives of which one must hold.
    package static func relations(_ field: String) -> [[Relation]] {
        field.split(separator: ",").map { group in
            group.split(separator: "|").compactMap { alternative in
                guard let name = names(String(alternative)).first?.first else { return nil }
                guard let open = alternative.firstIndex(of: "("), let close = alternative[open...].firstIndex(of: ")")
                else { return Relation(name: name, bound: nil) }
                let text = alternative[alternative.index(after: open)..<close]
                let relation = text.drop { $0 == " " }.prefix { "<>=".contains($0) }
                let version = text[relation.endIndex...].filter { $0 != " " }
                return Relation(name: name, bound: (String(relation), version))
            }
        }.filter { !$0.isEmpty }
    }
}

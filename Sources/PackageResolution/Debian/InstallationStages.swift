import Archives

/// In which order packages are installed: a stage is unpacked and configured before the next begins.
///
/// Stage 0 is the Essential closure, whose circles of dependencies only force can break. Outside it,
/// - a package comes at least a stage after each of its Pre-Depends, which must be configured before its own preinst
///   runs (Debian Policy 7.2), and
/// - no earlier than any of its Depends, because a package is configured in its own stage.
///
/// Depends may go round in circles: the packages of a circle (a strongly connected component) share a stage.
package struct InstallationStages {
    private let stanzas: [String: PackageIndex.Stanza]
    private let providers: [String: [String]]

    /// - Parameter stanzas: All packages to install, each name once.
    package init(_ stanzas: [PackageIndex.Stanza]) {
        self.stanzas = Dictionary(stanzas.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var providers: [String: [String]] = [:]
        for stanza in stanzas {
            for virtual in DependencyField.names(stanza.provides).joined() {
                providers[virtual, default: []].append(stanza.name)
            }
        }
        self.providers = providers.mapValues { $0.sorted() }
    }

    /// The stage of each package by name.
    /// - Throws: `ResolutionError.cycle` when Pre-Depends outside stage 0 contradict each other.
    package func stages() throws -> [String: Int] {
        let essential = essentialClosure()
        var stages = Dictionary(uniqueKeysWithValues: essential.map { ($0, 0) })
        let rest = stanzas.keys.filter { !essential.contains($0) }.sorted()
        // Tarjan's algorithm yields a component only after all that it depends on.
        for component in components(of: rest, outside: essential) {
            let members = Set(component)
            var stage = 1
            for name in component {
                for target in targets(stanzas[name]?.preDepends) where !essential.contains(target) {
                    if members.contains(target) { throw ResolutionError.cycle(component.sorted()) }
                    stage = max(stage, (stages[target] ?? 0) + 1)
                }
                for target in targets(stanzas[name]?.depends) where !members.contains(target) {
                    stage = max(stage, stages[target] ?? 0)
                }
            }
            for name in component { stages[name] = stage }
        }
        // A stage that nothing is left in (a lock lists none) closes up.
        let used = Set(stages.values).sorted()
        let renumbered = Dictionary(uniqueKeysWithValues: used.enumerated().map { ($1, $0) })
        return stages.mapValues { renumbered[$0] ?? $0 }
    }

    /// The names of all packages.
    var names: [String] { stanzas.keys.sorted() }

    private func essentialClosure() -> Set<String> { closure(of: stanzas.values.filter(\.isEssential).map(\.name)) }

    /// Packages with all that they depend on, directly or not.
    func closure(of names: [String]) -> Set<String> {
        var closure: Set<String> = []
        var rest = names.filter { stanzas[$0] != nil }
        while let name = rest.popLast() {
            guard closure.insert(name).inserted, let stanza = stanzas[name] else { continue }
            rest += targets(stanza.preDepends) + targets(stanza.depends)
        }
        return closure
    }

    /// What names lead to: each package by its name, or the first that stands for it, with all that it depends on; and the
    /// names that lead nowhere.
    package func reached(from names: some Sequence<String>) -> (packages: Set<String>, missing: [String]) {
        var (roots, missing) = ([String](), [String]())
        for name in names {
            if let root = stanzas[name] != nil ? name : providers[name]?.first {
                roots.append(root)
            } else {
                missing.append(name)
            }
        }
        return (closure(of: roots), missing.sorted())
    }

    /// The fewest names that lead, with those given, to every package: those that nothing else leads to, and of circles of
    /// which that is true the first by name.
    package func roots(besides names: [String]) -> [String] {
        var reached = reached(from: names).packages
        var roots: [String] = []
        let rest = stanzas.keys.filter { !reached.contains($0) }.sorted()
        let needed = Set(
            rest.flatMap { name in
                (targets(stanzas[name]?.preDepends) + targets(stanzas[name]?.depends)).filter { $0 != name }
            })
        // First what nothing needs, then what only circles need.
        for name in rest.filter({ !needed.contains($0) }) + rest.filter(needed.contains) where !reached.contains(name) {
            roots.append(name)
            reached.formUnion(closure(of: [name]))
        }
        return roots.sorted()
    }

    /// Dependencies that nothing here fulfils, by name: `NAME depends on A | B, which isn't locked`.
    package func unmet() -> [String] {
        stanzas.values.sorted { $0.name < $1.name }.flatMap { stanza in
            DependencyField.names("\(stanza.preDepends), \(stanza.depends)").filter { group in
                !group.contains { stanzas[$0] != nil || providers[$0] != nil }
            }.map { "\(stanza.name) depends on \($0.joined(separator: " | ")), which isn't locked" }
        }
    }

    /// The installed package that satisfies each group: the first alternative that is there, by name or as provider.
    private func targets(_ field: String?) -> [String] {
        DependencyField.names(field ?? "").compactMap { group in
            group.lazy.compactMap { stanzas[$0] != nil ? $0 : providers[$0]?.first }.first
        }
    }

    /// Strongly connected components in dependency order (Tarjan 1972), without recursion.
    private func components(of names: [String], outside essential: Set<String>) -> [[String]] {
        var index: [String: Int] = [:]
        var low: [String: Int] = [:]
        var onStack: Set<String> = []
        var stack: [String] = []
        var result: [[String]] = []
        func edges(_ name: String) -> [String] {
            (targets(stanzas[name]?.preDepends) + targets(stanzas[name]?.depends)).filter { !essential.contains($0) }
        }
        for root in names where index[root] == nil {
            var work: [(name: String, edges: [String], next: Int)] = []
            func enter(_ name: String) {
                (index[name], low[name]) = (index.count, index.count)
                stack.append(name)
                onStack.insert(name)
                work.append((name, edges(name), 0))
            }
            enter(root)
            while let (name, targets, next) = work.last {
                if next < targets.count {
                    work[work.count - 1].next += 1
                    let target = targets[next]
                    if index[target] == nil {
                        enter(target)
                    } else if onStack.contains(target) {
                        low[name] = min(low[name] ?? 0, index[target] ?? 0)
                    }
                    continue
                }
                work.removeLast()
                if let parent = work.last { low[parent.name] = min(low[parent.name] ?? 0, low[name] ?? 0) }
                guard low[name] == index[name] else { continue }
                var component: [String] = []
                while let member = stack.popLast() {
                    onStack.remove(member)
                    component.append(member)
                    if member == name { break }
                }
                result.append(component)
            }
        }
        return result
    }
}

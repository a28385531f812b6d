/// Where symbolic links lead inside a tree.
package struct LinkResolver {
    /// The kernel's own limit for one path (path_resolution(7)).
    private static let linkLimit = 40
    private let kinds: [[UInt8]: TreeEntry.Kind]

    /// - Parameter entries: All of a tree.
    package init(_ entries: [TreeEntry]) {
        kinds = Dictionary(entries.map { ($0.path, $0.kind) }) { first, _ in first }
    }

    /// Whether a link at a path, relative to the root, leads to an entry of the tree.
    package func leadsSomewhere(_ path: [UInt8], _ target: [UInt8]) -> Bool {
        var budget = Self.linkLimit
        return resolve(Array(path.split(separator: 0x2f).dropLast().map(Array.init)), target, &budget) != nil
    }

    /// Where a path ends when its links are followed; nil where it leads nowhere.
    package func target(of path: [UInt8]) -> [UInt8]? {
        var budget = Self.linkLimit
        return resolve([], path, &budget).map { Array($0.joined(separator: [0x2f])) }
    }

    /// The path that a target leads to from a folder; nil where it leads nowhere.
    private func resolve(_ folder: [[UInt8]], _ target: [UInt8], _ budget: inout Int) -> [[UInt8]]? {
        budget -= 1
        guard budget >= 0 else { return nil }
        var place = target.first == 0x2f ? [] : folder
        for part in target.split(separator: 0x2f).map(Array.init) where part != [0x2e] {
            if part == [0x2e, 0x2e] {
                _ = place.popLast()
                continue
            }
            let next = place + [part]
            switch kinds[Array(next.joined(separator: [0x2f]))] {
            case nil: return nil
            case .symbolicLink(let other):
                guard let end = resolve(place, other, &budget) else { return nil }
                place = end
            default: place = next
            }
        }
        return place
    }
}

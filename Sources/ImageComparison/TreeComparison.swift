import FileTree
import Glibc
import Host

/// Where two trees differ, entry by entry.
struct TreeComparison {
    /// One difference, with the entries that it is about.
    struct Found {
        var difference: ComparisonReport.Difference
        var a: TreeEntry?
        var b: TreeEntry?
        /// Of the first byte that differs, where the content does.
        var offset: Int?
    }

    private struct NodePair: Hashable {
        var a: Int
        var b: Int
    }

    private let a: any Tree
    private let b: any Tree

    init(_ a: any Tree, _ b: any Tree) { (self.a, self.b) = (a, b) }

    func run() throws -> [Found] {
        var found: [Found] = []
        var pairs: [ContentComparison.Pair] = []
        var pairOfNodes: [NodePair: Int] = [:]
        // Which pair decides for an entry of A: hard links of one file are compared once.
        var waiting: [(a: TreeEntry, b: TreeEntry, pair: Int)] = []
        forEachPair { x, y in
            switch (x, y) {
            case (let x?, nil): found.append(only(.onlyInA, a.entries[x], nil))
            case (nil, let y?): found.append(only(.onlyInB, nil, b.entries[y]))
            case (let x?, let y?):
                let (left, right) = (a.entries[x], b.entries[y])
                // A folder that a tar doesn't list is whatever the other has.
                guard !(left.isImplied && right.kind == .directory), !(right.isImplied && left.kind == .directory)
                else {
                    return
                }
                found += fields(left, right)
                guard left.isFile, right.isFile else { return }
                let nodes = NodePair(a: left.node, b: right.node)
                let pair = pairOfNodes[nodes, default: pairs.count]
                if pair == pairs.count {
                    pairOfNodes[nodes] = pair
                    pairs.append(.init(a: x, b: y))
                }
                waiting.append((left, right, pair))
            case (nil, nil): break
            }
        }
        let offsets = try ContentComparison(a, b).firstDifferences(pairs)
        for (left, right, pair) in waiting {
            guard let offset = offsets[pair] else { continue }
            var difference = ComparisonReport.Difference(
                path: left.name, kind: .content, a: "\(left.size) bytes", b: "\(right.size) bytes")
            if left.size == right.size { difference.detail = ["the first differing byte is number \(offset)"] }
            found.append(Found(difference: difference, a: left, b: right, offset: offset))
        }
        found += hardLinks()
        return found
    }

    /// Visits what both trees have, and what one has, in the order of the paths.
    private func forEachPair(_ visit: (Int?, Int?) -> Void) {
        var (x, y) = (0, 0)
        // A tar need not have an entry for its root.
        if a.entries.first?.path != b.entries.first?.path {
            if a.entries.first?.path == [] { x = 1 }
            if b.entries.first?.path == [] { y = 1 }
        }
        while x < a.entries.count || y < b.entries.count {
            let isLast = y == b.entries.count
            if !isLast, x < a.entries.count, a.entries[x].path == b.entries[y].path {
                visit(x, y)
                x += 1
                y += 1
            } else if isLast
                || x < a.entries.count && a.entries[x].path.lexicographicallyPrecedes(b.entries[y].path)
            {
                visit(x, nil)
                x += 1
            } else {
                visit(nil, y)
                y += 1
            }
        }
    }

    private func only(_ kind: ComparisonReport.Kind, _ x: TreeEntry?, _ y: TreeEntry?) -> Found {
        let entry = x ?? y
        return Found(
            difference: .init(
                path: entry?.name ?? "", kind: kind, a: x.map(Describe.entry), b: y.map(Describe.entry)), a: x, b: y)
    }

    private func fields(_ a: TreeEntry, _ b: TreeEntry) -> [Found] {
        var result: [Found] = []
        func add(_ kind: ComparisonReport.Kind, _ left: String?, _ right: String?) {
            result.append(Found(difference: .init(path: a.name, kind: kind, a: left, b: right), a: a, b: b))
        }
        switch (a.kind, b.kind) {
        case (.symbolicLink(let x), .symbolicLink(let y)):
            if x != y { add(.target, TerminalText.report(x), TerminalText.report(y)) }
        case (.device(let x, _, _), .device(let y, _, _)) where x == y:
            if a.kind != b.kind { add(.device, Describe.kind(a.kind), Describe.kind(b.kind)) }
        case (.file, .file), (.directory, .directory), (.fifo, .fifo), (.socket, .socket): break
        default:
            add(.type, Describe.kind(a.kind), Describe.kind(b.kind))
            return result
        }
        // A link's own mode means nothing, and folders of this machine give it as 0777.
        if a.mode != b.mode, !a.isLink { add(.mode, Octal.text(a.mode), Octal.text(b.mode)) }
        if (a.uid, a.gid) != (b.uid, b.gid) { add(.owner, "\(a.uid):\(a.gid)", "\(b.uid):\(b.gid)") }
        if a.time != b.time { add(.time, Describe.time(a.time), Describe.time(b.time)) }
        if a.attributes != b.attributes {
            let names = Set(a.attributes.map(\.name)).union(b.attributes.map(\.name))
            for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
                let (x, y) = (a.attributes.first { $0.name == name }, b.attributes.first { $0.name == name })
                if x != y { add(.attributes, x.map(Describe.attribute), y.map(Describe.attribute)) }
            }
        }
        return result
    }

    /// Names that lead to one file in one tree and not in the other.
    private func hardLinks() -> [Found] {
        let (left, right) = (groups(a), groups(b))
        let names = Set(left.keys).union(right.keys)
        guard !names.isEmpty else { return [] }
        var (indexA, indexB) = ([[UInt8]: TreeEntry](), [[UInt8]: TreeEntry]())
        for entry in a.entries where names.contains(entry.path) { indexA[entry.path] = entry }
        for entry in b.entries where names.contains(entry.path) { indexB[entry.path] = entry }
        var result: [Found] = []
        // By the groups' first names: each pair of groups is compared and told once.
        var told: Set<[[UInt8]]> = []
        for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            let (x, y) = (left[name] ?? [name], right[name] ?? [name])
            // What one tree lacks is told already.
            guard let a = indexA[name], let b = indexB[name], told.insert([x[0], y[0]]).inserted, x != y else {
                continue
            }
            result.append(
                Found(
                    difference: .init(
                        path: readable(name), kind: .hardLinks, a: Describe.group(x), b: Describe.group(y)),
                    a: a, b: b))
        }
        return result
    }

    private func groups(_ tree: any Tree) -> [[UInt8]: [[UInt8]]] {
        // Few files have a second name: only theirs are put together.
        var nodes: [Int] = []
        for entry in tree.entries where entry.kind != .directory { nodes.append(entry.node) }
        nodes.sort()
        var shared: Set<Int> = []
        for index in nodes.indices.dropFirst() where nodes[index] == nodes[index - 1] { shared.insert(nodes[index]) }
        if shared.isEmpty { return [:] }
        var names: [Int: [[UInt8]]] = [:]
        for entry in tree.entries where entry.kind != .directory && shared.contains(entry.node) {
            names[entry.node, default: []].append(entry.path)
        }
        var result: [[UInt8]: [[UInt8]]] = [:]
        for group in names.values where group.count > 1 { for name in group { result[name] = group } }
        return result
    }
}

extension TreeEntry {
    var isLink: Bool { if case .symbolicLink = kind { true } else { false } }
}

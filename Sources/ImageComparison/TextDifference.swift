import ContentHash
import Host

/// What two texts, or two byte strings, differ in, for people.
package enum TextDifference {
    private static let context = 3
    private static let (lineLimit, outputLimit) = (20_000, 400)

    static func isText(_ a: [UInt8], _ b: [UInt8]) -> Bool { isText(a) && isText(b) }

    /// - Parameter budget: Comparisons of lines that may still be made; what strangers made must not take forever.
    /// - Returns: A unified diff; nil where either is no text or they are too long for one.
    package static func unified(_ a: [UInt8], _ b: [UInt8], budget: inout Int) -> [String]? {
        guard isText(a), isText(b) else { return nil }
        let (x, y) = (lines(a), lines(b))
        guard x.count <= lineLimit, y.count <= lineLimit else { return nil }
        let prefix = zip(x, y).prefix { $0 == $1 }.count
        let suffix = zip(x[prefix...].reversed(), y[prefix...].reversed()).prefix { $0 == $1 }.count
        let (left, right) = (Array(x[prefix..<(x.count - suffix)]), Array(y[prefix..<(y.count - suffix)]))
        // The algorithm takes the product of length and differences.
        let cost = left.count * right.count
        guard cost <= min(4_000_000, budget) else { return nil }
        budget -= cost
        let edits = script(left, right)
        let all =
            x[..<prefix].map { (Character(" "), $0) } + edits + x[(x.count - suffix)...].map { (Character(" "), $0) }
        return hunks(all)
    }

    private static func isText(_ bytes: [UInt8]) -> Bool {
        bytes.count <= 1 << 20 && !bytes.contains(0) && String(validating: bytes, as: UTF8.self) != nil
    }

    private static func lines(_ bytes: [UInt8]) -> [[UInt8]] {
        var lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
        if lines.last == [] {
            lines.removeLast()
        } else if !lines.isEmpty {
            lines[lines.count - 1] += Array(" (without a line's end)".utf8)
        }
        return lines
    }

    private static func script(_ a: [[UInt8]], _ b: [[UInt8]]) -> [(Character, [UInt8])] {
        var (removed, added): (Set<Int>, Set<Int>) = ([], [])
        for change in b.difference(from: a) {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): added.insert(offset)
            }
        }
        var result: [(Character, [UInt8])] = []
        var (x, y) = (0, 0)
        while x < a.count || y < b.count {
            if x < a.count, removed.contains(x) {
                result.append(("-", a[x]))
                x += 1
            } else if y < b.count, added.contains(y) {
                result.append(("+", b[y]))
                y += 1
            } else {
                result.append((" ", a[x]))
                x += 1
                y += 1
            }
        }
        return result
    }

    private static func hunks(_ all: [(Character, [UInt8])]) -> [String] {
        let changes = all.indices.filter { all[$0].0 != " " }
        var output: [String] = []
        var (x, y, next) = (1, 1, 0)
        var index = 0
        while next < changes.count {
            let start = max(index, changes[next] - context)
            var last = changes[next]
            while next + 1 < changes.count, changes[next + 1] - last <= 2 * context {
                next += 1
                last = changes[next]
            }
            next += 1
            let end = min(all.count, last + context + 1)
            for line in all[index..<start] {
                if line.0 != "+" { x += 1 }
                if line.0 != "-" { y += 1 }
            }
            let hunk = all[start..<end]
            let (oldCount, newCount) = (hunk.count { $0.0 != "+" }, hunk.count { $0.0 != "-" })
            output.append("@@ -\(x),\(oldCount) +\(y),\(newCount) @@")
            for line in hunk { output.append("\(line.0)\(TerminalText.report(line.1.prefix(400)))") }
            x += oldCount
            y += newCount
            index = end
            if output.count > outputLimit {
                return output.prefix(outputLimit) + ["… more differs"]
            }
        }
        return output
    }

    /// 16 bytes of each from just before the first that differs.
    package static func window(_ a: [UInt8], _ b: [UInt8], at offset: Int) -> [String] {
        let start = max(0, offset - 4)
        func line(_ side: String, _ bytes: [UInt8]) -> String {
            let part = bytes.dropFirst(start).prefix(16)
            let text = part.map { (0x20..<0x7f).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
            return "\(side) \(part.map { Hex.encode([$0]) }.joined(separator: " "))  \(text)"
        }
        return ["from byte \(start):", line("-", a), line("+", b)]
    }
}

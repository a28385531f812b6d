/// Indented blocks of a page, without their indentation.
enum CodeBlocks {
    static func of(_ text: some StringProtocol) -> [String] {
        var blocks: [[Substring]] = [[]]
        for line in String(text).split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("    ") {
                blocks[blocks.count - 1].append(line.dropFirst(4))
            } else if !(blocks.last ?? []).isEmpty {
                blocks.append([])
            }
        }
        return blocks.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }
    }

    /// Blocks of `$ command` lines, each with the lines that it prints.
    static func examples(of text: some StringProtocol) -> [[(command: String, output: [String])]] {
        var examples: [[(command: String, output: [String])]] = []
        var isInside = false
        for line in String(text).split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("    $ ") {
                if !isInside { examples.append([]) }
                examples[examples.count - 1].append((String(line.dropFirst(6)), []))
                isInside = true
            } else if isInside, line.isEmpty || line.hasPrefix("    ") {
                let last = examples[examples.count - 1].count - 1
                examples[examples.count - 1][last].output.append(String(line.dropFirst(4)))
            } else {
                isInside = false
            }
        }
        return examples
    }

    /// Whether lines are the expected ones, where `...` stands for any number of them; empty ones at the end don't count.
    static func matches(_ found: [String], _ expected: [String]) -> Bool {
        let (found, expected) = (trimmed(found), trimmed(expected))
        guard let first = expected.first else { return found.isEmpty }
        let rest = Array(expected.dropFirst())
        if first == "..." { return (0...found.count).contains { matches(Array(found[$0...]), rest) } }
        return found.first == first && matches(Array(found.dropFirst()), rest)
    }

    private static func trimmed(_ lines: [String]) -> [String] {
        Array(lines.reversed().drop(while: \.isEmpty).reversed())
    }
}

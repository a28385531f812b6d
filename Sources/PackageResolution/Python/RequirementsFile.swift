import RuntimeSpec

/// A file of requirements as pip reads it (https://pip.pypa.io/en/stable/reference/requirements-file-format/), of which a lock takes
/// requirements and their hashes: what else pip would take makes the result depend on more than the file.
package enum RequirementsFile {
    /// Its requirements, each in one line with one blank before each hash.
    /// - Parameter name: What errors call it.
    /// - Throws: `ResolutionError.malformed` with the line.
    package static func requirements(_ bytes: [UInt8], name: String) throws -> [String] {
        var (found, joined, start) = ([String](), "", 1)
        let lines = String(decoding: bytes, as: UTF8.self).split(
            omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            if joined.isEmpty { start = index + 1 }
            // A comment's end is the line's, whether or not that goes on.
            if line.hasSuffix("\\"), !isComment(line) {
                joined += line.dropLast() + " "
                continue
            }
            let text = withoutComment(joined + line)
            joined = ""
            if let requirement = try requirement(text, "\(name):\(start)") { found.append(requirement) }
        }
        if let requirement = try requirement(withoutComment(joined), "\(name):\(start)") { found.append(requirement) }
        return found
    }

    private static func isComment(_ line: Substring) -> Bool { line.drop(while: \.isWhitespace).hasPrefix("#") }

    /// A `#` begins a comment at the start, or behind a blank.
    private static func withoutComment(_ line: String) -> String {
        var wasBlank = true
        for index in line.indices {
            if line[index] == "#", wasBlank { return String(line[..<index]) }
            wasBlank = line[index].isWhitespace
        }
        return line
    }

    private static func requirement(_ text: String, _ place: String) throws -> String? {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard let first = words.first else { return nil }
        if first.hasPrefix("-") {
            throw ResolutionError.malformed(
                "\(place): '\(first)' is an option of pip's: a requirements-file has requirements and their --hash; where packages come "
                    + "from is this host's configuration of pip")
        }
        let hashes = words.filter { $0.hasPrefix("--hash=") }
        let rest = words.filter { !$0.hasPrefix("--hash=") }.joined(separator: " ")
        let requirement = ([rest] + hashes.map { String($0) }).joined(separator: " ")
        guard Spelling.isHashedRequirement(requirement), !rest.contains("${") else {
            throw ResolutionError.malformed(
                "\(place): '\(rest)' is no requirement like 'fastapi==0.120.1 --hash=sha256:…', without URL, path or variable"
            )
        }
        return requirement
    }
}

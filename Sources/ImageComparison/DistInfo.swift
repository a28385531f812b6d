/// What a distribution's `.dist-info` folder says (Recording installed projects, packaging.python.org).
package struct DistInfo {
    /// Its `Name`; nil where there is none.
    package let name: String?
    /// Its `Version`; nil where there is none.
    package let version: String?

    /// - Parameter metadata: The file METADATA (Core metadata, PEP 566): fields, then a text.
    package init(_ metadata: [UInt8]) {
        let lines = String(decoding: metadata, as: UTF8.self).split(whereSeparator: \.isNewline).prefix(200)
        func field(_ name: String) -> String? {
            lines.first { $0.hasPrefix("\(name): ") }
                .map { $0.dropFirst(name.utf8.count + 2).filter { !$0.isWhitespace } }
        }
        (name, version) = (field("Name"), field("Version"))
    }

    /// The files that a RECORD lists, a line each with its path, hash and size.
    /// - Parameter folder: What its relative paths begin at, from the tree's root.
    /// - Returns: Paths from the tree's root; one that climbs out of it stays in it.
    package static func files(of record: [UInt8], in folder: [UInt8]) -> [[UInt8]] {
        record.split(separator: 10).map { line in
            joined(folder, Array(line.prefix { $0 != 0x2c }.filter { $0 != 0x22 }))
        }
    }

    /// A path, relative to a folder where it isn't absolute, `..` taken.
    private static func joined(_ folder: [UInt8], _ path: [UInt8]) -> [UInt8] {
        var parts = path.first == 0x2f ? [] : folder.split(separator: 0x2f).map(Array.init)
        for part in path.split(separator: 0x2f).map(Array.init) where part != [0x2e] {
            if part == [0x2e, 0x2e] { _ = parts.popLast() } else { parts.append(part) }
        }
        return Array(parts.joined(separator: [0x2f]))
    }
}

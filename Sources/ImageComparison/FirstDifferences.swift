import SquashfsImage

/// Where two images first differ, entry by entry.
public enum FirstDifferences {
    /// A line an entry, at most `limit`, in byte order of the paths.
    public static func between(_ a: String, _ b: String, limit: Int = 10) throws -> [String] {
        let (left, right) = (try entries(of: a), try entries(of: b))
        let paths = Set(left.keys).union(right.keys).sorted { $0.lexicographicallyPrecedes($1) }
        var lines: [String] = []
        for path in paths where lines.count < limit {
            let name = "/" + String(decoding: path, as: UTF8.self)
            switch (left[path], right[path]) {
            case (nil, _): lines.append("\(name): only in \(b)")
            case (_, nil): lines.append("\(name): only in \(a)")
            case (let x?, let y?):
                let what = difference(x, y)
                if !what.isEmpty { lines.append("\(name): \(what.joined(separator: ", "))") }
            }
        }
        if lines.isEmpty { lines.append("the trees are the same; they are packed differently") }
        return lines
    }

    private static func entries(of image: String) throws -> [[UInt8]: ImageReader.Entry] {
        var entries: [[UInt8]: ImageReader.Entry] = [:]
        try ImageReader(path: image).forEachEntry { entries[$0.path] = $0 }
        return entries
    }

    private static func difference(_ a: ImageReader.Entry, _ b: ImageReader.Entry) -> [String] {
        var what: [String] = []
        if a.content != b.content { what.append("content") }
        if a.mode != b.mode { what.append("mode \(String(a.mode, radix: 8)) and \(String(b.mode, radix: 8))") }
        if (a.uid, a.gid) != (b.uid, b.gid) { what.append("owner \(a.uid):\(a.gid) and \(b.uid):\(b.gid)") }
        if a.time != b.time { what.append("time \(a.time) and \(b.time)") }
        if a.linkCount != b.linkCount, a.content != .directory { what.append("hard links") }
        if a.attributes != b.attributes { what.append("extended attributes") }
        return what
    }
}

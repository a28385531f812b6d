/// Paths as text, the way the C library takes them.
public enum Paths {
    /// The folder that a path lies in: `.` for a bare name.
    public static func parent(of path: String) -> String {
        // By bytes: to Swift, a slash and a combining mark after it are one character.
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The path from the root, without looking at the file system.
    public static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        return workingDirectory().map { "\($0)/\(path)" } ?? path
    }
}

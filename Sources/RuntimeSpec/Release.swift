/// Releases of rtverify, as semver.org has versions.
public enum Release {
    /// This program's.
    public static let current = "0.1.0"
    /// The first: a lock that names none builds with it and with every later one.
    static let first = "0.1.0"

    /// Which formats and recipes of locks a release was the first to build, the oldest release first. A release that brings a
    /// new one adds its line.
    private static let table = [(release: first, version: 5, recipe: 2)]

    /// The oldest release that builds a lock: it follows from the lock's format and recipe, whoever writes it.
    static func oldest(version: Int, recipe: Int) -> String {
        table.first { $0.version >= version && $0.recipe >= recipe }?.release ?? current
    }
}

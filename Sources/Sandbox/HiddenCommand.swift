/// What rtverify starts of itself in processes of its own: the first word of their arguments. None is for people, and each
/// gets its work through a descriptor or, where it is no secret, as the words that follow.
public enum HiddenCommand: String, CaseIterable, Sendable {
    /// Pid 1 of the namespaces that an image is built in (`BuildProcess` of ImageBuild).
    case build = "sandbox-build"
    /// Pid 1 of the namespaces that the target's own pip or apk is asked in (`PackageQuestion`).
    case resolve = "sandbox-resolve"
    /// Unpacks, writes and removes inside a root (`ChrootTask`).
    case tasks = "sandbox-tasks"
    /// Leaves the host behind and becomes a program of a root (`RootEntry`).
    case enter = "sandbox-enter"
    /// Becomes an ordinary user (`SubordinateUser`).
    case user = "sandbox-user"
    /// Reads images, confined (`ConfinedReader`).
    case examine
    /// Ends a program with this one (`ProcessReaper`).
    case reap

    /// Whether it runs as pid 1 of namespaces of its own.
    public var isFirstProcess: Bool { self == .build || self == .resolve }
}

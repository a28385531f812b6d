import RuntimeSpec

/// An input and where it is served.
public struct RemoteInput: Sendable {
    /// What serves it.
    public enum Origin: Sendable {
        /// The mirrors of one of Debian's archives, and the snapshot archive at the lock's time; for other people's its URL.
        case debian(Lockfile.Archive)
        /// Alpine's mirrors.
        case alpine
        /// The input's path is a URL of its own.
        case web
        /// Nobody by a path: only mirrors of objects may have it.
        case objects
    }

    /// What its bytes must be.
    public var input: Lockfile.Input
    /// Who serves it.
    public var origin: Origin

    /// An input and who serves it.
    public init(_ input: Lockfile.Input, from origin: Origin) { (self.input, self.origin) = (input, origin) }

    /// A file of a Debian archive.
    public init(_ input: Lockfile.Input, of archive: Lockfile.Archive) { self.init(input, from: .debian(archive)) }

    /// All that a build of a lock reads, but for what lies beside the manifest and for wheels.
    public static func inputs(of lock: Lockfile) -> [RemoteInput] {
        let debian = lock.archives.inputs(of: lock.packages + lock.tools)
        let web = lock.manifestInputs.filter(\.isWeb).map { RemoteInput($0, from: .web) }
        return debian + web + (lock.alpine.map(inputs) ?? [])
    }

    /// What Alpine's mirrors have of a base.
    public static func inputs(of alpine: Lockfile.Alpine) -> [RemoteInput] {
        (alpine.repositories.map(\.index) + alpine.packages.map(\.file) + [alpine.minirootfs]).map {
            RemoteInput($0, from: $0.isWeb ? .web : .alpine)
        }
    }
}

extension [Lockfile.Archive] {
    /// Packages, and which of these archives serves each.
    public func inputs(of packages: [Lockfile.Package]) -> [RemoteInput] {
        packages.compactMap { package in
            first { $0.name == package.archive }.map { RemoteInput(package.file, of: $0) }
        }
    }
}

import RuntimeSpec

/// An input and where it is served.
public struct RemoteInput: Sendable {
    /// What serves it.
    public enum Origin: Sendable {
        case debian(Lockfile.Archive)
        /// Alpine's mirrors.
        case alpine
        /// The input's path is a URL of its own.
        case web
    }

    public var input: Lockfile.Input
    public var origin: Origin

    public init(_ input: Lockfile.Input, from origin: Origin) { (self.input, self.origin) = (input, origin) }

    public init(_ input: Lockfile.Input, of archive: Lockfile.Archive) { self.init(input, from: .debian(archive)) }

    /// All that a build of a lock reads, but for what lies beside the manifest and for wheels.
    public static func inputs(of lock: Lockfile) -> [RemoteInput] {
        let web = (lock.files.map(\.source) + [lock.tarball].compactMap { $0 }).filter(\.isWeb)
        var alpine = lock.alpine.repositories.map(\.index) + lock.alpine.packages.map(\.file)
        if lock.system == .alpine, let tarball = lock.tarball { alpine.append(tarball) }
        return (lock.packages + lock.toolchain).compactMap { package in
            lock.archive(named: package.archive).map { RemoteInput(package.file, of: $0) }
        } + web.map { RemoteInput($0, from: .web) } + alpine.map { RemoteInput($0, from: .alpine) }
    }
}

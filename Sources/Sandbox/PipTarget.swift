import RuntimeSpec

/// What pip is asked under: the packages that it and its interpreter are unpacked from.
public struct PipTarget: Codable, Sendable {
    /// Of the lock, whole: it has pip.
    package let toolchain: [Lockfile.Package]
    /// Where the interpreter comes from.
    package let interpreter: Interpreter
    /// Seconds since 1970-01-01 UTC.
    let sourceDateEpoch: Int

    /// What an interpreter is unpacked from.
    package enum Interpreter: Equatable, Codable, Sendable {
        /// The image's packages.
        case packages([Lockfile.Package])
        /// The base itself, with its packages.
        case alpine(Lockfile.Alpine)
        /// The base itself.
        case tarball(Lockfile.Input)
        /// The toolchain, as for a volume.
        case toolchain
    }

    /// Whether it is the base's own, which no package says.
    var bringsItsOwn: Bool {
        switch interpreter {
        case .alpine, .tarball: true
        case .packages, .toolchain: false
        }
    }

    /// - Parameter interpreter: Names of the base's packages, or of the toolchain's where it has none.
    public init(
        base: Lockfile.Base, interpreter: [String], toolchain: [Lockfile.Package], sourceDateEpoch: Int
    ) {
        (self.toolchain, self.sourceDateEpoch) = (toolchain, sourceDateEpoch)
        let names = Set(interpreter)
        switch base {
        case .debian(let debian): self.interpreter = .packages(debian.packages.filter { names.contains($0.name) })
        case .alpine(let alpine): self.interpreter = .alpine(alpine)
        case .tarball(let tarball): self.interpreter = .tarball(tarball)
        case .empty: self.interpreter = .toolchain
        }
    }

    /// A lock's.
    public init(_ lock: Lockfile, _ python: Lockfile.Python) {
        self.init(
            base: lock.base, interpreter: python.interpreter, toolchain: lock.toolchain,
            sourceDateEpoch: lock.sourceDateEpoch)
    }
}

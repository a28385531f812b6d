import RuntimeSpec

/// What pip is asked under: the packages that it and its interpreter are unpacked from.
public struct PipTarget: Codable, Sendable {
    /// Of the lock, whole: it has pip.
    package let toolchain: [Lockfile.Package]
    /// The image's packages that an interpreter is unpacked from; nil where it is the toolchain's, as for a volume.
    package let interpreter: [Lockfile.Package]?
    /// Seconds since 1970-01-01 UTC.
    let sourceDateEpoch: Int

    /// - Parameter interpreter: Names of the base's packages, or of the toolchain's where it has none.
    public init(
        base: Lockfile.Base, interpreter: [String], toolchain: [Lockfile.Package], sourceDateEpoch: Int
    ) {
        (self.toolchain, self.sourceDateEpoch) = (toolchain, sourceDateEpoch)
        let names = Set(interpreter)
        switch base {
        case .debian(let debian): self.interpreter = debian.packages.filter { names.contains($0.name) }
        case .alpine, .tarball: self.interpreter = []
        case .empty: self.interpreter = nil
        }
    }

    /// A lock's.
    public init(_ lock: Lockfile, _ python: Lockfile.Python) {
        self.init(
            base: lock.base, interpreter: python.interpreter, toolchain: lock.toolchain,
            sourceDateEpoch: lock.sourceDateEpoch)
    }
}

import RuntimeSpec

/// Programs of the target itself that resolve its packages: they run in a sandbox, which this module doesn't know.
public protocol ResolutionSandbox: Sendable {
    /// The wheels that pip chooses for a lock's requirements, under the lock's interpreter, and keeps them in the store.
    /// - Parameters:
    ///   - lock: Whole but for its wheels; its packages are in the store.
    ///   - held: Versions to hold, by normalized name.
    func wheels(for lock: Lockfile, holding held: [String: String]) async throws -> [Lockfile.Wheel]

    /// The same from the lock's own wheels alone, without network.
    func wheelsAgain(for lock: Lockfile) async throws -> [Lockfile.Wheel]

    /// The names and versions that the minirootfs's apk chooses for a lock's world from its indexes, without network.
    /// - Parameter held: Versions to hold, by name.
    func alpineChoice(for lock: Lockfile, holding held: [String: String]) async throws -> [AlpineChoice]
}

/// A package that apk chose.
public struct AlpineChoice: Hashable, Codable, Sendable {
    public var name: String
    public var version: String

    public init(name: String, version: String) { (self.name, self.version) = (name, version) }
}

import Host
import Mirrors
import RuntimeSpec
import Sandbox

/// What the target's own package programs would install: pip under its interpreter, and its apk.
public struct TargetResolver: Sendable {
    private let target: TargetPrograms

    public init(_ target: TargetPrograms) { self.target = target }

    /// The wheels that pip chooses for requirements, kept in the store.
    /// - Parameters:
    ///   - pip: Its packages are in the store.
    ///   - held: Versions to hold, by normalized name.
    ///   - name: The runtime's.
    func wheels(
        for packages: PythonPackages, of pip: PipTarget, holding held: [String: String], name: String
    ) async throws -> [Lockfile.Wheel] {
        if target.isOffline { throw ResolutionError.offline("Python's wheels") }
        return try await target.ask(.wheels(for: packages, of: pip, holding: held), for: name) { answer in
            let files = Folder.names(in: answer.wheelFolder)
            return try answer.choices.map { choice in
                guard let name = files.first(where: { Self.isWheel($0, of: choice.name) }) else {
                    throw ResolutionError.malformed("pip fetched no wheel of \(choice.name) \(choice.version)")
                }
                let bytes = try SmallFile.bytes("\(answer.wheelFolder)/\(name)")
                _ = try target.store.keep(bytes)
                return Lockfile.Wheel(
                    name: choice.name, version: choice.version, file: Lockfile.Input(path: name, of: bytes))
            }
        }
    }

    private static func isWheel(_ file: String, of name: String) -> Bool {
        file.hasSuffix(".whl") && PythonPackages.normalizedName(file.prefix { $0 != "-" }) == name
    }

    /// What pip chooses from a lock's own wheels alone, without network.
    func rederivedWheels(for python: Lockfile.Python, of lock: Lockfile) async throws -> [PackageChoice] {
        do {
            return try await target.ask(
                .wheelsAgain(python, of: PipTarget(lock, python)), for: lock.name, use: \.choices)
        } catch SandboxError.noChoice(let reason) {
            // pip finds no choice among the lock's wheels: one is missing.
            throw ResolutionError.contradicted([reason])
        }
    }

    /// The names and versions that the minirootfs's apk chooses for a base's world from its indexes, without network.
    /// - Parameter held: Versions to hold, by name.
    func alpineChoice(
        for alpine: Lockfile.Alpine, sourceDateEpoch: Int, holding held: [String: String], name: String
    ) async throws -> [PackageChoice] {
        try await target.ask(
            .alpine(alpine, sourceDateEpoch: sourceDateEpoch, holding: held), for: name, use: \.choices)
    }
}

import Host
import InputStore
import Mirrors
import RuntimeSpec
import Sandbox

/// The target's own package programs, asked in a sandbox what they would install: pip under its interpreter, and its apk.
///
/// Only where wheels are resolved does the sandbox keep the host's network.
public struct TargetResolver: Sendable {
    private let store: Store
    private let isOffline: Bool
    private let pip: PackageQuestion.PipSettings
    private let events: EventSink

    public init(store: Store, offline: Bool, environment: (String) -> String?, events: @escaping EventSink) {
        (self.store, isOffline, self.events) = (store, offline, events)
        pip = PipConfiguration(variables: environment).settings
    }

    /// The wheels that pip chooses for a lock's requirements, under the lock's interpreter, kept in the store.
    /// - Parameters:
    ///   - lock: Whole but for its wheels; its packages are in the store.
    ///   - held: Versions to hold, by normalized name.
    func wheels(for lock: Lockfile, holding held: [String: String]) async throws -> [Lockfile.Wheel] {
        if isOffline { throw ResolutionError.offline("Python's wheels") }
        return try await PackageQuestion(.wheels(held: held), of: lock, pip: pip).ask(in: store, events: events) {
            answer in
            let files = Folder.names(in: answer.wheelFolder)
            return try answer.choices.map { choice in
                guard let name = files.first(where: { Self.isWheel($0, of: choice.name) }) else {
                    throw ResolutionError.malformed("pip fetched no wheel of \(choice.name) \(choice.version)")
                }
                let bytes = try SmallFile.bytes("\(answer.wheelFolder)/\(name)")
                let digest = try store.keep(bytes)
                return Lockfile.Wheel(
                    name: choice.name, version: choice.version,
                    file: Lockfile.Input(path: name, size: bytes.count, sha256: digest.hex))
            }
        }
    }

    private static func isWheel(_ file: String, of name: String) -> Bool {
        file.hasSuffix(".whl") && PythonPackages.normalizedName(file.prefix { $0 != "-" }) == name
    }

    /// The same from the lock's own wheels alone, without network; of what isn't locked, name and version.
    func rederivedWheels(for lock: Lockfile) async throws -> [Lockfile.Wheel] {
        do {
            return try await PackageQuestion(.wheelsAgain, of: lock).ask(in: store, events: events) { answer in
                answer.choices.map { choice in
                    lock.python?.wheels.first { $0.name == choice.name && $0.version == choice.version }
                        ?? Lockfile.Wheel(
                            name: choice.name, version: choice.version,
                            file: Lockfile.Input(path: "", size: 0, sha256: "(not locked)"))
                }
            }
        } catch SandboxError.noChoice(let reason) {
            // pip finds no choice among the lock's wheels: one is missing.
            throw ResolutionError.contradicted([reason])
        }
    }

    /// The names and versions that the minirootfs's apk chooses for a lock's world from its indexes, without network.
    /// - Parameter held: Versions to hold, by name.
    func alpineChoice(for lock: Lockfile, holding held: [String: String]) async throws -> [PackageChoice] {
        try await PackageQuestion(.alpine(held: held), of: lock).ask(in: store, events: events, use: \.choices)
    }
}

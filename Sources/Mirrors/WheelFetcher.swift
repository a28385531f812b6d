import Host
import InputStore
import RuntimeSpec
import Sandbox

/// Brings a lock's wheels into the store: by the lock's own pip, in a sandbox, with this host's configuration of pip.
public struct WheelFetcher: Sendable {
    private let store: Store
    private let isOffline: Bool
    private let pip: PackageQuestion.PipSettings
    private let events: EventSink

    public init(store: Store, offline: Bool, environment: (String) -> String?, events: @escaping EventSink) {
        (self.store, isOffline, self.events) = (store, offline, events)
        pip = PipConfiguration(variables: environment).settings
    }

    /// Makes sure that the store has every wheel of a lock.
    /// - Throws: `FetchError.missingOffline`, `.otherWheel`, or `SandboxError` with pip's words.
    public func fetch(_ lock: Lockfile) async throws {
        let missing = try lock.python?.wheels.filter { wheel in
            switch try store.state(of: wheel.file) {
            case .present: return false
            case .absent: return true
            case .changed(let reason):
                events(.note("\(store.path(of: wheel.file.sha256)) \(reason); it is dropped and fetched anew"))
                store.remove(wheel.file.sha256)
                return true
            }
        }
        guard let missing, !missing.isEmpty else { return }
        if isOffline { throw FetchError.missingOffline(missing.map(\.file), store: store.directory) }
        var wanted = lock
        wanted.python?.wheels = missing
        events(.phase(name: "fetch \(missing.count) wheels", total: 0))
        try await PackageQuestion(.fetchWheels, of: wanted, pip: pip).ask(in: store, events: events) { answer in
            for wheel in missing {
                let path = "\(answer.wheelFolder)/\(wheel.file.path)"
                guard try store.adopt(path, as: wheel.file)?.hex == wheel.file.sha256 else {
                    throw FetchError.otherWheel(wheel.file.path)
                }
            }
        }
    }
}

extension PipConfiguration {
    /// For a pip that sees nothing of the host.
    public var settings: PackageQuestion.PipSettings { .init(environment: environment, paths: paths) }
}

import Host
import RuntimeSpec
import Sandbox

/// Brings a lock's wheels into the store: by the lock's own pip, in a sandbox, with this host's configuration of pip.
public struct WheelFetcher: Sendable {
    private let target: TargetPrograms

    public init(_ target: TargetPrograms) { self.target = target }

    /// Makes sure that the store has every wheel of a lock.
    /// - Throws: `FetchError.missingOffline`, `.otherWheel`, or `SandboxError` with pip's words.
    public func fetch(_ lock: Lockfile) async throws {
        guard let python = lock.python else { return }
        let store = target.store
        let missing = try python.wheels.filter { wheel in
            switch try store.state(of: wheel.file) {
            case .present: return false
            case .absent: return true
            case .changed(let reason):
                target.events(.note("\(store.path(of: wheel.file.sha256)) \(reason); it is dropped and fetched anew"))
                store.remove(wheel.file.sha256)
                return true
            }
        }
        guard !missing.isEmpty else { return }
        if target.isOffline { throw FetchError.missingOffline(missing.map(\.file), store: store.directory) }
        target.events(.phase(name: "fetch \(missing.count) wheels", total: 0))
        try await target.ask(.fetchWheels(missing, of: PipTarget(lock, python)), for: lock.name) { answer in
            for wheel in missing {
                let path = "\(answer.wheelFolder)/\(wheel.file.path)"
                guard try store.adopt(path, as: wheel.file) == wheel.file.sha256 else {
                    throw FetchError.otherWheel(wheel.file.path)
                }
            }
        }
    }
}

import Host
import InputStore
import RuntimeSpec
import Sandbox

extension TargetPrograms {
    /// Makes sure that the store has every wheel of a lock: from mirrors of objects, or by the lock's own pip, in a sandbox, with
    /// this host's configuration of pip.
    /// - Throws: `StoreError.fileMissing` for one of the user's own, `FetchError.missingOffline`, `.otherWheel`, `.wheels` with
    ///   pip's words, `SandboxError`.
    public func fetchWheels(of lock: Lockfile, fetcher: Fetcher) async throws {
        guard let python = lock.python else { return }
        let absent = Set(try await fetcher.fill(python.wheels.map(\.file)).map(\.sha256))
        let missing = python.wheels.filter { absent.contains($0.file.sha256) }
        guard !missing.isEmpty else { return }
        // No index is asked for what is nobody else's.
        if let own = python.ownWheels.first(where: { own in missing.contains { $0.file.sha256 == own.sha256 } }) {
            throw StoreError.fileMissing(own, tried: [])
        }
        if isOffline { throw FetchError.missingOffline(missing.map(\.file), store: store.directory) }
        events(.phase(name: "fetch \(missing.count) wheels", total: 0))
        do {
            try await ask(.fetchWheels(missing, of: PipTarget(lock, python)), for: lock.name) { answer in
                for wheel in missing {
                    let path = "\(answer.wheelFolder)/\(wheel.file.path)"
                    guard try store.adopt(path, as: wheel.file) == wheel.file.sha256 else {
                        throw FetchError.otherWheel(wheel.file.path)
                    }
                }
            }
        } catch let error as SandboxError {
            switch error {
            case .program, .noChoice: throw FetchError.wheels(missing.map(\.file), reason: "\(error)")
            default: throw error
            }
        }
    }
}

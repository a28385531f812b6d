import Glibc
import Host
import InputStore
import Mirrors
import PackageResolution
import RootfsBuild
import RuntimeSpec

/// The target's own package programs in a sandbox: pip under its interpreter, and its apk.
///
/// Only where wheels are resolved or fetched does the sandbox keep the host's network.
public struct PackageSandbox: ResolutionSandbox {
    private let store: Store
    private let isOffline: Bool
    private let pip: PipConfiguration
    private let events: EventSink

    public init(
        store: Store, offline: Bool, environment: (String) -> String?, events: @escaping EventSink
    ) {
        (self.store, isOffline, self.events) = (store, offline, events)
        pip = PipConfiguration(variables: environment)
    }

    public func wheels(for lock: Lockfile, holding held: [String: String]) async throws -> [Lockfile.Wheel] {
        if isOffline { throw ResolutionError.offline("Python's wheels") }
        return try await ask(.wheels(held: held), lock) { answer in
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

    public func wheelsAgain(for lock: Lockfile) async throws -> [Lockfile.Wheel] {
        do {
            return try await chosenAgain(for: lock)
        } catch BuildError.noChoice(let reason) {
            // pip finds no choice among the lock's wheels: one is missing.
            throw ResolutionError.contradicted([reason])
        }
    }

    private func chosenAgain(for lock: Lockfile) async throws -> [Lockfile.Wheel] {
        try await ask(.wheelsAgain, lock) { answer in
            answer.choices.map { choice in
                lock.python?.wheels.first { $0.name == choice.name && $0.version == choice.version }
                    ?? Lockfile.Wheel(
                        name: choice.name, version: choice.version,
                        file: Lockfile.Input(path: "", size: 0, sha256: "(not locked)"))
            }
        }
    }

    public func alpineChoice(for lock: Lockfile, holding held: [String: String]) async throws -> [AlpineChoice] {
        try await ask(.alpine(held: held), lock) { $0.choices.map { AlpineChoice(name: $0.name, version: $0.version) } }
    }

    /// Makes sure that the store has every wheel of a lock, by its own pip and this host's configuration of pip.
    /// - Throws: `FetchError.missingOffline`, or `BuildError` with pip's words.
    public func fetchWheels(of lock: Lockfile) async throws {
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
        try await ask(.fetchWheels, wanted) { answer in
            for wheel in missing {
                let path = "\(answer.wheelFolder)/\(wheel.file.path)"
                guard try store.adopt(path, as: wheel.file)?.hex == wheel.file.sha256 else {
                    throw ResolutionError.malformed("pip fetched another file than \(wheel.file.path)")
                }
            }
        }
    }

    private static func isWheel(_ file: String, of name: String) -> Bool {
        file.hasSuffix(".whl") && PythonPackages.normalizedName(file.prefix { $0 != "-" }) == name
    }

    /// Asks in a work folder of its own, whose files are there while `use` runs.
    private func ask<Value>(
        _ question: ResolutionJob.Question, _ lock: Lockfile,
        use: (ResolutionJob.Answer) throws -> Value
    ) async throws -> Value {
        let work = try await WorkFolder.create(in: store, name: "\(lock.name)-resolution")
        do {
            let job = ResolutionJob(
                question: question, lock: lock.text, store: store.directory, workFolder: work.path,
                jobs: processorCount, pipEnvironment: pip.environment, pipPaths: pip.paths)
            let value = try use(try await Sandbox.answer(job, events: events))
            await work.remove()
            return value
        } catch {
            await work.remove()
            throw error
        }
    }
}

import Host
import InputStore
import RuntimeSpec

/// A name and version that a package program chose.
public struct PackageChoice: Hashable, Codable, Sendable {
    public var name: String
    public var version: String

    public init(name: String, version: String) { (self.name, self.version) = (name, version) }
}

/// What is asked of the target's own package programs, while a manifest is locked or wheels are fetched: pip under the
/// target's interpreter, whose environment markers depend on it, and the minirootfs's apk.
public struct PackageQuestion: Sendable {
    public enum Kind: Codable, Sendable {
        /// pip's choice for the lock's requirements, with versions to hold by name.
        case wheels(held: [String: String])
        /// The same from the lock's wheels alone.
        case wheelsAgain
        /// The lock's own wheels.
        case fetchWheels
        /// apk's choice for the lock's world, with versions to hold by name.
        case alpine(held: [String: String])

        /// Whether the sandbox keeps the host's network.
        var needsNetwork: Bool {
            switch self {
            case .wheels, .fetchWheels: true
            case .wheelsAgain, .alpine: false
            }
        }
    }

    /// What came of it.
    public struct Answer: Codable, Sendable {
        public var choices: [PackageChoice] = []
        /// The folder with the wheels, as the asker sees it.
        public var wheelFolder = ""
    }

    /// How this host's pip is configured, for a pip that sees nothing of the host.
    public struct PipSettings: Codable, Sendable {
        /// Variables: where it looks.
        public var environment: [String: String]
        /// Files and folders of this host that those name.
        public var paths: [String]

        public init(environment: [String: String] = [:], paths: [String] = []) {
            (self.environment, self.paths) = (environment, paths)
        }
    }

    struct Job: SandboxJob {
        var kind: Kind
        /// The lockfile's text.
        var lock: String
        /// The store's folder.
        var store: String
        var workFolder: String
        var jobs: Int
        var pip: PipSettings
    }

    private let kind: Kind
    private let lock: Lockfile
    private let pip: PipSettings

    /// - Parameter lock: Its packages are in the store.
    public init(_ kind: Kind, of lock: Lockfile, pip: PipSettings = .init()) {
        (self.kind, self.lock, self.pip) = (kind, lock, pip)
    }

    /// Asks in a work folder of its own, whose files are there while `use` runs.
    /// - Throws: `SandboxError`.
    public func ask<Value>(
        in store: Store, events: @escaping EventSink, use: (Answer) throws -> Value
    ) async throws -> Value {
        let work = try await WorkFolder.create(in: store, name: "\(lock.name)-resolution")
        do {
            let job = Job(
                kind: kind, lock: lock.text, store: store.directory, workFolder: work.path, jobs: processorCount,
                pip: pip)
            let answer = try await Namespaces(.resolve, hasNetwork: kind.needsNetwork).run(
                job, answer: Answer.self, events: events)
            guard let answer else { throw SandboxError.ended("the sandbox ended without an answer") }
            let value = try use(answer)
            await work.remove()
            return value
        } catch {
            await work.remove()
            throw error
        }
    }

    /// The sandbox's side: reads the question and answers it.
    public static func answer() async {
        await SandboxProcess.run { (job: Job, events) -> Answer? in
            do { return try await answer(job, events) } catch let error as PipError where error.isNoChoice {
                throw SandboxError.noChoice(error.description)
            }
        }
    }

    private static func answer(_ job: Job, _ events: @escaping EventSink) async throws -> Answer {
        let lock = try Lockfile(text: job.lock, file: "the lock")
        let store = Store(existing: job.store)
        guard case .alpine(let held) = job.kind else {
            return try await Pip.answer(job, lock: lock, store: store, events: events)
        }
        let root = Root(
            path: "\(job.workFolder)/root", sourceDateEpoch: lock.sourceDateEpoch, events: events)
        try SystemFolders.makeFolder(root.path)
        if let tarball = lock.tarball { try await root.fill(withTarball: tarball, from: store) }
        return Answer(choices: try await Apk(lock: lock, root: root, store: store).simulate(holding: held))
    }
}

import Host
import InputStore
import RuntimeSpec

/// A name and version that a package program chose.
public struct PackageChoice: Hashable, Codable, Sendable {
    /// The package's; pip's normalized (PEP 503).
    public var name: String
    /// The package's.
    public var version: String

    /// What was chosen.
    public init(name: String, version: String) { (self.name, self.version) = (name, version) }
}

/// What is asked of the target's own package programs, while a manifest is locked or wheels are fetched: pip under the
/// target's interpreter, whose environment markers depend on it, and the minirootfs's apk.
public struct PackageQuestion: Sendable {
    /// What is asked, with all that it needs.
    public enum Kind: Codable, Sendable {
        /// pip's choice for requirements and for wheels of the user's own, with versions to hold by normalized name.
        case wheels(for: PythonPackages, with: [Lockfile.Input], of: PipTarget, holding: [String: String])
        /// The same from wheels at hand alone.
        case wheelsAgain(Lockfile.Python, of: PipTarget)
        /// Wheels that are known.
        case fetchWheels([Lockfile.Wheel], of: PipTarget)
        /// apk's choice for a base's world from its indexes, with versions to hold by name. The files' times are those of
        /// `sourceDateEpoch`, seconds since 1970-01-01 UTC.
        case alpine(Lockfile.Alpine, sourceDateEpoch: Int, holding: [String: String])

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
        /// What was chosen, in the program's order.
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

        /// - Parameter paths: Files and folders of this host that the variables name.
        public init(environment: [String: String] = [:], paths: [String] = []) {
            (self.environment, self.paths) = (environment, paths)
        }
    }

    struct Job: SandboxJob {
        var kind: Kind
        /// The store's folder.
        var store: String
        var workFolder: String
        var jobs: Int
        var pip: PipSettings
    }

    private let kind: Kind
    private let name: String
    private let pip: PipSettings

    /// - Parameters:
    ///   - kind: The packages that it names are in the store.
    ///   - name: The runtime's, for the work folder.
    public init(_ kind: Kind, for name: String, pip: PipSettings) {
        (self.kind, self.name, self.pip) = (kind, name, pip)
    }

    /// Asks in a work folder of its own, whose files are there while `use` runs.
    /// - Throws: `SandboxError`.
    public func ask<Value>(
        in store: Store, events: @escaping EventSink, use: (Answer) throws -> Value
    ) async throws -> Value {
        let work = try await WorkFolder.create(in: store, name: "\(name)-resolution")
        do {
            let job = Job(
                kind: kind, store: store.directory, workFolder: work.path, jobs: processorCount, pip: pip)
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
        let store = Store(existing: job.store)
        switch job.kind {
        case .alpine(let alpine, let time, let held):
            let root = Root(path: "\(job.workFolder)/root", sourceDateEpoch: time, events: events)
            try SystemFolders.makeFolder(root.path)
            try await root.fill(withTarball: alpine.minirootfs, from: store)
            return Answer(choices: try await Apk(alpine: alpine, root: root, store: store).simulate(holding: held))
        case .wheels(let packages, let own, let target, let held):
            return try await Pip(target, job, store, events).resolve(packages, with: own, holding: held)
        case .wheelsAgain(let python, let target):
            return try await Pip(target, job, store, events).resolveAgain(python)
        case .fetchWheels(let wheels, let target):
            return try await Pip(target, job, store, events).fetch(wheels)
        }
    }
}

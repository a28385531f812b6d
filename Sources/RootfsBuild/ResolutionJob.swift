/// A question to the target's own package programs, asked while a manifest is locked or wheels are fetched.
public struct ResolutionJob: Codable, Sendable {
    public enum Question: Codable, Sendable {
        /// pip's choice for the lock's requirements, with versions to hold by name.
        case wheels(held: [String: String])
        /// The same from the lock's wheels alone.
        case wheelsAgain
        /// The lock's own wheels.
        case fetchWheels
        /// apk's choice for the lock's world, with versions to hold by name.
        case alpine(held: [String: String])
    }

    public var question: Question
    /// The lockfile's text.
    public var lock: String
    /// The store's folder.
    public var store: String
    /// An empty folder for the trees, under the asker's lock.
    public var workFolder: String
    public var jobs: Int
    /// Variables for pip: where this host's pip looks.
    public var pipEnvironment: [String: String]
    /// Files and folders of this host that those name.
    public var pipPaths: [String]

    public init(
        question: Question, lock: String, store: String, workFolder: String, jobs: Int,
        pipEnvironment: [String: String] = [:], pipPaths: [String] = []
    ) {
        (self.question, self.lock, self.store, self.workFolder) = (question, lock, store, workFolder)
        (self.jobs, self.pipEnvironment, self.pipPaths) = (jobs, pipEnvironment, pipPaths)
    }

    /// Whether the sandbox keeps the host's network.
    public var needsNetwork: Bool {
        switch question {
        case .wheels, .fetchWheels: true
        case .wheelsAgain, .alpine: false
        }
    }

    /// The answer.
    public struct Answer: Codable, Sendable {
        /// A name and version that were chosen.
        public struct Choice: Codable, Sendable {
            public var name: String
            public var version: String
        }

        public var choices: [Choice] = []
        /// The folder with the wheels, as the asker sees it.
        public var wheelFolder = ""
    }
}

/// What the sandbox's pid 1 is for.
public enum SandboxJob: Codable, Sendable {
    case build(BuildJob)
    case resolve(ResolutionJob)

    /// The folder for its trees.
    public var workFolder: String {
        switch self {
        case .build(let job): job.workFolder
        case .resolve(let job): job.workFolder
        }
    }
}

import FileTree
import Glibc
import Host
import RuntimeSpec

/// Looks through one image for what must not be published.
public struct ImageAudit: Sendable {
    /// What is looked for, and what is allowed.
    public struct Options: Codable, Sendable {
        /// Findings that are meant.
        public var allowed: [Allowance]
        /// Seconds since 1970; nil for the superblock's time.
        public var sourceDateEpoch: Int?
        /// Words that only the builder's own machine would leave: its name, its proxies.
        public var builderWords: [String]
        /// Which rules are held against it.
        public var looksFor: Subject

        /// Which rules are held against an image.
        public enum Subject: String, Codable, Sendable {
            /// What must not be published.
            case everything
            /// Private keys alone, which `build` fails on.
            case privateKeys
            /// What a supervisor expects of a runtime, alone.
            case contract
            /// Both.
            case everythingAndContract

            var isContract: Bool { self == .contract || self == .everythingAndContract }
        }

        /// - Parameter sourceDateEpoch: The time that no entry may be later than; nil for the image's own.
        public init(
            allowed: [Allowance] = [], sourceDateEpoch: Int? = nil, builderWords: [String] = [],
            looksFor: Subject = .everything
        ) {
            (self.allowed, self.sourceDateEpoch) = (allowed, sourceDateEpoch)
            (self.builderWords, self.looksFor) = (builderWords, looksFor)
        }
    }

    /// Of files that no package owns, this much is searched.
    static let searchLimit = 1 << 20

    private let options: Options

    /// - Parameter options: Everything, and nothing allowed, by default.
    public init(options: Options = Options()) { self.options = options }

    /// Throws `ImageReadError` and its like, when it can't be read.
    public func audit(_ path: String) throws -> AuditReport {
        let tree = try TreeSource.open(path)
        var search = AuditSearch(
            tree: tree, owners: try PackageOwnership(tree), reader: try tree.makeReader(), options: options)
        if options.looksFor != .contract { try search.run() }
        var notes: [String] = []
        if options.looksFor.isContract {
            var contract = try RuntimeContract(tree)
            var status = stat()
            let isFile = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            try contract.check(imageSize: isFile ? Int(status.st_size) : nil)
            search.findings += contract.findings
            notes = contract.notes
        }
        var (findings, allowed): ([AuditReport.Finding], [AuditReport.Finding]) = ([], [])
        for var finding in search.findings {
            if let allowance = options.allowed.first(where: {
                ($0.finding == "*" || $0.finding == finding.finding) && fnmatch($0.path, finding.path, 0) == 0
            }) {
                finding.allowed = allowance.reason
                allowed.append(finding)
            } else {
                findings.append(finding)
            }
        }
        return AuditReport(path: path, entries: tree.entries.count, findings: findings, allowed: allowed, notes: notes)
    }
}

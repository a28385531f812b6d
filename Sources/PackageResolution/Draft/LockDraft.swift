import ContentHash
import FileTree
import Host
import InputStore
import Mirrors
import RuntimeSpec

/// From an image back to the lock that would make it, as far as its package databases tell.
public struct LockDraft: Sendable {
    let store: Store
    let fetcher: Fetcher
    let programs: TargetPrograms
    let debian: DebianResolution
    let events: EventSink
    /// Suites, components and keys to look in instead of the release's.
    let suites: DebianSuites?
    /// Files of keys that may sign an Alpine index besides the minirootfs's own.
    let alpineKeys: [String]
    let allowExpired: Bool

    /// What was found.
    public struct Found: Sendable {
        /// As far as the image tells.
        public let lock: Lockfile
        /// What stands in the image and was found nowhere: `python3 3.11.2-6`.
        public let missing: [String]
        /// Files that nothing accounts for.
        public let unexplained: [String]
        /// How many there are in all.
        public let unexplainedCount: Int
        /// Remarks for the reader of the draft.
        public let remarks: [String]
        /// Why the draft is no lock that could be built; nil when it is one.
        public let fault: String?

        /// The draft's bytes: the lock, and in comments what it doesn't explain.
        public var text: String {
            var head =
                "# A draft, made by `rtverify lock draft`: what an image's package databases tell of its lock.\n"
            for remark in remarks { head += "# \(remark)\n" }
            if let fault { head += "# Not yet a lock: \(fault)\n" }
            for item in missing { head += "# Found nowhere: \(item)\n" }
            if unexplainedCount > 0 { head += "# Files that no package accounts for: \(unexplainedCount)\n" }
            for path in unexplained { head += "#   \(path)\n" }
            return head + lock.text
        }
    }

    /// - Parameters:
    ///   - keyrings: Files to look for keys in; those of the host when empty.
    ///   - suites: Where to look instead of the release's own suites.
    public init(
        store: Store, fetcher: Fetcher, keyrings: [String], programs: TargetPrograms, suites: DebianSuites?,
        allowExpired: Bool, events: @escaping EventSink
    ) {
        self.allowExpired = allowExpired
        alpineKeys = keyrings.filter { $0.hasSuffix(".pub") }
        let keyrings = keyrings.filter { !$0.hasSuffix(".pub") }
        (self.store, self.fetcher, self.programs, self.suites, self.events) = (store, fetcher, programs, suites, events)
        debian = DebianResolution(
            reader: SuiteReader(
                signature: ArchiveSignature(keyrings: keyrings), store: store, fetcher: fetcher))
    }

    /// The parts of a lock that an image's databases tell, and what they don't.
    struct Parts {
        var base: Lockfile.Base
        var archives: [Lockfile.Archive]
        var toolchain: [Lockfile.Package]
        var agent: Lockfile.Agent?
        var python: Lockfile.Python?
        var missing: [String] = []
        var remarks: [String] = []

        mutating func add(_ remarks: [String]) {
            for remark in remarks where !self.remarks.contains(remark) { self.remarks.append(remark) }
        }
    }

    /// The name of an image's lock: its file's, in letters, digits and dashes.
    public static func name(ofImage path: String) -> String {
        let name = (path.split(separator: "/").last ?? "").prefix { $0 != "." }.map { character in
            character.isASCII && (character.isLetter || character.isNumber) ? character : "-"
        }.drop { $0 == "-" }
        return name.isEmpty ? "draft" : String(name)
    }

    /// - Parameter name: The lock's name.
    public func draft(_ contents: ImageContents, name: String) async throws -> Found {
        var parts: Parts
        switch contents.system {
        case "debian": parts = try await debianParts(contents, name: name)
        case "alpine": parts = try await alpineParts(contents, name: name)
        case "" where !contents.distributions.isEmpty: parts = try await volumeParts(contents, name: name)
        default:
            throw ResolutionError.malformed(
                "the image has neither dpkg's nor apk's database: nothing tells what it was made of")
        }
        if let compression = contents.compression, ImageOptions.Compression(rawValue: compression) == nil {
            parts.add(["The image is packed with \(compression), which rtverify doesn't write: zstd instead."])
        }
        try await addAgent(contents, to: &parts)
        parts.add(["Steps, files of one's own and what was pruned leave no names in an image: they aren't here."])
        let lock = lock(contents, parts, name: name)
        var fault: String?
        do { _ = try Lockfile(text: lock.text, file: "the draft") } catch { fault = "\(error)" }
        return Found(
            lock: lock, missing: parts.missing, unexplained: contents.unexplained,
            unexplainedCount: contents.unexplainedCount, remarks: parts.remarks, fault: fault)
    }

    /// The newest agent, where the image's init starts one, and what compiles it: the image shows neither's sources.
    private func addAgent(_ contents: ImageContents, to parts: inout Parts) async throws {
        guard contents.initScript.flatMap({ InitScript(text: $0) })?.program == .agent else { return }
        let states = try await self.states(of: .bookworm, time: contents.time)
        let compiler = try await DebianResolution.compiler(from: states.likely)
        let used = Set(compiler.map(\.archive))
        for state in states.likely where used.contains(state.archive.name) && !parts.archives.contains(state.archive) {
            parts.archives.append(state.archive)
        }
        parts.agent = Lockfile.Agent(sources: AgentSources.inputs, compiler: compiler)
    }

    private func lock(_ contents: ImageContents, _ parts: Parts, name: String) -> Lockfile {
        // rtverify's own init says which command it starts.
        let own = contents.initScript.flatMap { InitScript(text: $0) }.map { Lockfile.File($0) }
        let compression = contents.compression.flatMap(ImageOptions.Compression.init(rawValue:)) ?? .zstd
        // No manifest is known: the hash of nothing.
        return Lockfile(
            manifestSHA256: Digest.of([UInt8]()), sourceDateEpoch: contents.time, name: name, base: parts.base,
            contents: Lockfile.Contents(
                files: [own].compactMap { $0 }, python: parts.python, agent: parts.agent,
                image: ImageOptions(
                    compression: compression, level: contents.level, blockSize: contents.blockSize ?? 131_072)),
            archives: parts.archives, toolchain: parts.toolchain)
    }
}

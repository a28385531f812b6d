import ContentHash
import Host
import InputStore
import Mirrors
import Reporting
import RuntimeSpec

/// From an image back to the lock that would make it, as far as its package databases tell.
public struct LockDraft: Sendable {
    let store: Store
    let fetcher: Fetcher
    let resolver: TargetResolver
    let debian: DebianResolution
    let events: EventSink
    /// Suites, components and keys to look in instead of the release's.
    let suites: DebianSuites?
    /// Files of keys that may sign an Alpine index besides the minirootfs's own.
    let alpineKeys: [String]
    let allowExpired: Bool

    /// What was found.
    public struct Found: Sendable {
        public var lock: Lockfile
        /// What stands in the image and was found nowhere: `python3 3.11.2-6`.
        public var missing: [String] = []
        /// Files that nothing accounts for.
        public var unexplained: [String] = []
        public var unexplainedCount = 0
        /// Remarks for the reader of the draft.
        public var remarks: [String] = []
        /// Why the draft is no lock that could be built; nil when it is one.
        public var fault: String?

        mutating func add(_ remarks: [String]) {
            for remark in remarks where !self.remarks.contains(remark) { self.remarks.append(remark) }
        }

        /// The draft's bytes: the lock, and in comments what it doesn't explain.
        public var text: String {
            var head =
                "# A draft, made by `rtverify lock --from-image`: what an image's package databases tell of its lock.\n"
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
        store: Store, fetcher: Fetcher, keyrings: [String], resolver: TargetResolver, suites: DebianSuites?,
        allowExpired: Bool, events: @escaping EventSink
    ) {
        self.allowExpired = allowExpired
        alpineKeys = keyrings.filter { $0.hasSuffix(".pub") }
        let keyrings = keyrings.filter { !$0.hasSuffix(".pub") }
        (self.store, self.fetcher, self.resolver, self.suites, self.events) = (store, fetcher, resolver, suites, events)
        debian = DebianResolution(
            reader: SuiteReader(
                signature: ArchiveSignature(keyrings: keyrings), store: store, fetcher: fetcher))
    }

    /// - Parameter name: The lock's name.
    public func draft(_ contents: ImageContents, name: String) async throws -> Found {
        var found: Found
        switch contents.system {
        case "debian": found = try await draftDebian(contents, name: name)
        case "alpine": found = try await draftAlpine(contents, name: name)
        case "" where !contents.distributions.isEmpty: found = try await draftVolume(contents, name: name)
        default:
            throw ResolutionError.malformed(
                "the image has neither dpkg's nor apk's database: nothing tells what it was made of")
        }
        if let script = contents.initScript { readInit(script, into: &found) }
        if let compression = contents.compression, ImageOptions.Compression(rawValue: compression) == nil {
            found.remarks.append("The image is packed with \(compression), which rtverify doesn't write: zstd instead.")
        }
        do { _ = try Lockfile(text: found.lock.text, file: "the draft") } catch { found.fault = "\(error)" }
        (found.unexplained, found.unexplainedCount) = (contents.unexplained, contents.unexplainedCount)
        found.remarks.append(
            "Steps, files of one's own and what was pruned leave no names in an image: they aren't here.")
        return found
    }

    func newLock(
        _ contents: ImageContents, name: String, archives: [Lockfile.Archive], packages: [Lockfile.Package],
        toolchain: [Lockfile.Package]
    ) -> Lockfile {
        let compression = contents.compression.flatMap(ImageOptions.Compression.init(rawValue:)) ?? .zstd
        // No manifest is known: the hash of nothing.
        return Lockfile(
            recipe: Lockfile.newestRecipe, manifestSHA256: Digest.of([UInt8]()).hex, sourceDateEpoch: contents.time,
            name: name, architecture: "x86_64",
            release: contents.release.isEmpty ? suites?.suites.first ?? "" : contents.release, files: [], steps: [],
            prune: [],
            image: ImageOptions(
                compression: compression, level: contents.level, blockSize: contents.blockSize ?? 131_072),
            archives: archives, packages: packages, toolchain: toolchain)
    }

    /// rtverify's own init says which command it starts.
    func readInit(_ script: String, into found: inout Found) {
        guard let program = InitScript.program(of: script) else { return }
        let bytes = InitScript.bytes(program)
        (found.lock.initProgram, found.lock.initSHA256) = (program, Digest.of(bytes).hex)
    }

}

import ContentHash
import Host
import InputStore
import Mirrors
import Reporting
import RuntimeSpec

/// From an image back to the lock that would make it, as far as its package databases tell.
public struct LockDraft: Sendable {
    private let store: Store
    private let fetcher: Fetcher
    private let resolver: TargetResolver
    private let debian: DebianResolution
    private let events: EventSink
    /// Suites, components and keys to look in instead of the release's.
    private let suites: DebianSuites?
    /// Files of keys that may sign an Alpine index besides the minirootfs's own.
    private let alpineKeys: [String]
    private let allowExpired: Bool

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

        fileprivate mutating func add(_ remarks: [String]) {
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
            signature: ArchiveSignature(keyrings: keyrings), store: store, fetcher: fetcher)
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

    private func newLock(
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
    private func readInit(_ script: String, into found: inout Found) {
        guard let program = InitScript.program(of: script) else { return }
        let bytes = InitScript.bytes(program)
        (found.lock.initProgram, found.lock.initSHA256) = (program, Digest.of(bytes).hex)
    }

    // MARK: Debian

    private func draftDebian(_ contents: ImageContents, name: String) async throws -> Found {
        let wanted = try suites(of: contents)
        let states = try await states(of: wanted, sources: Source.all(contents), time: contents.time)
        var names: Set<String> = []
        var entries: [DebianResolution.Entry] = []
        var missing: [String] = []
        for package in contents.packages {
            let entry = states.all.lazy.compactMap { state in
                state.stanza(named: package.name, version: package.version, architecture: package.architecture)
                    .map { DebianResolution.Entry(archive: state.archive.name, stanza: $0) }
            }.first
            // A lock has one package of a name.
            if let entry, names.insert(package.name).inserted {
                entries.append(entry)
            } else {
                missing.append("\(package.name) \(package.version)")
            }
        }
        guard !entries.isEmpty else {
            throw ResolutionError.malformed(
                "none of the image's \(contents.packages.count) packages is in \(wanted.suites.joined(separator: ", ")) "
                    + "as the mirrors and the snapshot archive have them")
        }
        let stages = try InstallationStages(entries.map(\.stanza)).stages()
        let hasWheels = !contents.distributions.isEmpty
        let tools = try await toolchain(
            wanted.release == DebianSuites.bookworm.release || suites != nil ? states : nil, time: contents.time,
            withPython: hasWheels, withInterpreter: false)
        let packages = entries.map { DebianResolution.package($0, stage: stages[$0.stanza.name] ?? 0) }
        let used = Set((packages + tools.packages).map(\.archive))
        let archives = DebianResolution.distinct(states.all + tools.states.likely).filter { state in
            used.contains(state.archive.name) || states.likely.contains { $0.archive == state.archive }
        }
        var found = Found(
            lock: newLock(
                contents, name: name, archives: archives.map(\.archive), packages: packages, toolchain: tools.packages),
            missing: missing)
        found.remarks.append(
            "Of \(contents.packages.count) packages \(packages.count) were found; the likely state is of "
                + (states.likely.map(\.archive.snapshot).max() ?? "an unknown time") + ".")
        found.add(states.remarks + tools.states.remarks)
        found.lock.selection = Self.selection(
            InstallationStages(entries.map(\.stanza)), states.likely.flatMap(\.indexes), hasPython: hasWheels)
        if hasWheels { try await draftWheels(contents, entries.map(\.stanza), &found) }
        return found
    }

    /// The least that leads to the image's packages: a variant, and those that no other depends on.
    private static func selection(
        _ graph: InstallationStages, _ indexes: [PackageIndex], hasPython: Bool
    ) -> Lockfile.Selection {
        func names(_ variant: Manifest.Variant) -> [String] {
            DebianResolution.wantedNames(.init(variant: variant, install: []), hasPython: hasPython, in: indexes)
        }
        let variant: Manifest.Variant = graph.reached(from: names(.minbase)).missing.isEmpty ? .minbase : .essential
        return Lockfile.Selection(variant: variant, install: graph.roots(besides: names(variant)))
    }

    /// The suites and components that the image's own apt names, or the release's.
    private func suites(of contents: ImageContents) throws -> DebianSuites {
        if let suites { return suites }
        guard var standard = DebianSuites.standard(contents.release) else {
            throw ResolutionError.malformed(
                "the image's Debian is '\(contents.release)', whose suites and keys rtverify doesn't know; "
                    + "name them (--suite, --key)")
        }
        // Third parties name suites as Debian does, with components of their own.
        let components = Source.all(contents).filter { standard.suites.contains($0.suite) }.flatMap(\.components)
            .filter { Self.components.contains($0) }
        if !components.isEmpty { standard.components = Set(components).sorted() }
        return standard
    }

    /// Debian's own (Debian Policy 2.2).
    private static let components = ["contrib", "main", "non-free", "non-free-firmware"]

    /// A suite that the image's apt names, with the time that a snapshot's URL has.
    private struct Source {
        var suite: String
        var components: [String]
        var time: SnapshotTime?

        static func all(_ contents: ImageContents) -> [Source] {
            contents.sources.sorted { $0.key < $1.key }.flatMap { file, text in
                HostSources.parse(text, file: file).flatMap { source in
                    source.uris.flatMap { uri in
                        let time = uri.split(separator: "/").lazy.compactMap { SnapshotTime(String($0)) }.first
                        return source.suites.map { Source(suite: $0, components: source.components, time: time) }
                    }
                }
            }
        }
    }

    /// The states that an image was likely made from, and newer ones, where a version may be that was not there yet.
    private struct States {
        var likely: [ArchiveState] = []
        var newer: [ArchiveState] = []

        /// Where no older state could be had: what the reader of the draft must know of it.
        var remarks: [String] = []

        var all: [ArchiveState] { likely + newer }
    }

    /// - Parameters:
    ///   - sources: What the image's own apt names.
    ///   - time: The image's, for suites that those give no time of; seconds since 1970-01-01 UTC, 0 when unknown.
    private func states(of suites: DebianSuites, sources: [Source] = [], time: Int) async throws -> States {
        var states = States()
        for suite in suites.suites {
            let newest = try await ArchiveState.newest(
                suite: suite, components: suites.components, keys: suites.keys, signature: debian.signature,
                allowExpired: true, store: store, fetcher: fetcher)
            let named = sources.filter { $0.suite == suite }.compactMap(\.time)
            let times = named.isEmpty ? [SnapshotTime(seconds: time > 0 ? time : newest.date)] : named
            var found: [ArchiveState] = []
            for time in times {
                if time.seconds >= newest.date {
                    found.append(newest)
                    continue
                }
                do {
                    found.append(
                        try await .atTime(
                            time, isNamed: !named.isEmpty, suite: suite, components: suites.components,
                            keys: suites.keys, signature: debian.signature, allowExpired: allowExpired, store: store,
                            fetcher: fetcher))
                } catch  where isInputFailure(error) {
                    let note = "no state of \(suite) at \(time.text) can be had; its newest is looked in"
                    events(.note(note))
                    states.remarks.append(note)
                }
            }
            if found.isEmpty { found = [newest] }
            states.likely += found
            if !found.contains(where: { $0.archive == newest.archive }) { states.newer.append(newest) }
        }
        (states.likely, _, states.newer) = DebianResolution.named(states.likely, [], states.newer)
        return states
    }

    /// - Parameter base: The image's own states, where its packer may come from those; Debian 12's where they lack it.
    private func toolchain(
        _ base: States?, time: Int, withPython: Bool, withInterpreter: Bool
    ) async throws -> (packages: [Lockfile.Package], states: States, stanzas: [PackageIndex.Stanza]) {
        let names = DebianResolution.toolNames(hasPython: withPython, isEmpty: withInterpreter)
        let states: States
        if let base, Self.has(names, base.likely) {
            states = base
        } else {
            var found = try await self.states(of: suites ?? .bookworm, time: time)
            if suites != nil, !Self.has(names, found.likely) {
                found = try await self.states(of: .bookworm, time: time)
            }
            states = found
        }
        let entries = try DebianResolution.entries(
            of: try await AptResolver().resolve(names, from: states.likely), in: states.likely)
        return (entries.map { DebianResolution.package($0, stage: 0) }, states, entries.map(\.stanza))
    }

    private static func has(_ names: [String], _ states: [ArchiveState]) -> Bool {
        let indexes = states.flatMap(\.indexes)
        return names.allSatisfy { name in indexes.contains { !$0.stanzas(named: name).isEmpty } }
    }

    // MARK: Volumes

    /// A volume of Python packages: its wheels are for the toolchain's Python.
    private func draftVolume(_ contents: ImageContents, name: String) async throws -> Found {
        let tools = try await toolchain(nil, time: contents.time, withPython: true, withInterpreter: true)
        let used = Set(tools.packages.map(\.archive))
        var found = Found(
            lock: newLock(
                contents, name: name, archives: tools.states.likely.map(\.archive).filter { used.contains($0.name) },
                packages: [], toolchain: tools.packages))
        found.lock.system = .empty
        found.lock.release = ""
        found.add(tools.states.remarks)
        try await draftWheels(contents, tools.stanzas, &found)
        return found
    }

    /// The folder with the most distributions is the target; those that were asked for are the requirements.
    private func draftWheels(
        _ contents: ImageContents, _ stanzas: [PackageIndex.Stanza], _ found: inout Found
    ) async throws {
        let folders = Dictionary(grouping: contents.distributions, by: \.folder)
        guard let (folder, all) = folders.max(by: { ($0.value.count, $1.key) < ($1.value.count, $0.key) }) else {
            return
        }
        for (other, items) in folders where other != folder {
            found.missing += items.map { "\($0.name) \($0.version), in \(other)" }
        }
        func pin(_ item: ImageContents.Distribution) -> String { "\(item.name)==\(item.version)" }
        let requested = all.filter(\.isRequested)
        let packages = PythonPackages(
            target: folder.hasPrefix("/usr/") ? PythonPackages.system : folder,
            requirements: Set((requested.isEmpty ? all : requested).map(pin)).sorted(),
            levels: contents.levels[folder] ?? [])
        let interpreter = DebianResolution.interpreter(packages, in: InstallationStages(stanzas))
        found.lock.python = Lockfile.Python(packages: packages, interpreter: interpreter, wheels: [])
        try await fetcher.fetch(Fetcher.Wanted.inputs(of: found.lock))
        let held = Dictionary(
            all.map { (PythonPackages.normalizedName($0.name), $0.version) }, uniquingKeysWith: { first, _ in first })
        let wheels: [Lockfile.Wheel]
        do {
            wheels = try await resolver.wheels(for: found.lock, holding: held)
        } catch {
            // The rest of the draft is worth having.
            found.lock.python = nil
            found.missing += held.map { "\($0.key) \($0.value) (a wheel)" }.sorted()
            let reason = "\(error)".split(whereSeparator: \.isNewline).first ?? ""
            return found.remarks.append("The wheels can't be resolved together: \(reason)")
        }
        found.lock.python = Lockfile.Python(packages: packages, interpreter: interpreter, wheels: wheels)
        let names = Set(wheels.map(\.name))
        found.missing += held.filter { !names.contains($0.key) }.map { "\($0.key) \($0.value) (a wheel)" }.sorted()
        if requested.isEmpty {
            found.remarks.append("Nothing says which Python packages were asked for: all of them are required.")
        }
    }

    // MARK: Alpine

    private func draftAlpine(_ contents: ImageContents, name: String) async throws -> Found {
        let base = try AlpineBase(release: contents.release)
        let tools = try await toolchain(nil, time: contents.time, withPython: false, withInterpreter: false)
        let used = Set(tools.packages.map(\.archive))
        var found = Found(
            lock: newLock(
                contents, name: name, archives: tools.states.likely.map(\.archive).filter { used.contains($0.name) },
                packages: [], toolchain: tools.packages))
        found.lock.system = .alpine
        found.add(tools.states.remarks)
        let keys = try alpineKeys.map { path in
            let bytes = try SmallFile.bytes(path, limit: 1 << 16)
            return Lockfile.Input(
                path: String(path.split(separator: "/").last ?? ""), size: bytes.count,
                sha256: try store.keep(bytes).hex)
        }
        let resolution = AlpineResolution(base: base, keys: keys, fetcher: fetcher, store: store, resolver: resolver)
        try await resolution.resolve(&found.lock, world: [], holding: nil, pins: [:])
        guard let tarball = found.lock.tarball, let root = try store.bytes(of: tarball) else { return found }
        let world = try AlpineResolution.world(minirootfs: root, name: tarball.path)
        let own = try AlpineResolution.installed(minirootfs: root, name: tarball.path)
        let added = contents.packages.filter { own[$0.name] != $0.version }
        // `name~1.2` and the like: the draft asks for the name, and holds the version.
        let asked = contents.world.filter { !world.contains($0) }.map { String($0.prefix { !"<>=~@".contains($0) }) }
        if !asked.isEmpty {
            try await resolution.resolve(
                &found.lock, world: asked, skippingUnlisted: true, holding: (found.lock.release, tarball),
                pins: Dictionary(added.map { ($0.name, $0.version) }, uniquingKeysWith: { first, _ in first }))
        }
        let names = Set(found.lock.alpine.packages.map { "\($0.name) \($0.version)" })
        found.missing = added.map { "\($0.name) \($0.version)" }.filter { !names.contains($0) }
        return found
    }
}

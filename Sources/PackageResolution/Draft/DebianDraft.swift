import FileTree
import Host
import Mirrors
import RuntimeSpec

/// A draft of an image that dpkg made.
extension LockDraft {
    func debianParts(_ contents: ImageContents, name: String) async throws -> Parts {
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
            wanted.tools.release == wanted.release || suites != nil ? states : nil, time: contents.time,
            withPython: hasWheels, withInterpreter: false)
        let packages = try entries.map { try DebianResolution.package($0, stage: stages[$0.stanza.name] ?? 0) }
        let used = Set((packages + tools.packages).map(\.archive))
        let archives = DebianResolution.distinct(states.all + tools.states.likely).filter { state in
            used.contains(state.archive.name) || states.likely.contains { $0.archive == state.archive }
        }
        let release = contents.release.isEmpty ? suites?.suites.first ?? "" : contents.release
        let selection = Self.selection(
            InstallationStages(entries.map(\.stanza)), states.likely.flatMap(\.indexes), hasPython: hasWheels)
        var parts = Parts(
            base: .debian(Lockfile.Debian(release: release, selection: selection, packages: packages)),
            archives: archives.map(\.archive), toolchain: tools.packages, missing: missing)
        parts.add([
            "Of \(contents.packages.count) packages \(packages.count) were found; the likely state is of "
                + (states.likely.map(\.archive.snapshot).max() ?? "an unknown time") + "."
        ])
        parts.add(states.remarks + tools.states.remarks)
        if hasWheels { try await addWheels(contents, entries.map(\.stanza), to: &parts, name: name) }
        return parts
    }

    /// The least that leads to the image's packages: a variant, and those that no other depends on.
    static func selection(
        _ graph: InstallationStages, _ indexes: [PackageIndex], hasPython: Bool
    ) -> Lockfile.Selection {
        func names(_ variant: Manifest.Variant) -> [String] {
            DebianResolution.wantedNames(.init(variant: variant, install: []), hasPython: hasPython, in: indexes)
        }
        let variant: Manifest.Variant = graph.reached(from: names(.minbase)).missing.isEmpty ? .minbase : .essential
        return Lockfile.Selection(variant: variant, install: graph.roots(besides: names(variant)))
    }

    /// The suites and components that the image's own apt names, or the release's.
    func suites(of contents: ImageContents) throws -> DebianSuites {
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
    static let components = ["contrib", "main", "non-free", "non-free-firmware"]

    /// A suite that the image's apt names, with the time that a snapshot's URL has.
    struct Source {
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
}

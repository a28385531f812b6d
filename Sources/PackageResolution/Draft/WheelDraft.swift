import FileTree
import Host
import RuntimeSpec
import Sandbox

/// A draft of a volume, and of an image's Python packages.
extension LockDraft {
    /// A volume of Python packages: its wheels are for the toolchain's Python.
    func volumeParts(_ contents: ImageContents, name: String) async throws -> Parts {
        let tools = try await toolchain(nil, time: contents.time, withPython: true, withInterpreter: true)
        let used = Set(tools.packages.map(\.archive))
        var parts = Parts(
            base: .empty, archives: tools.states.likely.map(\.archive).filter { used.contains($0.name) },
            toolchain: tools.packages)
        parts.add(tools.states.remarks)
        try await addWheels(contents, tools.stanzas, to: &parts, name: name)
        return parts
    }

    /// The folder with the most distributions is the target; those that were asked for are the requirements.
    func addWheels(
        _ contents: ImageContents, _ stanzas: [PackageIndex.Stanza], to parts: inout Parts, name: String
    ) async throws {
        let folders = Dictionary(grouping: contents.distributions, by: \.folder)
        guard let (folder, all) = folders.max(by: { ($0.value.count, $1.key) < ($1.value.count, $0.key) }) else {
            return
        }
        for (other, items) in folders where other != folder {
            parts.missing += items.map { "\($0.name) \($0.version), in \(other)" }
        }
        func pin(_ item: ImageContents.Distribution) -> String { "\(item.name)==\(item.version)" }
        let requested = all.filter(\.isRequested)
        let packages = PythonPackages(
            target: folder.hasPrefix("/usr/") ? PythonPackages.system : folder,
            requirements: Set((requested.isEmpty ? all : requested).map(pin)).sorted(),
            levels: contents.levels[folder] ?? [])
        let interpreter = DebianResolution.interpreter(packages, in: InstallationStages(stanzas))
        var needed = parts.toolchain
        if case .debian(let debian) = parts.base { needed += debian.packages }
        try await fetcher.fetch(parts.archives.inputs(of: needed))
        let held = Dictionary(
            all.map { (PythonPackages.normalizedName($0.name), $0.version) }, uniquingKeysWith: { first, _ in first })
        let wheels: [Lockfile.Wheel]
        do {
            wheels = try await programs.wheels(
                for: packages,
                of: PipTarget(
                    base: parts.base, interpreter: interpreter, toolchain: parts.toolchain,
                    sourceDateEpoch: contents.time), holding: held, name: name)
        } catch {
            // The rest of the draft is worth having.
            parts.missing += held.map { "\($0.key) \($0.value) (a wheel)" }.sorted()
            let reason = "\(error)".split(whereSeparator: \.isNewline).first ?? ""
            return parts.add(["The wheels can't be resolved together: \(reason)"])
        }
        parts.python = Lockfile.Python(packages: packages, interpreter: interpreter, wheels: wheels)
        let names = Set(wheels.map(\.name))
        parts.missing += held.filter { !names.contains($0.key) }.map { "\($0.key) \($0.value) (a wheel)" }.sorted()
        if requested.isEmpty {
            parts.add(["Nothing says which Python packages were asked for: all of them are required."])
        }
    }
}

import Host
import Mirrors
import Reporting
import RuntimeSpec

/// A draft of a volume, and of an image's Python packages.
extension LockDraft {
    /// A volume of Python packages: its wheels are for the toolchain's Python.
    func draftVolume(_ contents: ImageContents, name: String) async throws -> Found {
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
    func draftWheels(
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
        try await fetcher.fetch(RemoteInput.inputs(of: found.lock))
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
}

import Host
import Reporting
import RuntimeSpec

/// A draft of an image that apk made.
extension LockDraft {
    func draftAlpine(_ contents: ImageContents, name: String) async throws -> Found {
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

import FileTree
import Host
import RuntimeSpec

/// A draft of an image that apk made.
extension LockDraft {
    func alpineParts(_ contents: ImageContents, name: String) async throws -> Parts {
        let tools = try await toolchain(nil, time: contents.time, withPython: false, withInterpreter: false)
        let used = Set(tools.packages.map(\.archive))
        let keys = try alpineKeys.map { path in
            let bytes = try SmallFile.bytes(path, limit: 1 << 16)
            return Lockfile.Input(
                path: String(path.split(separator: "/").last ?? ""), size: bytes.count, sha256: try store.keep(bytes))
        }
        let resolution = AlpineResolution(
            base: try AlpineBase(release: contents.release), keys: keys, fetcher: fetcher, store: store,
            programs: programs, name: name, sourceDateEpoch: contents.time)
        let start = try await resolution.resolve(world: [])
        var parts = Parts(
            base: .alpine(start),
            archives: tools.states.likely.map(\.archive).filter { used.contains($0.name) }, toolchain: tools.packages)
        parts.add(tools.states.remarks)
        guard let root = try store.bytes(of: start.minirootfs) else { return parts }
        let world = try AlpineResolution.world(minirootfs: root, name: start.minirootfs.path)
        let own = try AlpineResolution.installed(minirootfs: root, name: start.minirootfs.path)
        let added = contents.packages.filter { own[$0.name] != $0.version }
        // `name~1.2` and the like: the draft asks for the name, and holds the version.
        let asked = contents.world.filter { !world.contains($0) }.map { String($0.prefix { !"<>=~@".contains($0) }) }
        var found = start
        if !asked.isEmpty {
            found = try await resolution.resolve(
                world: asked, skippingUnlisted: true, holding: start,
                pins: Dictionary(added.map { ($0.name, $0.version) }, uniquingKeysWith: { first, _ in first }))
        }
        parts.base = .alpine(found)
        let names = Set(found.packages.map { "\($0.name) \($0.version)" })
        parts.missing = added.map { "\($0.name) \($0.version)" }.filter { !names.contains($0) }
        return parts
    }
}

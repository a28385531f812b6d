import InputStore
import Synchronization

/// What is known of those that may have objects: bundles that are open, gateways, and which web servers have any.
final class ObjectServers: Sendable {
    private struct State {
        var bundles: [String: Bundle] = [:]
        var gateways: [Gateway.Place: Gateway] = [:]
        /// How many objects each server lacked.
        var misses: [String: Int] = [:]
        var found: Set<String> = []
    }

    private let state = Mutex(State())
    /// Objects that a server lacks one after the other before it is taken for one that has none.
    private static let mostMisses = 3

    /// A bundle's CAR, opened once.
    /// - Throws: `BundleError`, `FileReadError`.
    func bundle(_ path: String) throws -> Bundle {
        try state.withLock { state in
            if let bundle = state.bundles[path] { return bundle }
            let bundle = try Bundle(path: path)
            state.bundles[path] = bundle
            return bundle
        }
    }

    func gateway(_ place: Gateway.Place, _ downloader: Downloader) -> Gateway {
        state.withLock { state in
            if let gateway = state.gateways[place] { return gateway }
            let gateway = Gateway(place, downloader: downloader)
            state.gateways[place] = gateway
            return gateway
        }
    }

    /// Whether a server, by its base, has served an object.
    func hasObjects(_ base: String) -> Bool { state.withLock { $0.found.contains(base) } }

    /// Whether it is worth asking for one.
    func mayHaveObjects(_ base: String) -> Bool {
        state.withLock { $0.found.contains(base) || $0.misses[base, default: 0] < Self.mostMisses }
    }

    func found(_ base: String) { state.withLock { _ = $0.found.insert(base) } }

    func missed(_ base: String) { state.withLock { $0.misses[base, default: 0] += 1 } }
}

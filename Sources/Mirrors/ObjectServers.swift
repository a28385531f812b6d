import InputStore
import Synchronization

/// What is known of those that may have objects: bundles that are open or can't be opened, gateways, and which web servers have
/// any.
final class ObjectServers: Sendable {
    private struct State {
        var bundles: [String: Result<Bundle, any Error>] = [:]
        var gateways: [Gateway.Place: Gateway] = [:]
        var found: Set<String> = []
    }

    private let state = Mutex(State())

    /// A bundle's CAR, opened once, and what is wrong with it found once.
    /// - Throws: `BundleError`, `FileReadError`.
    func bundle(_ path: String) throws -> Bundle {
        try state.withLock { state in
            let result = state.bundles[path] ?? Result { try Bundle(path: path) }
            state.bundles[path] = result
            return result
        }.get()
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

    func found(_ base: String) { state.withLock { _ = $0.found.insert(base) } }
}

import ContentHash
import Host
import Mirrors

/// The image that a claim is held against: a file at hand, or what nodes and gateways serve.
public struct PublishedImage: Sendable {
    private let claim: ContentClaim
    private let nodes: NodeSet
    private let settings: Settings

    /// Bytes; no kernel mounts and no network carries a runtime of that size.
    private static let largest = 64 << 30

    /// How it is read.
    public struct Settings: Sendable {
        /// Seconds without a byte after which a connection is given up.
        public var timeout: Int
        /// Seconds that a download may take in all.
        public var imageTimeout: Int
        /// The blocks that the CID names, as a CAR; nil for those of gateways, where there are any.
        public var car: String?
        /// Whether gateways may be asked for blocks.
        public var asksGateways: Bool
        /// The process's environment: proxies and trust.
        public var environment: @Sendable (String) -> String?

        /// Made of its parts.
        public init(
            timeout: Int, imageTimeout: Int, car: String?, asksGateways: Bool,
            environment: @escaping @Sendable (String) -> String?
        ) {
            (self.timeout, self.imageTimeout, self.car) = (timeout, imageTimeout, car)
            (self.asksGateways, self.environment) = (asksGateways, environment)
        }
    }

    /// - Parameter nodes: Those that serve it, and its blocks.
    public init(of claim: ContentClaim, nodes: NodeSet, settings: Settings) {
        (self.claim, self.nodes, self.settings) = (claim, nodes, settings)
    }

    /// The image's names, under the profiles that the claim's CID may be of; nil, and said, where it can't be read.
    /// - Parameters:
    ///   - image: A file, `-` or a URL; nil for what the network serves.
    ///   - events: Gets the progress of a download.
    ///   - complain: Gets what went wrong, a line each.
    public func identity(
        of image: String?, events: @escaping EventSink, complain: (String) -> Void
    ) async -> FileIdentity? {
        let profiles = claim.file?.name.profiles ?? []
        let places = image.map { [$0] } ?? claim.file.map { nodes.urls(of: $0) } ?? []
        var other: FileIdentity?
        for place in places {
            do {
                guard RemoteFile.isURL(place) else {
                    return try await onThread { try FileIdentity(path: place, profiles: profiles) }
                }
                let remote = RemoteFile(
                    url: place, timeout: settings.timeout, environment: settings.environment, events: events)
                let identity = try await withDeadline(seconds: settings.imageTimeout) {
                    try await remote.identity(profiles: profiles, limit: Self.largest)
                }
                if case .same? = claim.file?.name.answer(for: identity) { return identity }
                // A node's error page is no image, and the next may have it.
                if image == nil { complain("\(place): other bytes than the message names") }
                other = identity
            } catch is DeadlineExceeded {
                complain("\(place): not whole after \(settings.imageTimeout) s (--image-timeout)")
            } catch {
                complain("\(error)")
            }
        }
        return other
    }

    /// What the DAG's own nodes say where no profile gives the CID; nil where nobody need be asked, or can be.
    public func layout(of image: String?, _ identity: FileIdentity?) async -> ImageVerdict.LayoutAnswer? {
        guard case .cid(let root)? = claim.file?.name, let identity, let name = claim.file?.name,
            case .undecided = name.answer(for: identity), settings.car != nil || settings.asksGateways
        else { return nil }
        guard let image, image != "-", !RemoteFile.isURL(image) else {
            return .undecided("the blocks can be compared with a file only")
        }
        do {
            let nodes = nodes
            let reader = try settings.car.map { try CARReader(file: try InputFile(path: $0)) }
            let comparison = try DAGComparison(file: try InputFile(path: image)) { cid in
                if let block = try reader?.block(cid) { return block }
                return await nodes.block(cid)
            }
            return switch try await comparison.compare(root: root) {
            case .same: .same
            case .different: .different
            case .undecided(let reason): .undecided(reason)
            }
        } catch {
            return .undecided("\(error)")
        }
    }
}

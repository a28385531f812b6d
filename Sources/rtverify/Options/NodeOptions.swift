import AlephNetwork
import ArgumentParser
import Host
import Mirrors

/// Which gateways are asked: for what nodes name by a CID, and for the bundles of `--mirror ipfs://ROOT`.
struct GatewayOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "An IPFS gateway's URL. May be repeated (default for what a node names: \(NodeSet.publicGateway)).",
            valueName: "url"))
    var gateway: [String] = []

    func validate() throws {
        for url in gateway where !RemoteFile.isURL(url) { throw ValidationError("'\(url)' is no http(s) URL.") }
    }
}

/// Which nodes are asked.
struct NodeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A node's URL; several must agree. May be repeated (default: \(NodeSet.publicNode)).", valueName: "url"))
    var api: [String] = []
    @Option(help: ArgumentHelp("Seconds that a node's answer may take.", valueName: "seconds"))
    var nodeTimeout = 20

    func validate() throws {
        guard (1...3600).contains(nodeTimeout) else { throw ValidationError("--node-timeout is from 1 to 3600.") }
        for url in api where !RemoteFile.isURL(url) { throw ValidationError("'\(url)' is no http(s) URL.") }
    }

    /// These options again, as words of a command line.
    func words(_ api: [String]) -> [String] { api.flatMap { ["--api", $0] } }

    var timeout: Int { nodeTimeout }

    /// Each node that is named, to be told things.
    var publishingNodes: [PublishingNode] {
        (api.isEmpty ? [NodeSet.publicNode] : api).map {
            PublishingNode(api: $0, timeout: nodeTimeout, environment: environmentValue)
        }
    }

    /// The first of them: what is published goes to one.
    func publishingNode(timeout: Int? = nil) -> PublishingNode {
        PublishingNode(
            api: api.first ?? NodeSet.publicNode, timeout: timeout ?? nodeTimeout, environment: environmentValue)
    }

    /// Asks the nodes and the gateways that are named.
    func nodes(_ gateways: GatewayOptions) -> NodeSet { nodes(api, gateways) }

    /// Asks these nodes, and the gateways that are named.
    func nodes(_ api: [String], _ gateways: GatewayOptions) -> NodeSet {
        let gateway = gateways.gateway
        return NodeSet(
            apis: api.isEmpty ? [NodeSet.publicNode] : api,
            gateways: gateway.isEmpty ? (api.isEmpty ? [NodeSet.publicGateway] : []) : gateway, timeout: nodeTimeout,
            environment: environmentValue)
    }
}

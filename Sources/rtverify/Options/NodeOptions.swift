import AlephNetwork
import ArgumentParser
import Host

/// Which nodes and gateways are asked.
struct NodeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A node's URL; several must agree. May be repeated (default: \(NodeSet.publicNode)).", valueName: "url"))
    var api: [String] = []
    @Option(
        help: ArgumentHelp(
            "An IPFS gateway's URL. May be repeated (default: \(NodeSet.publicGateway)).", valueName: "url"))
    var gateway: [String] = []
    @Option(help: ArgumentHelp("Seconds that a node's answer may take.", valueName: "seconds"))
    var nodeTimeout = 20

    func validate() throws {
        guard (1...3600).contains(nodeTimeout) else { throw ValidationError("--node-timeout is from 1 to 3600.") }
        for url in api + gateway where !url.hasPrefix("http://") && !url.hasPrefix("https://") {
            throw ValidationError("'\(url)' is no http(s) URL.")
        }
    }

    /// These options again, as words of a command line.
    func words(_ api: [String]) -> [String] {
        api.flatMap { ["--api", $0] } + gateway.flatMap { ["--gateway", $0] }
    }

    var timeout: Int { nodeTimeout }

    var nodes: NodeSet { nodes(api) }

    /// Asks these nodes, and the gateways that are named.
    func nodes(_ api: [String]) -> NodeSet {
        NodeSet(
            apis: api.isEmpty ? [NodeSet.publicNode] : api,
            gateways: gateway.isEmpty ? (api.isEmpty ? [NodeSet.publicGateway] : []) : gateway, timeout: nodeTimeout,
            environment: environmentValue)
    }
}

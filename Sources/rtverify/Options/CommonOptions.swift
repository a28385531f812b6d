import ArgumentParser
import ContentHash
import Glibc
import Host
import InputStore
import Mirrors

/// How much a command says.
struct OutputOptions: ParsableArguments {
    @Flag(name: .long, help: "Print the result as JSON.")
    var json = false
    @Flag(name: .shortAndLong, help: "Print the result only.")
    var quiet = false
    @Flag(name: .shortAndLong, help: "Print what the programs that are run print.")
    var verbose = false

    var display: ProgressDisplay { ProgressDisplay(level: quiet ? .quiet : verbose ? .verbose : .normal) }
}

/// Where inputs come from and are kept.
struct SourceOptions: ParsableArguments {
    @OptionGroup var store: StoreOption
    @Option(
        help: ArgumentHelp(
            "A mirror to try first: the http(s) URL or folder above dists/ and pool/, or above objects/; a bundle's file; "
                + "https://GATEWAY/ipfs/ROOT, or ipfs://ROOT with --gateway. May be repeated.",
            valueName: "place"))
    var mirror: [String] = []
    @OptionGroup var gateways: GatewayOptions
    @Flag(help: "Nothing from the network; what is missing is listed.")
    var offline = false
    @Option(help: ArgumentHelp("Seconds without a byte after which a connection is given up.", valueName: "seconds"))
    var timeout = 30
    @Option(
        help: ArgumentHelp("An archive of old states of Debian's (default: snapshot.debian.org's).", valueName: "url"))
    var snapshot: String?
    @Flag(help: "Use no mirrors but those given with --mirror.")
    var onlyMirror = false

    func validate() throws {
        guard (1...86_400).contains(timeout) else { throw ValidationError("--timeout is from 1 to 86400 seconds.") }
        for text in mirror where text.hasPrefix("ipfs://") {
            guard (try? CID(text.dropFirst("ipfs://".count))) != nil else {
                throw ValidationError("'\(text)' is no ipfs://ROOT with the CID of a bundle's root.")
            }
            if gateways.gateway.isEmpty {
                throw ValidationError("--mirror \(text) needs --gateway URL: which gateway to ask.")
            }
        }
    }

    /// These options again, as words of a command line.
    var words: [String] {
        (store.store.map { ["--store", $0] } ?? []) + mirror.flatMap { ["--mirror", $0] }
            + gateways.gateway.flatMap { ["--gateway", $0] }
            + (snapshot.map { ["--snapshot", $0] } ?? []) + (onlyMirror ? ["--only-mirror"] : [])
    }

    /// What a command reads its inputs through.
    struct Inputs: Sendable {
        let store: Store
        let fetcher: Fetcher
        /// The target's own package programs.
        let programs: TargetPrograms
        /// Keeps objects from being collected; nil where this user can't write there, and nobody's collection is kept off.
        let use: StoreUse?
    }

    /// Gives `body` the store and what fills it, and closes connections when that is over.
    func withInputs<Value>(
        _ display: ProgressDisplay, _ body: (Inputs) async throws -> Value
    ) async throws -> Value {
        let store = try store.open()
        let fetcher = try fetcher(store: store, display: display)
        let inputs = Inputs(
            store: store, fetcher: fetcher,
            programs: TargetPrograms(
                store: store, offline: offline, environment: environmentValue, events: display.report),
            use: try StoreUse.begin(in: store))
        defer { withExtendedLifetime(inputs) {} }
        do {
            let value = try await body(inputs)
            await fetcher.shutdown()
            return value
        } catch {
            await fetcher.shutdown()
            throw error
        }
    }

    private func fetcher(store: Store, display: ProgressDisplay) throws -> Fetcher {
        let given = mirror.flatMap { text in
            guard text.hasPrefix("ipfs://") else { return [Mirror(text)] }
            return gateways.gateway.map { gateway in
                // As services write it, with /ipfs/ at its end, or without.
                var server = gateway
                for end in ["/", "/ipfs", "/"] where server.hasSuffix(end) { server.removeLast(end.count) }
                return Mirror("\(server)/ipfs/\(text.dropFirst("ipfs://".count))")
            }
        }
        for mirror in given where mirror.isLocal && access(mirror.base, F_OK) != 0 {
            display.report(.note("--mirror \(mirror.base): nothing is there"))
        }
        let list =
            onlyMirror
            ? MirrorList(mirrors: given, snapshot: snapshot, alpine: [])
            : MirrorList(
                mirrors: given + (try UserConfiguration.mirrors(environment: environmentValue)) + HostSources.mirrors(),
                lists: HostSources.mirrorLists(), snapshot: snapshot ?? MirrorList.snapshotArchive,
                alpine: HostSources.alpineMirrors() + [Mirror(MirrorList.alpineArchive)])
        return Fetcher(
            store: store, mirrors: list, offline: offline, timeout: timeout, environment: environmentValue,
            events: display.report)
    }
}

/// A time that an image can have.
func checkEpoch(_ seconds: Int?) throws {
    guard let seconds, !(0...0xffff_ffff).contains(seconds) else { return }
    throw ValidationError("--source-date-epoch is from 0 to 4294967295 (squashfs has 32 bits).")
}

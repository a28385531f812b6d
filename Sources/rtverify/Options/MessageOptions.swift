import AlephNetwork
import ArgumentParser
import ContentHash
import Glibc
import Host
import Subprocess
import VirtualMachine

/// A program as its message has it.
struct MessageOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A PROGRAM message as a node answers it: entrypoint, variables and the rest are its.", valueName: "file"))
    var message: String?
    @Flag(help: "With --message: prove image, code file and volumes by the item hashes in it first.")
    var verify = false
    @OptionGroup var network: NodeOptions

    func validate() throws {
        if verify, message == nil { throw ValidationError("--verify belongs to --message.") }
    }

    /// A message that is none, or something that it wants and that isn't given.
    private struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    /// A file that is not what the message names.
    private struct NotProven: DecidedError {
        let isDecided: Bool
        let description: String
    }

    /// - Parameter gateways: Which the command was given.
    func read(_ gateways: GatewayOptions) async throws -> ProgramMessage? {
        guard let message else { return nil }
        let bytes = try SmallFile.bytes(message, limit: 4 << 20)
        do {
            return try await ProgramMessage(bytes, nodes: network.nodes(gateways))
        } catch { throw Missing(description: "\(TerminalText.safe(message)) is no PROGRAM message: \(error)") }
    }

    /// What the message says of a setting that the command line has begun; what the command line says goes before.
    /// - Parameter folder: For volumes that are the machine's own.
    static func apply(_ message: ProgramMessage, to setting: inout ProgramRun.Setting, folder: String) async throws {
        setting.itemHash = message.itemHash.count == 64 ? message.itemHash : nil
        let given = Set(setting.variables.map(\.name))
        setting.variables = message.variables.filter { !given.contains($0.name) } + setting.variables
        setting.memory = max(64, message.memory)
        setting.authorizedKeys = message.authorizedKeys
        setting.hasNetwork = setting.hasNetwork || message.hasInternet
        if let data = message.data, setting.data == nil {
            throw Missing(
                description: "the message names data (\(data.ref)): give its zip archive with --data")
        }
        var volumes: [ProgramRun.Volume] = []
        for (index, volume) in message.volumes.enumerated() {
            if let own = setting.volumes.first(where: { $0.mount == volume.mount }) {
                volumes.append(own)
            } else if let reference = volume.reference {
                throw Missing(
                    description:
                        "the message names a volume at \(volume.mount) (\(reference.ref)): give its image with --volume "
                        + "IMAGE:\(volume.mount)")
            } else {
                let path = "\(folder)/own-\(index)"
                try await makeVolume(path, size: volume.size)
                volumes.append(.init(path: path, mount: volume.mount, isWritable: true))
            }
        }
        // What the message doesn't name stays, after what it does.
        setting.volumes =
            volumes + setting.volumes.filter { own in !message.volumes.contains { $0.mount == own.mount } }
    }

    /// An empty ext4, as a host makes it.
    private static func makeVolume(_ path: String, size: Int) async throws {
        try AtomicFile.write([], to: path)
        guard truncate(path, max(1, size) << 20) == 0 else { throw SystemError("cannot make \(path)", errno) }
        let result = try? await Subprocess.run(
            .name("mkfs.ext4"), arguments: ["-q", "-F", path],
            environment: .custom(["PATH": "/usr/sbin:/sbin:/usr/bin:/bin"]), output: .discarded, error: .discarded)
        guard result?.terminationStatus.isSuccess == true else {
            throw Missing(description: "a volume of the machine's own needs mkfs.ext4; run: apt-get install e2fsprogs")
        }
    }

    /// Proves files by the item hashes that the message names.
    /// - Parameter gateways: Which the command was given.
    func prove(
        _ message: ProgramMessage, image: String, program: String, volumes: [ProgramRun.Volume],
        gateways: GatewayOptions,
        events: @escaping EventSink
    ) async throws {
        guard verify else { return }
        var wanted = [("the runtime", message.runtime, image)]
        var status = stat()
        if stat(program, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
            wanted.append(("the code", message.code, program))
        } else {
            events(.note("the code is a folder, which has no item hash: it isn't proven"))
        }
        for volume in message.volumes {
            guard let reference = volume.reference, let own = volumes.first(where: { $0.mount == volume.mount }) else {
                continue
            }
            wanted.append(("the volume at \(volume.mount)", reference, own.path))
        }
        for (name, reference, path) in wanted {
            events(.phase(name: "prove \(name)", total: 0))
            var demands = MessageChain.Demands()
            demands.latest = reference.usesLatest
            let claim = await MessageChain(nodes: network.nodes(gateways), demands: demands).follow(
                reference.ref.description)
            let published = PublishedImage(
                of: claim, nodes: network.nodes(gateways),
                settings: .init(
                    timeout: network.timeout, imageTimeout: 1800, car: nil, asksGateways: false,
                    environment: environmentValue))
            let identity = await published.identity(of: path, events: events) { printError("rtverify: \($0)") }
            let layout = await published.layout(of: path, identity)
            let verdict = ImageVerdict(claim, identity: identity, layout: layout)
            guard verdict.verdict == .match else {
                let reason =
                    verdict.links.last(where: { $0.mark == .no || $0.mark == .open }).map { ": \($0.name): \($0.text)" }
                    ?? ""
                throw NotProven(
                    isDecided: verdict.verdict == .mismatch,
                    description:
                        "\(path) is not proven to be \(name) that the message names (\(reference.ref))\(reason)")
            }
            events(.note("\(path) is \(name) that the message names (\(reference.ref))"))
        }
    }
}

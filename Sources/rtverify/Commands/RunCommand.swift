import ArgumentParser
import Glibc
import Host
import Mirrors
import PackageResolution
import Synchronization
import VirtualMachine

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run an Aleph program on a runtime, as the network would.",
        discussion: """
            PROGRAM is a folder, a zip archive, a squashfs image, a Python file or an executable. The runtime's image is \
            started in QEMU, configured over vsock, asked each --request in order, and halted. Each answer's body goes to \
            standard output; its status, the console and what the program prints to standard error. Without a request \
            and without --serve it is asked 'GET /'.

            The exit status is 1 when the program is refused, when an answer isn't as it is expected to be, or when it has a \
            status of 500 or above and none was expected.

            EXAMPLES:
              rtverify run aleph-debian-12-python.squashfs examples/fastapi
              rtverify run RUNTIME.squashfs code.zip --message program.json --volume packages.squashfs:/opt/packages --verify
              rtverify run alpine-minimal.squashfs ./server --request 'GET /health' --expect-status 200 --expect ok
              rtverify run aleph-debian-12-python.squashfs main.py --request 'POST /items' --body item.json --header 'content-type: application/json'
              rtverify run aleph-debian-12-python.squashfs app/ --serve 127.0.0.1:8000
            """)

    @Argument(help: "The runtime's image.")
    var image: String
    @Argument(help: "The program.")
    var program: String
    @Option(help: ArgumentHelp("Where it begins: main:app, or a file (default: the one there is).", valueName: "name"))
    var entrypoint: String?
    @Option(help: ArgumentHelp("asgi or executable (default: what the entrypoint says).", valueName: "kind"))
    var interface: String?
    @OptionGroup(title: "Requests, in order") var asked: RequestOptions
    @Option(help: ArgumentHelp("Serve the program at a loopback address until Ctrl-C.", valueName: "host:port"))
    var serve: String?
    @OptionGroup(title: "What the program gets") var given: ProgramOptions
    @OptionGroup(title: "As its message has it") var published: MessageOptions
    @OptionGroup(title: "The machine") var machine: MachineOptions
    @OptionGroup(title: "Inputs") var source: SourceOptions
    @OptionGroup var out: OutputOptions

    func validate() throws {
        if let interface, Program.Interface(rawValue: interface) == nil {
            throw ValidationError("--interface is asgi or executable.")
        }
        if let serve { _ = try LoopbackAddress(serve) }
        try asked.check()
    }

    func run() async throws {
        let display = out.display
        try await exiting(display) {
            guard try SmallFile.head(of: image, count: 4) == Array("hsqs".utf8) else { throw NotAnImage(path: image) }
            let copies = try TemporaryFolder()
            defer { copies.remove() }
            let message = try await published.read(source.gateways)
            var setting = ProgramRun.Setting(
                image: image,
                program: try Program(
                    path: program, entrypoint: entrypoint ?? message?.entrypoint,
                    interface: (interface ?? message?.interface).flatMap { .init(rawValue: $0) }))
            try given.apply(to: &setting, copies: copies.path)
            machine.apply(to: &setting)
            if let message {
                // What is proven is what was given: a copy that is written to is of the same bytes.
                try await MessageOptions.apply(message, to: &setting, folder: copies.path)
                try await published.prove(
                    message, image: image, program: program, volumes: setting.volumes, gateways: source.gateways,
                    events: display.report)
            }
            let requests = try asked.requests(isServing: serve != nil)
            let report = try await source.withInputs(display) { inputs in
                try await run(setting, requests, inputs, display)
            }
            display.finish()
            ProgramText.print(report, json: out.json, quiet: out.quiet)
            if !report.isGood { throw ExitCode(1) }
        }
    }

    private func run(
        _ setting: ProgramRun.Setting, _ requests: [ProgramRequest], _ inputs: SourceOptions.Inputs,
        _ display: ProgressDisplay
    ) async throws -> ProgramRun.Report {
        let address = try serve.map { try LoopbackAddress($0) }
        let (machine, isJSON, isQuiet) = (machine, out.json, out.quiet)
        let console = ConsoleLines(isShown: !isQuiet)
        let stop = Stop()
        return try await Interruption.cancelling {
            let work = Task {
                let parts = try await MachineParts(
                    packages: try await NewestPackages(
                        of: .bookworm, store: inputs.store, fetcher: inputs.fetcher, keyrings: []),
                    device: machine.vsockDevice, store: inputs.store, fetcher: inputs.fetcher)
                return try await ProgramRun(setting, events: display.report).run(
                    parts, requests: requests, console: { console.add($0) },
                    body: { _, answer, bytes in ProgramText.print(answer, bytes, hasBody: !isJSON, quiet: isQuiet) },
                    meanwhile: { conversation in
                        guard let address else { return }
                        try await Self.serve(conversation, at: address, until: stop)
                    })
            }
            return try await withTaskCancellationHandler {
                try await work.value
            } onCancel: {
                // A machine that serves is halted; any other ends at once.
                if address == nil || !stop.signal() { work.cancel() }
            }
        }
    }

    private static func serve(
        _ conversation: ProgramRun.Conversation, at address: LoopbackAddress, until stop: Stop
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await HTTPServer.serve(
                    at: .loopback(host: address.host, port: address.port),
                    isListening: { port in
                        printError("serving http://\(address.shown):\(port ?? address.port)/; Ctrl-C ends it")
                    }
                ) { request in
                    let answer = await conversation.answer(request)
                    printError("\(request.method) \(TerminalText.safe(request.target)): \(answer.status)")
                    return answer
                }
            }
            group.addTask { await stop.wait() }
            try await group.next()
            group.cancelAll()
        }
    }
}

/// What Ctrl-C tells a machine that serves.
private final class Stop: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let isWaited = Latch()

    init() { (stream, continuation) = AsyncStream.makeStream() }

    /// Whether somebody waits for it.
    func signal() -> Bool {
        continuation.finish()
        return isWaited.isSet
    }

    func wait() async {
        isWaited.set()
        for await _ in stream {}
    }
}

/// A loopback address with a port.
struct LoopbackAddress: Sendable {
    let host: String
    let port: Int

    /// As it stands in a URL.
    var shown: String { host.contains(":") ? "[\(host)]" : host }

    init(_ text: String) throws {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65535).contains(port)
        else { throw ValidationError("--serve takes an address and a port: 127.0.0.1:8000.") }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard host == "::1" || host == "localhost" || host.wholeMatch(of: #/127\.\d+\.\d+\.\d+/#) != nil else {
            throw ValidationError(
                "--serve takes loopback addresses alone (127.0.0.1, ::1): whoever reaches it runs the program.")
        }
        (self.host, self.port) = (host == "localhost" ? "127.0.0.1" : host, port)
    }
}

/// An image that is none.
struct NotAnImage: Error, CustomStringConvertible {
    var path: String
    var description: String { "\(path) is no squashfs image; build one with `rtverify build`" }
}

import ArgumentParser
import Glibc
import Host
import InputStore
import Mirrors
import PackageResolution
import VirtualMachine

struct Boot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start an image in QEMU and show its serial console.",
        discussion: """
            The image is the machine's read-only root, as on the Aleph network; the kernel is the newest of Debian 12 \
            for virtual machines, verified like a lock's packages. The machine has no network. With --expect the exit \
            status is 0 when the text appears, and 1 when the machine ends or the time is over without it. Without it, \
            this terminal is the console, and Ctrl-A X ends the machine.

            EXAMPLES:
              rtverify boot alpine-minimal.squashfs
              rtverify boot alpine-minimal.squashfs --expect 'init: up' --timeout 120
            """)

    @Argument(help: "The image.")
    var image: String
    @Option(help: ArgumentHelp("Succeed when this appears on the console.", valueName: "text"))
    var expect: String?
    @Option(
        name: .customLong("timeout"),
        help: ArgumentHelp("With --expect: seconds to wait (default: 120).", valueName: "seconds"))
    var patience: Int?
    @Flag(help: "Emulate the processor, where KVM is there too.")
    var emulate = false
    @Option(help: ArgumentHelp("The machine's memory.", valueName: "MiB"))
    var memory = 512
    @Option(help: ArgumentHelp("Where verified inputs are kept (default: ~/.cache/rtverify).", valueName: "dir"))
    var store: String?
    @Option(help: ArgumentHelp("A Debian mirror to try first. May be repeated.", valueName: "url"))
    var mirror: [String] = []
    @OptionGroup var out: OutputOptions

    private struct BootAnswer: Encodable {
        var image: String
        var outcome: String
    }

    func validate() throws {
        if !(64...1_048_576).contains(memory) { throw ValidationError("--memory is from 64 to 1048576 MiB.") }
        if patience != nil, expect == nil { throw ValidationError("--timeout belongs to --expect.") }
        if let patience, patience < 1 { throw ValidationError("--timeout is at least a second.") }
        if expect?.isEmpty == true { throw ValidationError("--expect takes a text.") }
    }

    func run() async throws {
        let display = out.display
        try await exiting(display) {
            guard try SmallFile.head(of: image, count: 4) == Array("hsqs".utf8) else { throw NotAnImage(path: image) }
            let store = try Store(directory: store ?? Store.defaultDirectory(environment: environmentValue))
            let mirrors = MirrorList(
                mirrors: mirror.map { Mirror($0) } + (try UserConfiguration.mirrors(environment: environmentValue))
                    + HostSources.mirrors())
            let fetcher = Fetcher(
                store: store, mirrors: mirrors, environment: environmentValue, events: display.report)
            let isQuiet = out.json || out.quiet
            let result: Result<Machine.Outcome, any Error>
            let (expected, limit) = (expect, expect == nil ? nil : patience ?? 120)
            let machine = Machine(image: image, memory: memory, emulates: emulate, events: display.report)
            do {
                // A signal ends the machine too.
                result = .success(
                    try await Interruption.cancelling {
                        try await machine.run(
                            packages: try await NewestPackages(
                                of: .bookworm, store: store, fetcher: fetcher, keyrings: []),
                            expecting: expected, timeout: limit
                        ) { bytes in
                            if !isQuiet { StandardOutput.write(bytes) }
                        }
                    })
            } catch { result = .failure(error) }
            await fetcher.shutdown()
            let outcome = try result.get()
            display.finish()
            if out.json {
                printLine(JSONText.of(BootAnswer(image: image, outcome: outcome.rawValue)))
            }
            guard let expect, outcome != .found else { return }
            printError(
                outcome == .ended
                    ? "rtverify: the machine ended, and '\(expect)' had not appeared"
                    : "rtverify: '\(expect)' did not appear within \(patience ?? 120) seconds")
            throw ExitCode(1)
        }
    }
}

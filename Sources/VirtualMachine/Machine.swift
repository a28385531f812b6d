import Glibc
import Host
import PackageResolution
import Sandbox
import Subprocess
import Synchronization
import SystemPackage

/// A virtual machine in QEMU whose root is an image, as a supervisor attaches it: read-only, on a virtio disk. It has no
/// network.
public struct Machine: Sendable {
    private let image: String
    private let memory: Int
    private let mayUseKVM: Bool
    private let events: EventSink

    /// How a machine's run came out.
    public enum Outcome: String, Sendable {
        /// The text appeared on the serial console.
        case found
        /// The machine ended by itself, and the text had not appeared.
        case ended
        case timedOut
    }

    /// - Parameters:
    ///   - memory: MiB.
    ///   - emulates: Whether KVM isn't tried.
    public init(image: String, memory: Int, emulates: Bool, events: @escaping EventSink) {
        (self.image, self.memory, self.events) = (image, memory, events)
        mayUseKVM = Self.hasKVM && !emulates
    }

    /// Whether this user may use the processor's own virtual machines here.
    public static var hasKVM: Bool { access("/dev/kvm", R_OK | W_OK) == 0 }

    /// Starts the machine with the newest kernel of Debian 12 for virtual machines.
    /// - Parameters:
    ///   - expected: The text to wait for; nil to let the machine run, with this terminal as its console.
    ///   - timeout: Seconds; nil for no end.
    ///   - console: Gets what the serial console prints.
    /// - Throws: `MachineError`, and what fetching the kernel throws.
    public func run(
        packages: NewestPackages, expecting expected: String?, timeout: Int?,
        console: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
    ) async throws -> Outcome {
        events(.phase(name: "fetch a kernel", total: 0))
        let kernel = try await CloudKernel(from: packages)
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let (kernelPath, initramfsPath) = ("\(folder.path)/vmlinuz", "\(folder.path)/initramfs")
        try AtomicFile.write(kernel.image, to: kernelPath)
        try Initramfs(busybox: kernel.busybox, modules: kernel.modules).write(to: initramfsPath)
        let hasPrinted = Latch()
        let terminal = Terminal()
        defer { terminal.restore() }
        // KVM that is there may still refuse to work, or do nothing, as inside some virtual machines.
        for accelerator: Accelerator in mayUseKVM ? [.kvm, .emulation] : [.emulation] {
            events(.phase(name: "boot with \(accelerator.rawValue)", total: 0))
            let arguments = arguments(accelerator, kernel: kernelPath, initramfs: initramfsPath)
            do {
                return try await start(
                    arguments, expecting: expected, timeout: timeout,
                    patience: accelerator == .kvm ? Self.kvmPatience : nil, hasPrinted, console: console)
            } catch MachineError.program(let lines) where accelerator == .kvm && !hasPrinted.isSet {
                events(.note("KVM doesn't work here (\(lines.first ?? "no reason given")): emulating"))
            } catch MachineError.silent {
                events(.note("KVM doesn't work here (the kernel is silent): emulating"))
            }
        }
        return .ended
    }

    /// Seconds within which a kernel that runs has printed its first line.
    private static let kvmPatience = 15

    private enum Accelerator: String, CaseIterable {
        case kvm = "KVM"
        case emulation = "emulation"

        var options: [String] {
            switch self {
            // arch-capabilities: a register that nested machines are often not given.
            case .kvm: ["-accel", "kvm", "-cpu", "host,-arch-capabilities"]
            case .emulation: ["-accel", "tcg", "-cpu", "max"]
            }
        }
    }

    private func arguments(_ accelerator: Accelerator, kernel: String, initramfs: String) -> [String] {
        // In an option's value QEMU reads two commas as one.
        let disk = Paths.absolute(image).replacing(",", with: ",,")
        return [
            "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-nic", "none", "-sandbox", "on",
            "-machine", "q35", "-smp", "1", "-m", "\(memory)",
            "-kernel", kernel, "-initrd", initramfs, "-append", "console=ttyS0 panic=1",
            "-drive", "file=\(disk),format=raw,if=none,id=root,readonly=on", "-device", "virtio-blk-pci,drive=root",
            "-device", "virtio-rng-pci", "-chardev", "stdio,id=console,signal=off,mux=on", "-serial", "chardev:console",
            "-mon", "chardev=console",
        ] + accelerator.options
    }

    private func start(
        _ arguments: [String], expecting expected: String?, timeout: Int?, patience: Int?, _ hasPrinted: Latch,
        console: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
    ) async throws -> Outcome {
        try await withThrowingTaskGroup(of: Outcome?.self) { group in
            group.addTask {
                try await watch(arguments, expecting: expected) { bytes in
                    hasPrinted.set()
                    console(bytes)
                }
            }
            if let patience {
                group.addTask {
                    try await Task.sleep(for: .seconds(patience))
                    if !hasPrinted.isSet { throw MachineError.silent }
                    return nil
                }
            }
            if let timeout {
                group.addTask {
                    try await Task.sleep(for: .seconds(timeout))
                    return .timedOut
                }
            }
            // Cancelling what watches the machine ends the machine.
            defer { group.cancelAll() }
            while let outcome = try await group.next() { if let outcome { return outcome } }
            return .ended
        }
    }

    private func watch(
        _ arguments: [String], expecting expected: String?,
        console: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
    ) async throws -> Outcome {
        let input: FileDescriptor = expected == nil ? .standardInput : try .open("/dev/null", .readOnly)
        var options = PlatformOptions()
        // QEMU gives the terminal back when it ends by itself.
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(2))]
        let result = try await Subprocess.run(
            .path(FilePath(OwnProgram.link)),
            arguments: Arguments(ProcessReaper.command(["qemu-system-x86_64"] + arguments).map(\.pathArgument)),
            environment: .custom(["PATH": "/usr/local/bin:/usr/bin:/bin"]), platformOptions: options,
            input: .fileDescriptor(input, closeAfterSpawningProcess: expected != nil),
            output: .sequence, error: .string(limit: 1 << 16)
        ) { execution in
            var search = TextSearch(expected)
            for try await part in execution.standardOutput {
                let isFound = part.withUnsafeBytes { bytes in
                    console(bytes)
                    return search.find(in: bytes)
                }
                if isFound {
                    try execution.send(signal: .terminate)
                    return true
                }
            }
            return false
        }
        let isFound = result.takeClosureResult()
        if case .exited(127) = result.terminationStatus { throw MachineError.programMissing }
        if !isFound, !result.terminationStatus.isSuccess {
            throw MachineError.program(result.standardError.split(separator: "\n").map(String.init))
        }
        return isFound ? .found : .ended
    }
}

/// The terminal's settings, which a console's program changes.
private struct Terminal: Sendable {
    private let settings: termios?
    private let flags = fcntl(STDIN_FILENO, F_GETFL)

    init() {
        var settings = termios()
        self.settings = tcgetattr(STDIN_FILENO, &settings) == 0 ? settings : nil
    }

    func restore() {
        guard var settings else { return }
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        _ = fcntl(STDIN_FILENO, F_SETFL, flags)
    }
}

/// Looks for a text in bytes that come in pieces.
private struct TextSearch {
    /// What stands before the command in the line in which the init says that it starts it.
    private static let announcement = Array("init: up; starting: ".utf8)

    private let text: [UInt8]
    /// Whether the text is the init's own.
    private let isOfInit: Bool
    private var last: [UInt8] = []
    /// The beginning of the current line.
    private var head: [UInt8] = []

    init(_ text: String?) {
        self.text = Array((text ?? "").utf8)
        isOfInit = text?.hasPrefix("init: ") == true
    }

    /// The command stands in the init's announcement; that it printed anything doesn't follow.
    private mutating func withoutAnnouncement(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        bytes.filter { byte in
            if byte == 0x0a {
                head = []
                return true
            }
            if head == Self.announcement { return false }
            if head.count < Self.announcement.count { head.append(byte) }
            return true
        }
    }

    mutating func find(in bytes: UnsafeRawBufferPointer) -> Bool {
        if text.isEmpty { return false }
        if isOfInit { last += bytes } else { last += withoutAnnouncement(bytes) }
        if last.firstRange(of: text) != nil { return true }
        last.removeFirst(max(0, last.count - text.count + 1))
        return false
    }
}

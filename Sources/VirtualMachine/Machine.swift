import Glibc
import Host
import PackageResolution
import Synchronization
import SystemPackage

/// A virtual machine in QEMU whose root is an image, as a supervisor attaches it: read-only, on a virtio disk. It has no
/// network.
public struct Machine: Sendable {
    private let image: String
    private let memory: Int
    private let emulates: Bool
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
        self.emulates = emulates
    }

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
        for accelerator in QEMU.accelerators(emulates: emulates) {
            events(.phase(name: "boot with \(accelerator.rawValue)", total: 0))
            let arguments = arguments(accelerator, kernel: kernelPath, initramfs: initramfsPath)
            do {
                return try await start(
                    arguments, expecting: expected, timeout: timeout,
                    patience: accelerator == .kvm ? QEMU.kvmPatience : nil, hasPrinted, console: console)
            } catch {
                guard accelerator == .kvm, let reason = QEMU.refusal(of: error, hasPrinted: hasPrinted.isSet) else {
                    throw error
                }
                events(.note("KVM doesn't work here (\(reason)): emulating"))
            }
        }
        return .ended
    }

    private func arguments(_ accelerator: QEMU.Accelerator, kernel: String, initramfs: String) -> [String] {
        [
            "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-nic", "none", "-sandbox", "on",
            "-machine", "q35", "-smp", "1", "-m", "\(memory)",
            "-kernel", kernel, "-initrd", initramfs, "-append", "console=ttyS0 panic=1",
            "-drive", "file=\(QEMU.quoted(image)),format=raw,if=none,id=root,readonly=on",
            "-device", "virtio-blk-pci,drive=root",
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
        let search = Mutex(TextSearch(expected))
        let result = try await QEMU.run([QEMU.program] + arguments, input: input, closesInput: expected != nil) {
            bytes in
            console(bytes)
            return search.withLock { $0.find(in: bytes) }
        }
        if case .exited(127) = result.status { throw MachineError.programMissing }
        if !result.isEnough, !result.status.isSuccess { throw MachineError.program(result.errors) }
        return result.isEnough ? .found : .ended
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

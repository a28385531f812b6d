import Glibc
import Host
import SystemPackage

/// A machine in which a runtime's agent runs a program, as near to Firecracker's as QEMU has one: a microvm with disks in order
/// on virtio-mmio, one serial port, and a vsock.
public struct ProgramMachine: Sendable {
    /// A disk besides the root.
    public struct Disk: Sendable {
        /// A file of this host.
        public var path: String
        /// Whether the machine writes to it.
        public var isWritable: Bool

        /// - Parameter path: A file of this host.
        public init(path: String, isWritable: Bool) { (self.path, self.isWritable) = (path, isWritable) }
    }

    private let image: String
    private let disks: [Disk]
    private let memory: Int
    private let hasNetwork: Bool
    private let emulates: Bool
    private let events: EventSink

    /// - Parameters:
    ///   - disks: In order: the first is vdb.
    ///   - memory: MiB.
    ///   - hasNetwork: Whether it reaches what this host reaches, this host's loopback with it.
    ///   - emulates: Whether KVM isn't tried.
    public init(
        image: String, disks: [Disk], memory: Int, hasNetwork: Bool, emulates: Bool, events: @escaping EventSink
    ) {
        (self.image, self.disks, self.memory, self.hasNetwork) = (image, disks, memory, hasNetwork)
        (self.emulates, self.events) = (emulates, events)
    }

    /// The addresses of QEMU's user network, as a configuration says them.
    public static let network = (address: "10.0.2.15/24", route: "10.0.2.2", nameServer: "10.0.2.3")

    /// What a body is given.
    public struct Session: Sendable {
        /// How the agent is talked to.
        public let supervisor: Supervisor
        /// What the machine is made of.
        public let parts: [MachineParts.Part]
        /// Whether the processor runs it, or an emulation.
        public let usesKVM: Bool
        /// When it was started.
        public let start: ContinuousClock.Instant
    }

    /// Starts the machine and gives `body` its supervisor; the machine ends with the body, and nothing outlives this process.
    /// - Parameters:
    ///   - console: Gets what the serial console prints.
    ///   - body: May still run for three seconds when the machine has ended; in the first, connections to it are still open.
    /// - Throws: `MachineError`, and what the body throws.
    public func run<Value: Sendable>(
        _ parts: MachineParts, console: @escaping @Sendable (UnsafeRawBufferPointer) -> Void,
        body: @escaping @Sendable (Session) async throws -> Value
    ) async throws -> Value {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let files = try parts.write(to: folder.path)
        for accelerator in QEMU.accelerators(emulates: emulates) {
            events(.phase(name: "boot with \(accelerator.rawValue)", total: 0))
            do {
                return try await run(files, "\(folder.path)/\(accelerator)", accelerator, console: console, body: body)
            } catch {
                guard accelerator == .kvm, let reason = QEMU.refusal(of: error, hasPrinted: false) else { throw error }
                events(.note("KVM doesn't work here (\(reason)): emulating"))
            }
        }
        throw MachineError.silent
    }

    private enum Step<Value: Sendable>: Sendable {
        case value(Value)
        case machineEnded([String])
        case late
    }

    private func run<Value: Sendable>(
        _ files: MachineParts.Files, _ folder: String, _ accelerator: QEMU.Accelerator,
        console: @escaping @Sendable (UnsafeRawBufferPointer) -> Void,
        body: @escaping @Sendable (Session) async throws -> Value
    ) async throws -> Value {
        guard mkdir(folder, 0o700) == 0 else { throw SystemError("cannot create \(folder)", errno) }
        let supervisor = try Supervisor(socket: "\(folder)/v.sock")
        let (tail, hasPrinted) = (ConsoleTail(), Latch())
        let session = Session(supervisor: supervisor, parts: files.parts, usesKVM: accelerator == .kvm, start: .now)
        return try await withThrowingTaskGroup(of: Step<Value>?.self) { group in
            defer { group.cancelAll() }
            let device = Device(files.device, folder: folder)
            group.addTask {
                try await device.run()
                return nil
            }
            try await Self.wait(for: device.socket)
            let arguments = [QEMU.program] + arguments(files, device: device.socket, accelerator)
            group.addTask {
                let errors = try await Self.watch(arguments) { bytes in
                    hasPrinted.set()
                    tail.add(bytes)
                    console(bytes)
                }
                return .machineEnded(errors)
            }
            if accelerator == .kvm {
                group.addTask {
                    try await Task.sleep(for: .seconds(QEMU.kvmPatience))
                    if !hasPrinted.isSet { throw MachineError.silent }
                    return nil
                }
            }
            group.addTask {
                // QEMU ends within a moment of the kernel's last word, unless it and the device wait for each other.
                try await tail.lastWord(lasting: .seconds(5))
                device.end()
                return nil
            }
            group.addTask { .value(try await body(session)) }
            var (errors, value): ([String]?, Value?) = (nil, nil)
            while let step = try await group.next() {
                switch step {
                case .value(let found):
                    value = found
                    if errors != nil { return found }
                    // A machine that was halted ends by itself, and its console's last lines with it.
                    group.addTask { try await Self.late() }
                case .machineEnded(let lines):
                    if let value { return value }
                    errors = lines
                    // What it said last may still be on its way to the body; a connection that it left open ends with the device.
                    group.addTask {
                        try await Task.sleep(for: .seconds(1))
                        device.end()
                        return try await Self.late()
                    }
                case .late:
                    if let value { return value }
                    if !hasPrinted.isSet, let errors, !errors.isEmpty { throw MachineError.program(errors) }
                    throw MachineError.ended(tail.lines)
                case nil: continue
                }
            }
            throw MachineError.ended(tail.lines)
        }
    }

    private static func late<Value: Sendable>() async throws -> Step<Value>? {
        try await Task.sleep(for: .seconds(2))
        return .late
    }

    /// The other end of the machine's vsock, which outlives the machine unless it is ended.
    private final class Device: Sendable {
        /// Where QEMU finds it.
        let socket: String
        private let task: Task<[String], any Error>
        private let isOver = Latch()

        init(_ program: String, folder: String) {
            let socket = "\(folder)/d.sock"
            self.socket = socket
            task = Task {
                try await ProgramMachine.watch(
                    [program, "--guest-cid", "3", "--socket", socket, "--uds-path", "\(folder)/v.sock"]
                ) { _ in }
            }
        }

        /// Returns when it was ended.
        /// - Throws: `MachineError.device` where it ended by itself.
        func run() async throws {
            do {
                let lines = try await withTaskCancellationHandler {
                    try await task.value
                } onCancel: {
                    task.cancel()
                }
                try Task.checkCancellation()
                if !isOver.isSet { throw MachineError.device("it ended: \(lines.last ?? "it said nothing")") }
            } catch  where isOver.isSet {
            }
        }

        func end() {
            isOver.set()
            task.cancel()
        }
    }

    private static func wait(for path: String) async throws {
        for _ in 0..<500 {
            if access(path, F_OK) == 0 { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw MachineError.device("it did not start within 5 seconds")
    }

    private func arguments(_ files: MachineParts.Files, device: String, _ accelerator: QEMU.Accelerator) -> [String] {
        var arguments = [
            "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-sandbox", "on",
            "-machine", "microvm,memory-backend=mem,acpi=on", "-smp", "1", "-m", "\(memory)",
            "-object", "memory-backend-memfd,id=mem,size=\(memory)M,share=on",
            "-kernel", files.kernel, "-initrd", files.initramfs,
            "-append",
            "console=ttyS0 reboot=k panic=1 quiet random.trust_cpu=on" + (accelerator == .kvm ? "" : QEMU.timeStamps),
            "-chardev", "socket,id=vsock,path=\(QEMU.quoted(device))",
            "-device", "vhost-user-vsock-device,chardev=vsock", "-device", "virtio-rng-device",
            "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
        ]
        for (index, disk) in ([Disk(path: image, isWritable: false)] + disks).enumerated() {
            let mode = disk.isWritable ? "off" : "on"
            arguments += [
                "-drive", "file=\(QEMU.quoted(disk.path)),format=raw,if=none,id=disk\(index),readonly=\(mode)",
                "-device", "virtio-blk-device,drive=disk\(index)",
            ]
        }
        arguments +=
            hasNetwork ? ["-netdev", "user,id=net", "-device", "virtio-net-device,netdev=net"] : ["-nic", "none"]
        return arguments + accelerator.options
    }

    /// Has a program run to its end.
    /// - Returns: What it said on standard error.
    fileprivate static func watch(
        _ command: [String], output: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
    ) async throws -> [String] {
        let result = try await QEMU.run(command, input: .open("/dev/null", .readOnly), closesInput: true) {
            output($0)
            return false
        }
        if case .exited(127) = result.status {
            throw command[0] == QEMU.program ? MachineError.programMissing : MachineError.device("it can't be started")
        }
        return result.errors
    }
}

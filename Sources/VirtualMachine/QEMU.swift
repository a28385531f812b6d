import CLinux
import Glibc
import Host
import Sandbox
import Subprocess
import SystemPackage

/// What every machine here has of QEMU: how the processor is run, how paths are spelt, how its processes end with this one.
enum QEMU {
    static let program = "qemu-system-x86_64"

    /// Who runs the machine's processor.
    enum Accelerator: String {
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

    /// Whether this user may use the processor's own virtual machines here.
    static var hasKVM: Bool { access("/dev/kvm", R_OK | W_OK) == 0 }

    /// Whether KVM has been tried by this process and did nothing: then nobody waits for it again.
    static let isKVMSilent = Latch()

    /// Seconds within which a kernel that KVM runs has printed its first line.
    static let kvmPatience = 15

    /// Those to try, in order. KVM that is there may still refuse to work, or do nothing, as inside some virtual machines.
    static func accelerators(emulates: Bool) -> [Accelerator] {
        hasKVM && !emulates && !isKVMSilent.isSet ? [.kvm, .emulation] : [.emulation]
    }

    /// Why KVM is given up for emulation; nil where an error is none of KVM's.
    /// - Parameter hasPrinted: Whether the kernel ran.
    static func refusal(of error: any Error, hasPrinted: Bool) -> String? {
        switch error {
        case MachineError.silent:
            isKVMSilent.set()
            return "the kernel is silent"
        case MachineError.program(let lines): return hasPrinted ? nil : lines.first ?? "no reason given"
        default: return nil
        }
    }

    /// A path in an option's value, in which QEMU reads two commas as one.
    static func quoted(_ path: String) -> String { Paths.absolute(path).replacing(",", with: ",,") }

    /// How fast this host's time stamps run, which an emulated machine sees as its own. A microvm has nothing but its timer chip
    /// to measure them by: on a busy host that fails now and then (once in some ten boots, when it was tried), and then the kernel
    /// waits for ever.
    static let timeStamps: String = {
        let frequency = rtv_time_stamp_khz()
        return frequency == 0 ? "" : " tsc_early_khz=\(frequency)"
    }()

    /// Has a program run that ends with this process, or with the task.
    /// - Parameters:
    ///   - input: What it reads; closed when it has been started where that is asked for.
    ///   - output: Gets what it prints; says whether that is enough, and the program to be ended.
    /// - Returns: Whether it was enough; its status, and what it said on standard error.
    static func run(
        _ command: [String], input: FileDescriptor, closesInput: Bool,
        output: @escaping @Sendable (UnsafeRawBufferPointer) -> Bool
    ) async throws -> (isEnough: Bool, status: TerminationStatus, errors: [String]) {
        var options = PlatformOptions()
        // QEMU gives the terminal back when it ends by itself.
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(2))]
        let result = try await Subprocess.run(
            .path(FilePath(OwnProgram.link)),
            arguments: Arguments(ProcessReaper.command(command).map(\.pathArgument)),
            environment: .custom(["PATH": "/usr/local/bin:/usr/bin:/bin"]), platformOptions: options,
            input: .fileDescriptor(input, closeAfterSpawningProcess: closesInput),
            output: .sequence, error: .string(limit: 1 << 16)
        ) { execution in
            for try await part in execution.standardOutput where part.withUnsafeBytes(output) {
                try execution.send(signal: .terminate)
                return true
            }
            return false
        }
        let errors = result.standardError.split(separator: "\n").map(String.init)
        return (result.takeClosureResult(), result.terminationStatus, errors)
    }
}

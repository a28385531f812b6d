import ArgumentParser
import Glibc
import Host
import VirtualMachine

/// What a program is given besides requests.
struct ProgramOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A variable of the program's. May be repeated.", valueName: "name=value"))
    var variable: [String] = []
    @Option(
        help: ArgumentHelp(
            "A volume, read-only; :rw writes to a copy, :rw! to the image itself. May be repeated.",
            valueName: "image:mount[:rw]"))
    var volume: [String] = []
    @Option(help: ArgumentHelp("A zip archive that is unpacked into /data.", valueName: "file"))
    var data: String?

    func validate() throws {
        for text in variable where !text.contains("=") || text.hasPrefix("=") {
            throw ValidationError("--variable takes NAME=VALUE, and not '\(text)'.")
        }
        if volume.count > ProgramRun.mostVolumes {
            throw ValidationError("A machine takes \(ProgramRun.mostVolumes) volumes.")
        }
        for text in volume { _ = try Self.parts(text) }
    }

    /// `IMAGE:MOUNT`, with `:rw` or `:rw!`.
    private static func parts(_ text: String) throws -> (path: String, mount: String, mode: String) {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let mode = ["rw", "rw!", "ro"].contains(parts.last ?? "") ? parts.removeLast() : "ro"
        guard parts.count >= 2, let mount = parts.popLast(), mount.hasPrefix("/"), mount.count > 1 else {
            throw ValidationError(
                "--volume takes IMAGE:MOUNT, and not '\(text)': MOUNT is an absolute path in the machine.")
        }
        return (parts.joined(separator: ":"), mount, mode)
    }

    /// - Parameter copies: A folder for copies of volumes that are written to.
    func apply(to setting: inout ProgramRun.Setting, copies: String) throws {
        setting.variables = variable.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return (parts[0], parts[1])
        }
        for (index, text) in volume.enumerated() {
            let (path, mount, mode) = try Self.parts(text)
            // Asked for here, so that a wrong path is told by its name and not by QEMU.
            _ = try SmallFile.head(of: path, count: 4)
            var used = path
            if mode == "rw" {
                used = "\(copies)/volume-\(index)"
                try AtomicFile.copy(path, to: used)
            }
            setting.volumes.append(.init(path: used, mount: mount, isWritable: mode != "ro"))
        }
        setting.data = try data.map { try SmallFile.bytes($0, limit: Program.largestCode) }
    }
}

/// The machine that a program runs in.
struct MachineOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The machine's memory.", valueName: "MiB"))
    var memory = 512
    @Flag(
        help:
            "Give it a network by which it reaches what this host reaches, and with that the services on this host's loopback."
    )
    var network = false
    @Flag(help: "Emulate the processor, where KVM is there too.")
    var emulate = false
    @Option(
        help: ArgumentHelp(
            "Seconds until the machine says that it is ready, and then until the program has started.",
            valueName: "seconds"))
    var bootTimeout = 120
    @Option(help: ArgumentHelp("Seconds for each request.", valueName: "seconds"))
    var requestTimeout = 60
    @Option(
        help: ArgumentHelp("This host's own vhost-device-vsock (default: Debian's, fetched).", valueName: "program"))
    var vsockDevice: String?

    func validate() throws {
        if !(64...1_048_576).contains(memory) { throw ValidationError("--memory is from 64 to 1048576 MiB.") }
        for seconds in [bootTimeout, requestTimeout] where !(1...86_400).contains(seconds) {
            throw ValidationError("--boot-timeout and --request-timeout are from 1 to 86400 seconds.")
        }
    }

    func apply(to setting: inout ProgramRun.Setting) {
        (setting.memory, setting.hasNetwork, setting.emulates) = (memory, network, emulate)
        (setting.bootTimeout, setting.timeout) = (bootTimeout, requestTimeout)
    }
}

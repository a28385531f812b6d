/// Why a machine can't be started.
public enum MachineError: Error, CustomStringConvertible {
    case initramfs(String)
    case kernel(String)
    case programMissing
    /// A socket's path that is longer than sockets can have.
    case socketPath(String)
    /// The vsock device can't be had, or doesn't start.
    case device(String)
    /// The machine ended, with the last lines of its console.
    case ended([String])
    /// The kernel printed nothing.
    case silent
    /// QEMU failed, with what it said.
    case program([String])

    /// For people.
    public var description: String {
        switch self {
        case .initramfs(let reason): "the initramfs can't be written: \(reason)"
        case .kernel(let reason): "the kernel can't be used: \(reason)"
        case .program(let lines): "qemu-system-x86_64 failed:\n" + lines.map { "  \($0)\n" }.joined()
        case .socketPath(let path):
            "\(path) is too long for a socket's path (108 bytes); set TMPDIR to a shorter folder"
        case .device(let reason): "vhost-device-vsock: \(reason)"
        case .ended(let lines): "the machine ended; its console's last lines:\n" + lines.map { "  \($0)\n" }.joined()
        case .silent: "the kernel printed nothing"
        case .programMissing:
            "qemu-system-x86_64 is not installed; run: apt-get install --no-install-recommends qemu-system-x86"
        }
    }
}

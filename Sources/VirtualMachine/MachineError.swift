/// Why a machine can't be started.
public enum MachineError: Error, CustomStringConvertible {
    case initramfs(String)
    case kernel(String)
    case programMissing
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
        case .silent: "the kernel printed nothing"
        case .programMissing:
            "qemu-system-x86_64 is not installed; run: apt-get install --no-install-recommends qemu-system-x86"
        }
    }
}

import Archives

/// The kernel's first root: a cpio archive (https://docs.kernel.org/driver-api/early-userspace/buffer-format.html).
package struct Initramfs {
    private var files: [(path: String, mode: UInt32, bytes: [UInt8])] = []

    /// - Parameters:
    ///   - busybox: A static busybox.
    ///   - modules: Kernel modules in the order in which they are loaded.
    package init(busybox: [UInt8], modules: [[UInt8]]) {
        files.append(("init", 0o755, PackageResources.initramfs_sh))
        files.append(("bin/busybox", 0o755, busybox))
        for (index, module) in modules.enumerated() {
            let number = String(index)
            files.append(("modules/\(String(repeating: "0", count: 3 - number.count))\(number).ko", 0o644, module))
        }
    }

    private static let folders = ["bin", "dev", "modules", "proc", "root", "sys"]

    /// Writes the archive.
    package func write(to path: String) throws {
        do {
            let writer = try ArchiveWriter(path: path, format: .cpio)
            for folder in Self.folders { try writer.add(folder, mode: 0o755, .folder) }
            for file in files { try writer.add(file.path, mode: file.mode, .file(file.bytes)) }
            try writer.finish()
        } catch let error as ArchiveError { throw MachineError.initramfs(error.reason) }
    }
}

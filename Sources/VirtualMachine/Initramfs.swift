import Host
import CArchive
import InputStore

/// The kernel's first root: a cpio archive (https://docs.kernel.org/driver-api/early-userspace/buffer-format.html).
struct Initramfs {
    private var files: [(path: String, mode: UInt32, bytes: [UInt8])] = []

    /// - Parameters:
    ///   - busybox: A static busybox.
    ///   - modules: Kernel modules in the order in which they are loaded.
    init(busybox: [UInt8], modules: [[UInt8]]) {
        files.append(("init", 0o755, PackageResources.initramfs_sh))
        files.append(("bin/busybox", 0o755, busybox))
        for (index, module) in modules.enumerated() {
            let number = String(index)
            files.append(("modules/\(String(repeating: "0", count: 3 - number.count))\(number).ko", 0o644, module))
        }
    }

    private static let folders = ["bin", "dev", "modules", "proc", "root", "sys"]

    /// Writes the archive.
    func write(to path: String) throws {
        guard let archive = archive_write_new() else { throw MachineError.initramfs("out of memory") }
        defer { archive_write_free(archive) }
        archive_write_set_format_cpio_newc(archive)
        guard path.withPath({ archive_write_open_filename(archive, $0) }) == ARCHIVE_OK else {
            throw Self.failure(archive)
        }
        for folder in Self.folders { try Self.add(archive, folder, mode: 0o755, isFolder: true, []) }
        for file in files { try Self.add(archive, file.path, mode: file.mode, isFolder: false, file.bytes) }
        guard archive_write_close(archive) == ARCHIVE_OK else { throw Self.failure(archive) }
    }

    private static func add(
        _ archive: OpaquePointer, _ path: String, mode: UInt32, isFolder: Bool, _ bytes: [UInt8]
    ) throws {
        guard let entry = archive_entry_new() else { throw failure(archive) }
        defer { archive_entry_free(entry) }
        archive_entry_set_pathname(entry, path)
        archive_entry_set_filetype(entry, isFolder ? 0o040000 : 0o100000)
        archive_entry_set_perm(entry, mode)
        archive_entry_set_size(entry, Int64(bytes.count))
        guard archive_write_header(archive, entry) == ARCHIVE_OK else { throw failure(archive) }
        let written = bytes.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
        guard written == bytes.count else { throw failure(archive) }
    }

    private static func failure(_ archive: OpaquePointer) -> MachineError {
        .initramfs(archive_error_string(archive).map { String(cString: $0) } ?? "unknown error")
    }
}

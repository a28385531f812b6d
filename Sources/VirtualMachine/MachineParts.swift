import ContentHash
import Glibc
import Host
import InputStore
import Mirrors
import PackageResolution

/// What a machine is made of besides its image: kernel, first root, and the vsock's other end.
public struct MachineParts: Sendable {
    /// One of them, for whoever wants to know what a result rests on.
    public struct Part: Codable, Sendable {
        /// `kernel`, `initramfs` or `vsock-device`.
        public let name: String
        /// Where it is from.
        public let source: String
        /// Of its bytes.
        public let sha256: Digest
    }

    let kernel: CloudKernel
    /// The vsock device's program: its bytes, or where it is on this host.
    let device: (bytes: [UInt8]?, path: String)

    /// Fetches and verifies them.
    /// - Parameter device: A vhost-device-vsock of this host's own; nil for the one of the table.
    public init(packages: NewestPackages, device: String?, store: Store, fetcher: Fetcher) async throws {
        kernel = try await CloudKernel(from: packages)
        if let device {
            self.device = (nil, Paths.absolute(device))
        } else {
            self.device = (try await VsockDevice.program(store: store, fetcher: fetcher), "vhost-device-vsock")
        }
    }

    /// Their files in a folder.
    struct Files {
        var kernel: String
        var initramfs: String
        var device: String
        var parts: [Part]
    }

    func write(to folder: String) throws -> Files {
        var files = Files(
            kernel: "\(folder)/vmlinuz", initramfs: "\(folder)/initramfs", device: device.path, parts: [])
        try AtomicFile.write(kernel.image, to: files.kernel)
        try Initramfs(busybox: kernel.busybox, modules: kernel.modules).write(to: files.initramfs)
        if let bytes = device.bytes {
            files.device = "\(folder)/vhost-device-vsock"
            try AtomicFile.write(bytes, to: files.device)
            guard files.device.withPath({ chmod($0, 0o755) }) == 0 else {
                throw SystemError("cannot make \(files.device) executable", errno)
            }
        }
        let found = [
            ("kernel", kernel.name, files.kernel), ("initramfs", "of it and busybox-static", files.initramfs),
            ("vsock-device", device.path, files.device),
        ]
        files.parts = try found.map { name, source, path in
            Part(name: name, source: source, sha256: .of(try SmallFile.bytes(path, limit: 1 << 30)))
        }
        return files
    }
}

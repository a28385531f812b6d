import PackageResolution

/// Debian's kernel for virtual machines, with the modules that a squashfs root on a virtio disk takes.
struct CloudKernel {
    /// The bzImage.
    let image: [UInt8]
    /// Modules in the order in which they are loaded.
    let modules: [[UInt8]]
    let busybox: [UInt8]
    /// The package that it is from.
    let name: String

    /// A disk, the image's file system, and the layer that an init puts over it; what a program's volumes and its talk with the
    /// host need.
    private static let needed = [
        "virtio_pci", "virtio_mmio", "virtio_blk", "squashfs", "overlay", "ext4", "vmw_vsock_virtio_transport",
        "virtio_net",
    ]

    init(from packages: NewestPackages) async throws {
        let name = try packages.dependency(of: "linux-image-cloud-amd64", prefix: "linux-image-")
        var image: [UInt8]?
        var modules: [String: [UInt8]] = [:]
        for (path, bytes) in try await packages.files(
            of: name, where: { $0.contains("/vmlinuz-") || $0.hasSuffix(".ko") })
        {
            let file = path.split(separator: "/").last ?? ""
            if file.hasPrefix("vmlinuz-") { image = bytes } else { modules[Self.module(file.dropLast(3))] = bytes }
        }
        guard let image else { throw MachineError.kernel("\(name) holds no vmlinuz") }
        let busybox = try await packages.files(of: "busybox-static", where: { $0.hasSuffix("bin/busybox") })
        guard let program = busybox.first else { throw MachineError.kernel("busybox-static holds no busybox") }
        (self.image, self.busybox, self.name) = (image, program.bytes, name)
        var ordered: [String] = []
        func add(_ name: String) {
            // What isn't a module is in the kernel itself.
            guard let bytes = modules[name], !ordered.contains(name) else { return }
            for other in Self.dependencies(bytes) { add(other) }
            if !ordered.contains(name) { ordered.append(name) }
        }
        for name in Self.needed { add(name) }
        self.modules = ordered.compactMap { modules[$0] }
    }

    /// A module's name: dashes in a file's name are underscores.
    private static func module(_ name: Substring) -> String { String(name).replacing("-", with: "_") }

    /// `depends=a,b` in a module's .modinfo section.
    private static func dependencies(_ module: [UInt8]) -> [String] {
        let key = Array("depends=".utf8)
        var start = 0
        while let index = module[start...].firstIndex(of: key[0]) {
            if module[index...].starts(with: key), index > 0, module[index - 1] == 0 {
                let text = String(decoding: module[(index + key.count)...].prefix { $0 != 0 }, as: UTF8.self)
                return text.split(separator: ",").map { self.module($0) }
            }
            start = index + 1
        }
        return []
    }
}

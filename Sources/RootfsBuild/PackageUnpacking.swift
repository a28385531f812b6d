import RuntimeSpec
import Sandbox

/// Unpacks packages in their order into a root whose Essential closure is set up: without dpkg, which works on one processor, where
/// what it would do is known, and with it where not. What comes out is the same, to the byte.
struct PackageUnpacking {
    private let root: Root
    private let dpkg: Dpkg
    /// Those that are unpacked.
    private var present: [PreparedPackage] = []

    /// - Parameter root: What `dpkg` runs in.
    init(root: Root, dpkg: Dpkg) { (self.root, self.dpkg) = (root, dpkg) }

    /// What was unpacked otherwise.
    mutating func note(_ packages: [PreparedPackage]) { present += packages }

    /// Unpacks prepared packages, in this order.
    mutating func unpack(_ packages: [PreparedPackage]) async throws {
        var run: [PreparedPackage] = []
        var odd: [PreparedPackage] = []
        for package in packages {
            var isForDpkg = package.isOdd || present.contains(where: package.isInConflict)
            if !isForDpkg, package.hasScript { isForDpkg = try await !canPlace(package, after: run) }
            if isForDpkg || package.hasScript {
                try await place(run)
                run = []
            }
            if isForDpkg {
                odd.append(package)
            } else {
                try await unpackByDpkg(odd)
                odd = []
                if package.hasScript { try await runScript(of: package) }
                run.append(package)
            }
            present.append(package)
        }
        try await place(run)
        try await unpackByDpkg(odd)
    }

    private func unpackByDpkg(_ packages: [PreparedPackage]) async throws {
        try await dpkg.unpack(packages.map(\.package), options: [])
    }

    /// Whether nothing is in the way of a package whose script is still to run.
    private func canPlace(_ package: PreparedPackage, after run: [PreparedPackage]) async throws -> Bool {
        let names = (run + [package]).map(\.package.name)
        return try await number(.examine(names)) == names.count
    }

    /// What a script is told (dpkg(1), "Internal environment").
    private func runScript(of package: PreparedPackage) async throws {
        try await root.perform([.showControl(package.package.name)])
        var root = root
        root.entry.variables += [
            "DPKG_MAINTSCRIPT_PACKAGE=\(package.package.name)", "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1",
            "DPKG_MAINTSCRIPT_ARCH=\(package.package.architecture)", "DPKG_MAINTSCRIPT_NAME=preinst",
            "DPKG_MAINTSCRIPT_DEBUG=0", "DPKG_RUNNING_VERSION=\(dpkgVersion)", "DPKG_ADMINDIR=/var/lib/dpkg", "DPKG_ROOT=",
        ]
        try await root.run("the preinst of \(package.package.name)", ["\(Root.controlFolder)/preinst", "install"])
        try await root.perform([.remove(Root.controlFolder)])
    }

    private var dpkgVersion: String { present.first { $0.package.name == "dpkg" }?.package.version ?? "" }

    private func place(_ packages: [PreparedPackage]) async throws {
        var rest = packages[...]
        while !rest.isEmpty {
            let count = try await number(.unpack(rest.map(\.package.name)))
            dpkg.progress.add(count)
            rest = rest.dropFirst(count)
            guard let refused = rest.popFirst() else { return }
            try await unpackByDpkg([refused])
        }
    }

    private func number(_ task: ChrootTask) async throws -> Int {
        guard let count = try await root.perform([task]).first.flatMap({ Int($0) }) else {
            throw SandboxError.ended("unpacking ended without an answer")
        }
        return count
    }
}

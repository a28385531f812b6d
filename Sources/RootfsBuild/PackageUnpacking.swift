import RuntimeSpec
import Sandbox

/// Unpacks packages in their order into a root whose Essential closure is set up: without dpkg, which works on one processor, where
/// what it would do is known, and with it where not. What comes out is the same, to the byte.
struct PackageUnpacking {
    private let root: Root
    private let dpkg: Dpkg
    private let isByDpkg: Bool
    /// Those that are unpacked.
    private var present: [PreparedPackage] = []
    /// What scripts are told of dpkg.
    private var names: (version: String, forced: String)?
    /// Whether triggers wait that dpkg would have processed at the end of its run.
    private var hasTriggers = false

    /// - Parameters:
    ///   - root: What `dpkg` runs in.
    ///   - isByDpkg: Whether it has all to do.
    init(root: Root, dpkg: Dpkg, isByDpkg: Bool) { (self.root, self.dpkg, self.isByDpkg) = (root, dpkg, isByDpkg) }

    /// Packages that are put in place at once: each is an open file.
    private static let most = 400

    /// What was unpacked otherwise.
    mutating func note(_ packages: [PreparedPackage]) { present += packages }

    /// Unpacks prepared packages, in this order.
    mutating func unpack(_ packages: [PreparedPackage]) async throws {
        if isByDpkg { return try await dpkg.unpack(packages.map(\.package), options: []) }
        var run: [PreparedPackage] = []
        var odd: [PreparedPackage] = []
        for package in packages {
            let isOdd = package.isOdd || present.contains(where: package.isInConflict)
            // Either waits, never both: the order stays.
            if isOdd || package.hasScript || run.count == Self.most {
                try await place(run)
                run = []
            }
            if !isOdd {
                try await unpackByDpkg(odd)
                odd = []
            }
            var isForDpkg = isOdd
            if !isOdd, package.hasScript { isForDpkg = try await !canPlace(package) }
            if isForDpkg {
                odd.append(package)
            } else {
                if package.hasScript { try await runScript(of: package) }
                run.append(package)
            }
            present.append(package)
        }
        try await place(run)
        try await unpackByDpkg(odd)
        if hasTriggers { try await dpkg.processTriggers() }
        hasTriggers = false
    }

    /// Triggers are processed when all packages of a call are unpacked, as when dpkg gets them all at once.
    private mutating func unpackByDpkg(_ packages: [PreparedPackage]) async throws {
        if packages.isEmpty { return }
        try await dpkg.unpack(packages.map(\.package), options: ["--no-triggers"])
        hasTriggers = true
    }

    /// Whether nothing is in the way of a package whose script is still to run.
    private func canPlace(_ package: PreparedPackage) async throws -> Bool {
        try await answer(.examine([package.package.name])).count == 1
    }

    /// What a script is told (dpkg(1), "Internal environment").
    private mutating func runScript(of package: PreparedPackage) async throws {
        if names == nil { names = try await dpkg.ownNames() }
        try await root.perform([.showControl(package.package.name)])
        var root = root
        root.entry.variables += [
            "DPKG_MAINTSCRIPT_PACKAGE=\(package.package.name)", "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1",
            "DPKG_MAINTSCRIPT_ARCH=\(package.package.architecture)", "DPKG_MAINTSCRIPT_NAME=preinst",
            "DPKG_MAINTSCRIPT_DEBUG=0", "DPKG_RUNNING_VERSION=\(names?.version ?? "")", "DPKG_ADMINDIR=/var/lib/dpkg",
            "DPKG_ROOT=",
            "DPKG_FORCE=\(names?.forced ?? "")",
        ]
        try await root.run("the preinst of \(package.package.name)", ["\(Root.controlFolder)/preinst", "install"])
        try await root.perform([.remove(Root.controlFolder)])
    }

    private mutating func place(_ packages: [PreparedPackage]) async throws {
        var rest = packages[...]
        while !rest.isEmpty {
            let (count, isHeard) = try await answer(.unpack(rest.map(\.package.name)))
            hasTriggers = hasTriggers || isHeard
            dpkg.progress.add(count)
            rest = rest.dropFirst(count)
            guard let refused = rest.popFirst() else { return }
            try await unpackByDpkg([refused])
        }
    }

    private func answer(_ task: ChrootTask) async throws -> (count: Int, isHeard: Bool) {
        let words = try await root.perform([task]).first?.split(separator: " ") ?? []
        guard let count = words.first.flatMap({ Int($0) }) else {
            throw SandboxError.ended("unpacking ended without an answer")
        }
        return (count, words.contains("heard"))
    }
}

import Glibc
import Host
import InputStore
import RuntimeSpec

extension Root {
    /// /usr is merged from the start, as debootstrap does it for amd64: no package has to move anything.
    public func makeBase() throws {
        let links = ShippedFile.mergedFolders
        for folder in ["usr"] + links.map({ "usr/\($0)" }) + [String(Self.privateFolder.dropFirst())] {
            try SystemFolders.makeFolder("\(path)/\(folder)")
        }
        for link in links {
            guard symlink("usr/\(link)", "\(path)/\(link)") == 0 else {
                throw SystemError("cannot create \(path)/\(link)", errno)
            }
        }
    }

    /// Unpacks packages into a fresh root, without running anything of them, and mounts what its programs need.
    /// - Parameter jobs: How many packages are decompressed at once.
    public func fill(with packages: [Lockfile.Package], from store: Store, jobs: Int) async throws {
        try makeBase()
        _ = try await repack(packages, from: store, jobs: jobs)
        try await perform([.extract(packages.map(\.name)), .remove(Self.privateFolder)])
        try SystemFolders.mount(in: path)
    }

    /// Unpacks a whole system's tar archive, and mounts what its programs need.
    public func fill(withTarball tarball: Lockfile.Input, from store: Store) async throws {
        events(.phase(name: "unpack \(tarball.path.split(separator: "/").last ?? "")", total: 0))
        let archive = "\(Self.privateFolder)/base.tar"
        try SystemFolders.makeFolder(privatePath)
        try store.copy(tarball, to: path(of: archive), name: tarball.path)
        // With whatever the tarball itself has there: a link in it would lead this process out of the root.
        try await perform([.extractTarball(archive), .remove(Self.privateFolder)])
        try SystemFolders.mount(in: path)
    }

    /// Puts packages into the private folder, each as `NAME.deb` with members that aren't compressed.
    public func repack(
        _ packages: [Lockfile.Package], from store: Store, jobs: Int
    ) async throws -> [PreparedPackage] {
        let folder = privatePath
        return try await Self.inParallel(packages, jobs: jobs) { package in
            try RepackedDeb(
                package: package, source: store.path(of: package.file.sha256), target: "\(folder)/\(package.name).deb"
            ).write()
        }
    }

    /// Blocking work on each package, as many at once as there are jobs; the results in the packages' order.
    private static func inParallel<Value: Sendable>(
        _ packages: [Lockfile.Package], jobs: Int, _ work: @escaping @Sendable (Lockfile.Package) throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: (Int, Value).self) { group in
            var rest = packages.enumerated().makeIterator()
            func startNext() {
                guard let (index, package) = rest.next() else { return }
                group.addTask { (index, try await onThread { try work(package) }) }
            }
            for _ in 0..<max(1, jobs) { startNext() }
            var values: [(Int, Value)] = []
            while let value = try await group.next() {
                values.append(value)
                startNext()
            }
            return values.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

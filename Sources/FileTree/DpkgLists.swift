import Host

/// dpkg's lists of files (var/lib/dpkg/info/*.list) of a tree on the disk.
package struct DpkgLists {
    private let root: [UInt8]

    /// - Parameter root: The tree's folder.
    package init(root: [UInt8]) { self.root = root }

    /// The package that ships the path, or else the nearest folder that one package alone ships.
    package func describeOwner(of path: String) -> String {
        let owners = owners()
        if let packages = owners[path] { return "package \(packages.sorted().joined(separator: ", "))" }
        var folder = path[...]
        while let slash = folder.lastIndex(of: "/"), slash > folder.startIndex {
            folder = folder[..<slash]
            if let packages = owners[String(folder)], packages.count == 1, let package = packages.first {
                return "shipped by no package; made in \(folder), a folder of package \(package)"
            }
        }
        return "shipped by no package; a maintainer script or a step made it"
    }

    private func owners() -> [String: Set<String>] {
        let folder = root + Array("/var/lib/dpkg/info".utf8)
        var owners: [String: Set<String>] = [:]
        for name in (try? Folder.byteNames(in: folder)) ?? [] where name.suffix(5) == Array(".list".utf8)[...] {
            guard let bytes = try? SmallFile.bytes(String(path: folder + [0x2f] + name)) else { continue }
            let package = String(decoding: name.dropLast(5).prefix { $0 != 0x3a }, as: UTF8.self)
            for line in bytes.split(separator: 10) {
                owners[String(decoding: line, as: UTF8.self), default: []].insert(package)
            }
        }
        return owners
    }
}

import FileTree
import Host

/// What a tree's paths belong to: packages by the system's databases, wheels by their RECORDs, byte code by its source.
package struct Owners {
    /// The system's own packages.
    package let packages: PackageOwnership
    private let wheels: [InstalledWheels.Wheel]
    private var ofWheels: [[UInt8]: String] = [:]

    /// - Parameter wanted: The paths whose owners are asked for; nil for all.
    package init(_ tree: any Tree, wanted: Set<[UInt8]>?) throws {
        let asked = wanted.map { wanted in
            wanted.union(wanted.compactMap(Self.source)).union(InstalledWheels.metadata(of: tree))
        }
        packages = try PackageOwnership(tree, wanted: asked)
        wheels = try InstalledWheels(tree, try tree.makeReader(), packages).wheels
        for wheel in wheels {
            for file in wheel.files {
                claim(file, for: wheel)
                // Its own folders: those between the one that it was installed into and the file.
                var parts = file.split(separator: 0x2f).map(Array.init)
                let depth = wheel.folder.split(separator: 0x2f).count
                guard file.starts(with: wheel.folder) else { continue }
                while parts.count > depth + 1 {
                    parts.removeLast()
                    claim(Array(parts.joined(separator: [0x2f])), for: wheel)
                }
            }
        }
    }

    /// What several claim is nobody's.
    private mutating func claim(_ path: [UInt8], for wheel: InstalledWheels.Wheel) {
        ofWheels[path] = ofWheels[path].map { $0 == wheel.title ? $0 : "" } ?? wheel.title
    }

    /// Nil when nothing does.
    package func owner(of path: [UInt8]) -> String? {
        if let owner = packages.owner(of: path) { return owner }
        if let wheel = ofWheels[path], !wheel.isEmpty { return wheel }
        return Self.source(of: path).flatMap { owner(of: $0) }
    }

    /// What a path of byte code goes with (PEP 3147): the source of `__pycache__/NAME.TAG.pyc`, the folder of `__pycache__`.
    package static func source(of path: [UInt8]) -> [UInt8]? {
        let parts = path.split(separator: 0x2f, omittingEmptySubsequences: false).map(Array.init)
        let cache = Array("__pycache__".utf8)
        if parts.last == cache, parts.count > 1 { return Array(parts.dropLast().joined(separator: [0x2f])) }
        guard let name = parts.last, parts.count > 1, parts[parts.count - 2] == cache,
            name.suffix(4).elementsEqual(".pyc".utf8), let dot = name.firstIndex(of: 0x2e)
        else { return nil }
        return Array((parts.dropLast(2) + [Array(name[..<dot]) + Array(".py".utf8)]).joined(separator: [0x2f]))
    }

    /// Versions by name, of the packages of the system.
    var versions: [String: String] {
        Dictionary(packages.packages.map { ($0.name, $0.version) }) { first, _ in first }
    }

    /// Versions by title, of the wheels.
    var wheelVersions: [String: String] { Dictionary(wheels.map { ($0.title, $0.version) }) { first, _ in first } }
}

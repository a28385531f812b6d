import FileTree
import Host
import RuntimeSpec

/// Python's distributions in a tree that no package of the system owns: what pip, or this program, installed
/// (Recording installed projects, packaging.python.org).
struct InstalledWheels {
    /// A distribution.
    struct Wheel {
        /// As its METADATA spells it.
        let name: String
        let version: String
        /// The folder that it was installed into, from the tree's root.
        let folder: [UInt8]
        /// Whether it was asked for, and did not come as a dependency (PEP 376's REQUESTED).
        let isRequested: Bool
        /// The files of its RECORD, from the tree's root.
        let files: [[UInt8]]

        /// As a report names it, beside packages.
        var title: String { "wheel \(PythonPackages.normalizedName(name))" }
    }

    private(set) var wheels: [Wheel] = []

    private static let suffix = Array(".dist-info/METADATA".utf8)

    /// The files by which distributions are known.
    static func metadata(of tree: any Tree) -> [[UInt8]] {
        tree.entries.filter { $0.isFile && $0.path.suffix(suffix.count).elementsEqual(suffix) }.map(\.path)
    }

    /// - Parameter owners: Knows whose METADATA files are, at least.
    init(_ tree: any Tree, _ reader: any ContentReader, _ owners: PackageOwnership) throws {
        let wanted = Set(Self.metadata(of: tree).filter { owners.owner(of: $0) == nil })
        if wanted.isEmpty { return }
        let own = wanted.map { Array($0.dropLast("METADATA".utf8.count)) }
        let records = Set(own.map { $0 + Array("RECORD".utf8) })
        let requests = Set(own.map { $0 + Array("REQUESTED".utf8) })
        var (metadata, listed, requested) = ([[UInt8]: DistInfo](), [[UInt8]: [UInt8]](), Set<[UInt8]>())
        for entry in tree.entries where entry.isFile {
            if wanted.contains(entry.path) {
                metadata[entry.path] = DistInfo(try reader.bytes(entry, limit: 1 << 20))
            } else if records.contains(entry.path) {
                listed[entry.path] = try reader.bytes(entry, limit: 16 << 20)
            } else if requests.contains(entry.path) {
                requested.insert(entry.path)
            }
        }
        for own in own.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            let folder = Array(own.dropLast().split(separator: 0x2f).dropLast().joined(separator: [0x2f]))
            // Names go into reports and files that pip reads: only what is a name is one.
            guard let said = metadata[own + Array("METADATA".utf8)], let name = said.name, let version = said.version,
                !folder.contains(where: { $0 < 0x20 }), PythonPackages.isDistribution(name: name, version: version)
            else { continue }
            let record = listed[own + Array("RECORD".utf8)] ?? []
            wheels.append(
                Wheel(
                    name: name, version: version, folder: folder,
                    isRequested: requested.contains(own + Array("REQUESTED".utf8)),
                    files: DistInfo.files(of: record, in: folder)))
        }
    }
}

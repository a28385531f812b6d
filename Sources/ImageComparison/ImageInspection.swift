import FileTree
import Glibc
import Host

/// What an image holds and where its bytes go.
struct ImageInspection {
    private static let listed = 20

    func inspect(_ path: String, sourceDateEpoch: Int?) throws -> InspectionReport {
        let tree = try TreeSource.open(path)
        var status = stat()
        let isFile = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        var report = InspectionReport(path: path, format: tree.format, size: isFile ? Int(status.st_size) : nil)
        var epoch = sourceDateEpoch
        if let image = tree as? SquashfsTree {
            report.superblock = PackingComparison.description(image)
            epoch = epoch ?? image.superblock.time
        }
        report.sourceDateEpoch = epoch
        let owners = try PackageOwnership(tree)
        var packages: [String: InspectionReport.Share] = [:]
        var folders: [String: InspectionReport.Share] = [:]
        var seen: Set<Int> = []
        for entry in tree.entries {
            report.entries[Self.kind(entry), default: 0] += 1
            // Hard links are one file.
            let isNew = seen.insert(entry.node).inserted
            let (stored, size) = isNew ? (ImageComparer.size(entry, tree), entry.size) : (0, 0)
            func add(_ shares: inout [String: InspectionReport.Share], _ name: String) {
                var share = shares[name] ?? .init(name: name, stored: 0, size: 0, entries: 0)
                share.stored += stored
                share.size += size
                share.entries += 1
                shares[name] = share
            }
            add(&packages, owners.owner(of: entry.path) ?? (entry.kind == .directory ? "folders" : "no package"))
            add(&folders, Self.folder(entry.path))
            if let epoch, entry.time > epoch {
                report.lateEntryCount += 1
                if report.lateEntries.count < Self.listed {
                    report.lateEntries.append(.init(path: entry.name, time: Describe.time(entry.time)))
                }
            }
        }
        packages["folders"] = nil
        let agent = try GuestAgent.find(in: tree)
        if agent != .none { report.notes.append("Aleph's supervisor: \(agent.note)") }
        (report.packages, report.folders) = (Self.largest(packages), Self.largest(folders))
        return report
    }

    private static func largest(_ shares: [String: InspectionReport.Share]) -> [InspectionReport.Share] {
        Array(shares.values.sorted { ($1.stored, $0.name) < ($0.stored, $1.name) }.prefix(listed))
    }

    /// The first two parts of the path of the folder that an entry is in.
    private static func folder(_ path: [UInt8]) -> String {
        let parts = path.split(separator: 0x2f).dropLast().prefix(2)
        return readable(Array(parts.joined(separator: [0x2f])))
    }

    private static func kind(_ entry: TreeEntry) -> String {
        switch entry.kind {
        case .directory: "folders"
        case .file: "files"
        case .symbolicLink: "symbolic links"
        case .device: "device nodes"
        case .fifo: "named pipes"
        case .socket: "sockets"
        }
    }
}

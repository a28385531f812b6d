import Archives

/// Unpacks tar archives into the root that this process can't leave: what keeps an entry inside is that.
struct ArchiveUnpacking {
    /// What it is a part of, for an error.
    let package: String
    /// Leaves out device nodes below /dev, which every image has from one list, and refuses what an image can't carry.
    var isWholeSystem = false

    /// Writes all entries below the current folder, following links, keeping owners, modes, times and attributes.
    /// - Throws: `SandboxError.badPackage`.
    func unpack(_ source: ArchiveReader.Source, isCompressed: Bool) throws {
        do { try unpackAll(source, isCompressed) } catch let error as ArchiveError {
            throw bad("its data can't be read: \(error)")
        }
    }

    private func unpackAll(_ source: ArchiveReader.Source, _ isCompressed: Bool) throws {
        let reader = try ArchiveReader(.tar, isCompressed: isCompressed, from: source)
        let disk = try DiskWriter()
        while let entry = try reader.next() {
            let path = entry.pathText
            // chown(2) takes -1 for "as it is"; a build without root has these ids alone.
            guard (0...65_535).contains(entry.uid), (0...65_535).contains(entry.gid) else {
                throw bad("its entry '\(path)' is owned by \(entry.uid):\(entry.gid), ids that a build doesn't have")
            }
            if isWholeSystem, try isLeftOut(entry, path) { continue }
            // Names on disk are what dpkg will find; numbers are what the packages mean.
            do { try disk.write(entry, of: reader) } catch let error as ArchiveError {
                throw bad("its entry '\(path)' can't be unpacked: \(error)")
            }
        }
        do { try disk.finish() } catch let error as ArchiveError { throw bad("it can't be unpacked: \(error)") }
    }

    private func isLeftOut(_ entry: ArchiveEntry, _ path: String) throws -> Bool {
        let parts = path.split(separator: "/").filter { $0 != "." }
        if parts.count > 1, parts[0] == "dev", entry.kind != .folder { return true }
        if entry.hasAccessList {
            throw bad("its entry '\(path)' has an access control list, which an image can't carry")
        }
        return false
    }

    private func bad(_ reason: String) -> SandboxError { .badPackage(package: package, reason: reason) }
}

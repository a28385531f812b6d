import Archives
import Glibc

/// What a package's data.tar holds, looked at before dpkg sees it.
///
/// dpkg runs chrooted, so no entry could leave the root; but a package that tries is not one to build from.
struct PackageContents {
    let package: String
    let descriptor: CInt
    let dataOffset: Int
    let size: Int

    /// - Returns: The plain files of root's below /usr.
    /// - Throws: `SandboxError.badPackage` for an entry that climbs out of the root, or goes through a link that does.
    func check() throws -> [ShippedFile] {
        do { return try files() } catch let error as ArchiveError {
            throw SandboxError.badPackage(package: package, reason: "its data can't be read: \(error)")
        }
    }

    private func files() throws -> [ShippedFile] {
        let reader = try ArchiveReader(
            .tar, isCompressed: false, from: .file(descriptor, offset: dataOffset, size: size))
        var outward: Set<String> = []
        var kinds: [String: Bool] = [:]
        var files: [ShippedFile] = []
        while let entry = try reader.next() {
            let path = entry.pathText
            if let file = ShippedFile(entry) { files.append(file) }
            let parts = path.split(separator: "/").filter { $0 != "." }
            if parts.contains("..") {
                throw SandboxError.badPackage(package: package, reason: "its entry '\(path)' climbs out of the root")
            }
            if let target = entry.hardLinkTargetText, Self.climbsOut(target, from: 0) || target.contains("..") {
                throw SandboxError.badPackage(
                    package: package, reason: "its entry '\(path)' is a hard link to '\(target)', out of the root")
            }
            let isFolder = entry.kind == .folder
            let name = parts.joined(separator: "/")
            // Which of the two stays would be the unpacker's choice.
            if let wasFolder = kinds.updateValue(isFolder, forKey: name), wasFolder != isFolder {
                throw SandboxError.badPackage(
                    package: package, reason: "its entry '\(path)' is a folder and no folder, one after the other")
            }
            var prefix = ""
            for part in parts.dropLast() {
                prefix += "/\(part)"
                if outward.contains(prefix) {
                    throw SandboxError.badPackage(
                        package: package, reason: "its entry '\(path)' follows a link that leads out of the root")
                }
            }
            if let target = entry.linkTargetText, Self.climbsOut(target, from: parts.count - 1) {
                outward.insert("/" + parts.joined(separator: "/"))
            }
        }
        return files
    }

    private static func climbsOut(_ target: String, from depth: Int) -> Bool {
        var depth = target.hasPrefix("/") ? 0 : depth
        for part in target.split(separator: "/") where part != "." {
            depth += part == ".." ? -1 : 1
            if depth < 0 { return true }
        }
        return false
    }
}

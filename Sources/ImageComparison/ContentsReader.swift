import FileTree
import Host
import RuntimeSpec
import SquashfsImage

/// Reads what an image says of its own making.
struct ContentsReader {
    private static let listed = 1000
    /// What the sandbox or every installation makes, whose makers are no packages.
    private static let known = [
        "dev/", "var/lib/dpkg/", "lib/apk/db/", "usr/lib/apk/db/", "etc/alternatives/", "etc/ssl/certs/",
        "var/lib/apt/",
        "var/cache/", "etc/rc", "var/lib/systemd/", "etc/systemd/system/", "var/log/", "var/lib/pam/",
    ]
    private static let written: Set<String> = [
        "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/machine-id", "etc/apt/sources.list", "etc/passwd",
        "etc/group", "etc/shadow", "etc/gshadow", "etc/ld.so.cache", "bin", "sbin", "lib", "lib32", "lib64", "libx32",
        "etc/apk/world", "etc/apk/arch", "etc/localtime", "etc/timezone", "etc/default/locale", "etc/shells",
    ]

    func read(_ path: String) throws -> ImageContents {
        let tree = try TreeSource.open(path)
        let reader = try tree.makeReader()
        let entries = Dictionary(tree.entries.map { ($0.path, $0) }) { first, _ in first }
        let links = LinkResolver(tree.entries)
        func text(_ path: String) throws -> String? {
            guard let place = links.target(of: Array(path.utf8)), let entry = entries[place], entry.isFile else {
                return nil
            }
            return String(decoding: try reader.bytes(entry, limit: 64 << 20), as: UTF8.self)
        }
        var contents = ImageContents()
        if let image = tree as? SquashfsTree {
            contents.time = image.superblock.time
            (contents.compression, contents.blockSize) = (image.superblock.compression, image.superblock.blockSize)
            contents.level = Self.level(image.superblock)
        } else {
            contents.time = tree.entries.map(\.time).max() ?? 0
        }
        let records = tree.entries.filter { DpkgStatus.isRecord($0.path) && $0.isFile }
            .filter { !$0.path.suffix(8).elementsEqual(".md5sums".utf8) }
        let status = try text("/var/lib/dpkg/status")
        if status != nil || !records.isEmpty {
            contents.system = "debian"
            let installed =
                try DpkgStatus.packages(Array((status ?? "").utf8))
                + records.flatMap { DpkgStatus.packages(try reader.bytes($0, limit: 1 << 20), areRecords: true) }
            contents.packages = installed.map { Self.package($0.name, $0.version, $0.architecture) }
            contents.release = try Self.codeName(text("/etc/os-release") ?? "")
            let folder = "/etc/apt/sources.list.d/"
            for name in tree.entries.map(\.name) where name == "/etc/apt/sources.list" || name.hasPrefix(folder) {
                contents.sources[name] = try text(name)
            }
        } else if let database = try text("/lib/apk/db/installed") ?? text("/usr/lib/apk/db/installed") {
            let installed = ApkInstalled(database.utf8)
            contents.system = "alpine"
            contents.packages = Self.apkPackages(installed)
            contents.release = try (text("/etc/alpine-release") ?? "").filter { !$0.isNewline }
            contents.world = Self.world(try text("/etc/apk/world") ?? "", installed: installed)
        }
        if let script = try text("/sbin/init"), InitScript(text: script) != nil {
            contents.initScript = script
        }
        try explainFiles(tree, reader, &contents)
        return contents
    }

    /// Counts the files that nothing accounts for.
    private func explainFiles(
        _ tree: any Tree, _ reader: any ContentReader, _ contents: inout ImageContents
    ) throws {
        let owners = try PackageOwnership(tree)
        let owned = try distributions(tree, reader, owners, &contents)
        for entry in tree.entries where entry.kind != .directory && !entry.path.isEmpty {
            if owners.owner(of: entry.path) != nil || owned.contains(entry.path) || isKnown(entry, contents) {
                continue
            }
            if owners.scriptNaming(entry.path) != nil { continue }
            contents.unexplainedCount += 1
            if contents.unexplained.count < Self.listed { contents.unexplained.append(entry.name) }
        }
    }

    private func isKnown(_ entry: TreeEntry, _ contents: ImageContents) -> Bool {
        let name = String(decoding: entry.path, as: UTF8.self)
        if case .symbolicLink(let target) = entry.kind {
            // What update-alternatives(1) and `busybox --install -s` make.
            if target.starts(with: "/etc/alternatives/".utf8) { return true }
            if target.elementsEqual("/bin/busybox".utf8) || target.elementsEqual("/bin/bbsuid".utf8) { return true }
        }
        return Self.written.contains(name) || Self.known.contains { name.hasPrefix($0) } || name.hasSuffix(".pyc")
            || (contents.initScript != nil && (name == "sbin/init" || name == "usr/sbin/init"))
    }

    /// Distributions that pip or this program installed, and the files that their RECORDs name.
    private func distributions(
        _ tree: any Tree, _ reader: any ContentReader, _ owners: PackageOwnership, _ contents: inout ImageContents
    ) throws -> Set<[UInt8]> {
        let wheels = try InstalledWheels(tree, reader, owners).wheels
        contents.distributions += wheels.map { wheel in
            .init(
                name: wheel.name, version: wheel.version, folder: readable(wheel.folder),
                isRequested: wheel.isRequested)
        }
        let folders = Set(wheels.map { String(decoding: $0.folder, as: UTF8.self) })
        for folder in folders {
            let prefix = Array((folder.isEmpty ? "" : folder + "/").utf8)
            var levels: Set<Int> = []
            for entry in tree.entries
            where entry.path.starts(with: prefix) && entry.path.suffix(4).elementsEqual(".pyc".utf8) {
                let name = String(decoding: entry.path.suffix(12), as: UTF8.self)
                levels.insert(name.hasSuffix(".opt-1.pyc") ? 1 : name.hasSuffix(".opt-2.pyc") ? 2 : 0)
            }
            contents.levels["/" + folder] = levels.sorted()
        }
        return Set(wheels.flatMap(\.files))
    }

    private static func level(_ superblock: SquashfsReader.Superblock) -> Int? {
        guard ["gzip", "zstd"].contains(superblock.compression), superblock.compressorOptions.count >= 4 else {
            return nil
        }
        return superblock.compressorOptions[..<4].enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    }

    private static func codeName(_ osRelease: String) throws -> String {
        osRelease.split(separator: "\n").first { $0.hasPrefix("VERSION_CODENAME=") }?.dropFirst(17)
            .filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") } ?? ""
    }

    /// With texts that do a terminal no harm.
    private static func package(
        _ name: some StringProtocol, _ version: some StringProtocol, _ architecture: some StringProtocol
    ) -> ImageContents.Package {
        .init(
            name: TerminalText.report(name.utf8), version: TerminalText.report(version.utf8),
            architecture: TerminalText.report(architecture.utf8))
    }

    /// What apk was asked for, without what must not be there. A virtual package (`apk add --virtual .NAME`) is its
    /// dependencies.
    private static func world(_ text: String, installed: ApkInstalled) -> [String] {
        let names = text.split { $0.isWhitespace }.filter { !$0.hasPrefix("!") }.flatMap { name -> [String] in
            guard name.hasPrefix(".") else { return [String(name)] }
            let own = name.prefix { !"<>=~@".contains($0) }
            return installed.packages.first { $0.name == own }?.dependencies ?? []
        }
        return names.filter { !$0.hasPrefix("!") && !$0.hasPrefix(".") }.map { TerminalText.report($0.utf8) }
    }

    private static func apkPackages(_ installed: ApkInstalled) -> [ImageContents.Package] {
        installed.packages.filter { !$0.version.isEmpty }.map { package($0.name, $0.version, $0.architecture) }
    }
}

import Host

/// Which package owns a path, by the databases inside a tree: dpkg's (`/var/lib/dpkg`) and apk's (`/lib/apk/db`).
package struct PackageOwnership: Sendable {
    /// A package as a database has it.
    package struct Package: Hashable, Sendable {
        /// Made safe to show.
        package var name: String
        /// Made safe to show.
        package var version: String
    }

    /// What is installed, in the database's order.
    package private(set) var packages: [Package] = []
    private var owners: [[UInt8]: String] = [:]
    /// Names of maintainer scripts and their texts.
    private var scripts: [(package: String, text: [UInt8])] = []
    /// Top folders that are links, as /bin is to usr/bin.
    private var links: [(from: [UInt8], to: [UInt8])] = []

    private static let limit = 64 << 20

    /// - Parameter wanted: The paths whose owners are asked for; nil for all.
    package init(_ tree: any Tree, wanted: Set<[UInt8]>? = nil) throws {
        let reader = try tree.makeReader()
        for entry in tree.entries {
            guard !entry.path.contains(0x2f), case .symbolicLink(let target) = entry.kind else { continue }
            links.append((entry.path, target.first == 0x2f ? Array(target.dropFirst()) : target))
        }
        let info = Array("var/lib/dpkg/info/".utf8)
        for entry in tree.entries where entry.isFile {
            if entry.path.starts(with: info) {
                let name = String(decoding: entry.path.dropFirst(info.count), as: UTF8.self)
                guard let dot = name.lastIndex(of: ".") else { continue }
                // python3:amd64.list
                let package = TerminalText.report(name[..<dot].prefix { $0 != ":" }.utf8)
                switch name[dot...] {
                case ".list":
                    for line in try reader.bytes(entry, limit: Self.limit).split(separator: 10) {
                        // What several packages list is a folder of nobody's.
                        let path = resolved(Array(line.drop { $0 == 0x2f }))
                        if let wanted, !wanted.contains(path) { continue }
                        owners[path] = owners[path].map { $0 == package ? package : "" } ?? package
                    }
                case ".postinst", ".preinst", ".triggers", ".config":
                    scripts.append((package, try reader.bytes(entry, limit: 1 << 20)))
                default: break
                }
            } else if entry.path.elementsEqual("var/lib/dpkg/status".utf8) {
                try readStatus(reader.bytes(entry, limit: Self.limit))
            } else if DpkgStatus.isRecord(entry.path) {
                try readRecord(entry.path, reader.bytes(entry, limit: 1 << 20))
            } else if entry.path.elementsEqual("lib/apk/db/installed".utf8)
                || entry.path.elementsEqual("usr/lib/apk/db/installed".utf8)
            {
                try readInstalled(reader.bytes(entry, limit: Self.limit))
            }
        }
    }

    private mutating func readStatus(_ bytes: [UInt8]) {
        packages += DpkgStatus.packages(bytes).map {
            Package(name: TerminalText.report($0.name.utf8), version: TerminalText.report($0.version.utf8))
        }
    }

    /// A record of distroless: a package's paragraph, and beside it the MD5 sums of its files.
    private mutating func readRecord(_ path: [UInt8], _ bytes: [UInt8]) throws {
        guard path.suffix(8).elementsEqual(".md5sums".utf8) else {
            packages += DpkgStatus.packages(bytes, areRecords: true).map {
                Package(name: TerminalText.report($0.name.utf8), version: TerminalText.report($0.version.utf8))
            }
            return
        }
        let package = TerminalText.report((path.split(separator: 0x2f).last ?? []).dropLast(8))
        for line in bytes.split(separator: 10) {
            // `HASH  PATH`
            let file = resolved(Array(line.drop { $0 != 0x20 }.drop { $0 == 0x20 || $0 == 0x2f }))
            if !file.isEmpty { owners[file] = owners[file].map { $0 == package ? package : "" } ?? package }
        }
    }

    private mutating func readInstalled(_ bytes: [UInt8]) {
        for package in ApkInstalled(bytes).packages {
            let name = TerminalText.report(package.name.utf8)
            if !package.version.isEmpty {
                packages.append(Package(name: name, version: TerminalText.report(package.version.utf8)))
            }
            for folder in package.folders where owners[resolved(folder)] == nil { owners[resolved(folder)] = name }
            for file in package.files { owners[resolved(file)] = name }
        }
    }

    private func resolved(_ path: [UInt8]) -> [UInt8] {
        for link in links where path.starts(with: link.from) {
            if path.count == link.from.count { return path }
            if path[link.from.count] == 0x2f { return link.to + path[link.from.count...] }
        }
        return path
    }

    /// Nil when no package does.
    package func owner(of path: [UInt8]) -> String? { owners[path].flatMap { $0.isEmpty ? nil : $0 } }

    /// The package whose maintainer script names a path, or the folder above it.
    package func scriptNaming(_ path: [UInt8]) -> String? {
        guard path.count > 4 else { return nil }
        let name = [0x2f] + path
        return scripts.first { bytesContain($0.text, name) }?.package
    }
}

/// A name out of an image, for people.

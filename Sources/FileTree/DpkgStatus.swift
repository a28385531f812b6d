import Archives

/// Which packages dpkg has installed, by its status (deb-control paragraphs), or by distroless's records of one each.
package enum DpkgStatus {
    /// One paragraph.
    package struct Package: Equatable {
        /// Its `Package`.
        package var name: String
        /// Its `Version`.
        package var version: String
        /// Its `Architecture`; empty where there is none.
        package var architecture: String
    }

    private static let records = Array("var/lib/dpkg/status.d/".utf8)

    /// Whether a path is one of distroless's records.
    package static func isRecord(_ path: [UInt8]) -> Bool { path.starts(with: records) }

    /// - Parameter areRecords: Whether a paragraph without a status is of an installed package.
    package static func packages(_ bytes: [UInt8], areRecords: Bool = false) -> [Package] {
        let wanted: Set = ["status", "package", "version", "architecture"]
        return Deb822.paragraphs(bytes, where: wanted.contains).compactMap { fields in
            // What was removed, its configuration left (`deinstall ok config-files`), is not installed.
            let isInstalled = fields["status"].map { $0.hasSuffix(" installed") } ?? areRecords
            guard isInstalled, let name = fields["package"], let version = fields["version"] else { return nil }
            return Package(name: name, version: version, architecture: fields["architecture"] ?? "")
        }
    }
}

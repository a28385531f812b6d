/// Which packages dpkg has installed, by its status (deb-control paragraphs), or by distroless's records of one each.
package enum DpkgStatus {
    package struct Package: Equatable {
        package var name: String
        package var version: String
        package var architecture: String
    }

    private static let records = Array("var/lib/dpkg/status.d/".utf8)

    /// Whether a path is one of distroless's records.
    package static func isRecord(_ path: [UInt8]) -> Bool { path.starts(with: records) }

    /// - Parameter areRecords: Whether a paragraph without a status is of an installed package.
    package static func packages(_ bytes: [UInt8], areRecords: Bool = false) -> [Package] {
        var packages: [Package] = []
        var fields: [Substring: Substring] = [:]
        func end() {
            // What was removed, its configuration left (`deinstall ok config-files`), is not installed.
            let status = fields["Status"]
            let isInstalled = status.map { $0.hasSuffix(" installed") } ?? areRecords
            if isInstalled, let name = fields["Package"], let version = fields["Version"] {
                packages.append(
                    Package(
                        name: String(name), version: String(version), architecture: String(fields["Architecture"] ?? "")
                    ))
            }
            fields = [:]
        }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) {
            if line.isEmpty {
                end()
            } else if !line.hasPrefix(" "), let colon = line.firstIndex(of: ":") {
                fields[line[..<colon]] = line[line.index(after: colon)...].drop { $0 == " " }
            }
        }
        end()
        return packages
    }
}

import Archives
import RuntimeSpec

/// Packages of the user's own, as an index lists those of an archive. Each is asked for in just its version.
package struct OwnPackages {
    let index: PackageIndex
    /// By name.
    let wishes: [PackageWish]

    /// None.
    package static let none = OwnPackages()

    private init() { (index, wishes) = (.empty, []) }

    /// - Parameter files: Each .deb by its path beside the manifest, and its bytes.
    /// - Throws: `ResolutionError.malformed` for what is no package for the machines, or two of one name.
    package init(_ files: [(input: Lockfile.Input, bytes: [UInt8])]) throws {
        if files.isEmpty {
            self = .none
            return
        }
        var (text, wishes) = ([UInt8](), [PackageWish]())
        for (input, bytes) in files {
            let stanza = try Self.stanza(of: bytes, input)
            let fields = Deb822(paragraph: stanza)
            let (name, version) = (fields["package"] ?? "", fields["version"] ?? "")
            let architecture = fields["architecture"] ?? ""
            guard let wish = PackageWish("\(name)=\(version)"), wish.name == name else {
                throw ResolutionError.malformed(
                    "\(input.path) has no package's name and version: '\(name)' '\(version)'")
            }
            guard architecture == "amd64" || architecture == "all" else {
                throw ResolutionError.malformed("\(input.path) is for \(architecture); the machines are amd64")
            }
            if wishes.contains(where: { $0.name == name }) {
                throw ResolutionError.malformed("\(input.path) is another file of the package \(name)")
            }
            wishes.append(wish)
            text += stanza + [10]
        }
        index = try PackageIndex(text: text, name: "packages.files")
        self.wishes = wishes
    }

    /// What the package says of itself, with what an index adds.
    private static func stanza(of bytes: [UInt8], _ input: Lockfile.Input) throws -> [UInt8] {
        let control: [UInt8]?
        do { control = try DebFile.control(of: bytes) } catch let error as ArchiveError {
            throw ResolutionError.malformed("\(input.path) is not a Debian package: \(error)")
        }
        guard let control else {
            throw ResolutionError.malformed("\(input.path) is not a Debian package: it has no control file")
        }
        // It can't say of itself where it is and what its hash is; and it is one paragraph.
        let added = ["filename", "size", "sha256"]
        let lines = control.split(separator: 10).filter { line in
            let name = String(decoding: line.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self).lowercased()
            return line.contains { $0 > 0x20 } && line.first != UInt8(ascii: "#") && !added.contains(name)
        }
        let own = "Filename: \(input.path)\nSize: \(input.size)\nSHA256: \(input.sha256)\n"
        return Array((lines.map { Array($0) + [10] } + [Array(own.utf8)]).joined())
    }
}

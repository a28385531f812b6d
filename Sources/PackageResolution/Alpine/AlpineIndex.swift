import COpenSSL
import ContentHash
import FoundationEssentials

/// A signed file of Alpine's (an APKINDEX or a package): gzip streams one after the other, of which the first holds the
/// signature of the second (https://wiki.alpinelinux.org/wiki/Apk_spec).
package struct AlpineSigned {
    /// The key's file name, as the signature names it.
    package let keyName: String
    let signature: [UInt8]
    private let hash: RSASignature.Hash
    /// The streams after the signature's, as they are stored.
    package let streams: [[UInt8]]

    /// - Throws: `ResolutionError.malformed`.
    package init(_ bytes: [UInt8], name: String) throws {
        try AlpineFormat.check(bytes, name: name)
        let streams = try ArchiveContents.gzipMembers(bytes, name: name)
        guard let first = streams.first, streams.count >= 2 else {
            throw ResolutionError.malformed("\(name) is not signed: it has one part, and no signature before it")
        }
        let entries = try ArchiveContents.files(
            ArchiveContents.bytes(of: first, name: name, limit: 1 << 20), name: name)
        let found = RSASignature.Hash.allCases.lazy.compactMap { hash in
            entries.first { $0.path.hasPrefix(hash.prefix) }.map { (hash, $0) }
        }.first
        guard let (hash, entry) = found else { throw ResolutionError.malformed("\(name) is not signed with RSA") }
        keyName = String(entry.path.dropFirst(hash.prefix.utf8.count))
        (self.hash, signature) = (hash, entry.bytes)
        self.streams = Array(streams.dropFirst())
    }

    /// Whether a public key (PEM) made the signature.
    package func isSigned(by key: [UInt8]) -> Bool {
        guard let signed = streams.first else { return false }
        return RSASignature.isValid(signature, over: hash, of: signed, key: key)
    }
}

/// The formats of Alpine's files.
enum AlpineFormat {
    /// apk 3's files begin so (apk-v3(5)), compressed or not.
    private static let adb = Array("ADB".utf8)

    /// - Throws: `ResolutionError.malformed` for what apk 3 made.
    static func check(_ bytes: [UInt8], name: String) throws {
        guard bytes.starts(with: adb) else { return }
        throw ResolutionError.malformed(
            "\(name) is of apk 3's format (ADB), which rtverify doesn't read; use a repository that apk 2 reads too, as those "
                + "of Alpine's releases are")
    }
}

/// What an APKINDEX says of packages.
package struct AlpineIndex {
    /// What an index says of one package.
    package struct Package {
        /// Its `P:`.
        package var name = ""
        /// Its `V:`.
        package var version = ""
        /// `Q1` and base64: SHA-1 of the package's control part.
        package var checksum = ""
        /// Bytes of the .apk.
        package var size = -1

        /// Nothing yet.
        package init() {}
    }

    private let packages: [String: [Package]]
    private let provided: Set<String>

    /// - Parameter stream: The signed part: a tar with an entry APKINDEX.
    package init(stream: [UInt8], name: String) throws {
        let entries = try ArchiveContents.files(ArchiveContents.bytes(of: stream, name: name), name: name)
        guard let index = entries.first(where: { $0.path == "APKINDEX" }) else {
            throw ResolutionError.malformed("\(name) holds no APKINDEX")
        }
        var packages: [String: [Package]] = [:]
        var provided: Set<String> = []
        var current = Package()
        func end() {
            if !current.name.isEmpty { packages[current.name, default: []].append(current) }
            current = Package()
        }
        for line in index.bytes.split(separator: 10, omittingEmptySubsequences: false) {
            if line.isEmpty { end() }
            let value = String(decoding: line.dropFirst(2), as: UTF8.self)
            switch line.prefix(2) {
            case [0x50, 0x3a]: current.name = value
            case [0x56, 0x3a]: current.version = value
            case [0x43, 0x3a]: current.checksum = value
            case [0x53, 0x3a]: current.size = Int(value) ?? -1
            case [0x70, 0x3a]: provided.formUnion(value.split(separator: " ").map { String($0.prefix { $0 != "=" }) })
            default: continue
            }
        }
        end()
        (self.packages, self.provided) = (packages, provided)
    }

    /// Whether there is anything of that name to install.
    package func lists(_ name: String) -> Bool { packages[name] != nil || provided.contains(name) }

    /// nil where the index doesn't list that version.
    package func package(named name: String, version: String) -> Package? {
        packages[name]?.first { $0.version == version }
    }
}

/// A package file, checked against what a signed index says of it.
package enum AlpinePackageFile {
    /// - Throws: `ResolutionError.malformed` when the file isn't the index's.
    package static func check(_ bytes: [UInt8], is package: AlpineIndex.Package, name: String) throws {
        guard bytes.count == package.size else {
            throw ResolutionError.malformed("\(name) has \(bytes.count) bytes, the index says \(package.size)")
        }
        try AlpineFormat.check(bytes, name: name)
        // Signature, control and data; or control and data, unsigned: the index's signature covers it all the same.
        let streams = try ArchiveContents.gzipMembers(bytes, name: name)
        guard streams.count >= 2 else { throw ResolutionError.malformed("\(name) is no Alpine package") }
        let (control, data) = (streams[streams.count - 2], streams[streams.count - 1])
        guard package.checksum == "Q1" + Data(SHA1.digest(of: control)).base64EncodedString() else {
            throw ResolutionError.malformed("\(name) is not the package that the index lists: its checksum differs")
        }
        let entries = try ArchiveContents.files(
            ArchiveContents.bytes(of: control, name: name, limit: 1 << 26), name: name)
        let info = String(decoding: entries.first { $0.path == ".PKGINFO" }?.bytes ?? [], as: UTF8.self)
        let stated = info.split(separator: "\n").first { $0.hasPrefix("datahash = ") }?.dropFirst(11)
        guard let stated, stated == Digest.of(data).hex else {
            throw ResolutionError.malformed("\(name): its files are not those that its control part names (datahash)")
        }
    }
}

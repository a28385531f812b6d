/// A .deb in memory (deb(5)): an ar(5) archive whose last member is the data.
package enum PackageFile {
    package static func data(
        of bytes: [UInt8], name: String, where isWanted: (String) -> Bool
    ) throws -> [(path: String, bytes: [UInt8])] {
        var offset = 8
        while offset + 60 <= bytes.count {
            let member = String(decoding: bytes[offset..<(offset + 16)].prefix { $0 != 0x20 }, as: UTF8.self)
            let digits = String(decoding: bytes[(offset + 48)..<(offset + 58)].prefix { $0 != 0x20 }, as: UTF8.self)
            guard let size = Int(digits), size >= 0, offset + 60 + size <= bytes.count else { break }
            let body = bytes[(offset + 60)..<(offset + 60 + size)]
            if member.hasPrefix("data.tar") {
                let tar = try Decompression.bytes(of: Array(body), name: name)
                return try TarEntries.read(tar, name: name, where: isWanted).map { ($0.path, $0.bytes) }
            }
            offset += 60 + size + size % 2
        }
        throw ResolutionError.malformed("\(name) is not a Debian package")
    }
}

import FoundationEssentials

/// What a file of OpenPGP keys is, by its contents.
package enum KeyringKind: Equatable {
    case binary
    /// Armored blocks, and the packets of all of them.
    case armored([UInt8])
    case other

    /// A keybox says so behind its first header.
    static func isKeybox(_ bytes: [UInt8]) -> Bool { bytes.dropFirst(8).starts(with: "KBXf".utf8) }

    /// By its first bytes, or by the lines that armored blocks begin with.
    package init(_ bytes: [UInt8]) {
        // A public key's packet comes first, in the old form of a header or the new one (RFC 9580 4.2, 5.5.1.1).
        let isPacket = bytes.first.map { $0 & 0xfc == 0x98 || $0 == 0xc6 } ?? false
        if Self.isKeybox(bytes) || isPacket {
            self = .binary
            return
        }
        let lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
        }
        var (keys, rest) = ([UInt8](), lines[...])
        while let begin = rest.firstIndex(where: { $0.hasPrefix("-----BEGIN PGP PUBLIC KEY BLOCK") }) {
            let body = rest[begin...].dropFirst().drop { !$0.allSatisfy(\.isWhitespace) }
            let end = body.firstIndex { $0.hasPrefix("-----END") } ?? body.endIndex
            // Behind them is a checksum that nobody has to look at (RFC 9580 6.1).
            let text = body[..<end].prefix { !$0.hasPrefix("=") }.joined()
            keys += Data(base64Encoded: text, options: .ignoreUnknownCharacters) ?? Data()
            rest = rest[end...].dropFirst()
        }
        self = keys.isEmpty ? .other : .armored(keys)
    }
}

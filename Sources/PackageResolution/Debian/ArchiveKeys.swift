/// The OpenPGP keys of a file that may sign one archive.
package struct ArchiveKeys: Equatable, Sendable {
    /// Their packets, as gpgv reads them (RFC 9580 10.1).
    package let packets: [UInt8]
    /// Of each primary key in it: 40 upper-case hexadecimal digits, sorted.
    package let fingerprints: [String]

    /// - Parameters:
    ///   - bytes: The file's, armored or not.
    ///   - name: What errors call it.
    /// - Throws: `ResolutionError.malformed` for what holds no key that gpgv could check with.
    package init(_ bytes: [UInt8], name: String) throws {
        func fail(_ reason: String) -> ResolutionError { .malformed("\(name) \(reason)") }
        switch KeyringKind(bytes) {
        case .armored(let packets): self.packets = packets
        case .binary where KeyringKind.isKeybox(bytes):
            throw fail("is a keybox of GnuPG's, which apt doesn't read; write the key with: gpg --export KEY > FILE")
        case .binary: packets = bytes
        case .other: throw fail("holds no OpenPGP public key, armored or not")
        }
        guard let found = Self.fingerprints(of: packets) else {
            throw fail("is damaged: its packets don't end where it does")
        }
        fingerprints = Set(found).sorted()
        if found.isEmpty { throw fail("holds no OpenPGP public key of version 4, which gpgv and apt know") }
    }

    private static let publicKey: UInt8 = 6

    /// - Returns: nil where the packets' lengths don't fit (RFC 9580 4.2).
    private static func fingerprints(of packets: [UInt8]) -> [String]? {
        var (rest, found) = (packets[...], [String]())
        while let first = rest.popFirst() {
            guard first & 0x80 != 0, let length = first & 0x40 != 0 ? newLength(&rest) : oldLength(first & 3, &rest),
                length <= rest.count
            else { return nil }
            let body = rest.prefix(length)
            rest = rest.dropFirst(length)
            let tag = first & 0x40 != 0 ? first & 0x3f : (first >> 2) & 0xf
            guard tag == publicKey, body.first == 4, length <= 0xffff else { continue }
            // RFC 9580 5.5.4.2.
            let digest = SHA1.digest(of: [0x99, UInt8(length >> 8), UInt8(length & 0xff)] + body)
            found.append(
                digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true) }.joined())
        }
        return found
    }

    private static func number(_ count: Int, _ rest: inout ArraySlice<UInt8>) -> Int? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
    }

    /// RFC 9580 4.2.2; a length that the packet doesn't say is none that a key has.
    private static func oldLength(_ kind: UInt8, _ rest: inout ArraySlice<UInt8>) -> Int? {
        kind == 3 ? nil : number(1 << Int(kind), &rest)
    }

    /// RFC 9580 4.2.1; keys have no partial lengths.
    private static func newLength(_ rest: inout ArraySlice<UInt8>) -> Int? {
        guard let first = rest.popFirst() else { return nil }
        switch first {
        case 0..<192: return Int(first)
        case 192..<224: return number(1, &rest).map { (Int(first) - 192) << 8 + $0 + 192 }
        case 255: return number(4, &rest)
        default: return nil
        }
    }
}

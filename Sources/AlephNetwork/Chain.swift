import ContentHash

/// The chains whose signatures Aleph messages carry, by the names that messages use.
package enum Chain {
    /// Signed as Ethereum signs (EIP-191).
    private static let ethereumLike: Set<String> = [
        "ARB", "AURORA", "AVAX", "BASE", "BLAST", "BOB", "BSC", "CYBER", "ETH", "ETHERLINK", "FRAX", "HYPE", "INK",
        "LENS", "LINEA", "LISK", "METIS", "MODE", "OP", "POL", "SONIC", "STT", "UNICHAIN", "WLD", "ZORA",
    ]
    /// Others that messages name (aleph-message, Chain), whose signatures are not known here.
    private static let others: Set<String> = ["CSDK", "DOT", "NEO", "NULS", "NULS2", "TEZOS"]

    enum Scheme { case ethereum, solana, unknown }

    static func scheme(of chain: String) -> Scheme {
        if ethereumLike.contains(chain) { return .ethereum }
        return ["SOL", "ES"].contains(chain) ? .solana : .unknown
    }

    /// Whether messages know it.
    static func isKnown(_ chain: String) -> Bool { scheme(of: chain) != .unknown || others.contains(chain) }

    /// Whether two addresses are the same, of whatever chains: Ethereum's upper case is only a checksum (EIP-55).
    static func sameAddress(_ a: String, _ b: String) -> Bool {
        if isEthereumAddress(a) && isEthereumAddress(b) { return a.lowercased() == b.lowercased() }
        return a.utf8.elementsEqual(b.utf8)
    }

    static func isEthereumAddress(_ text: String) -> Bool {
        text.utf8.count == 42 && text.hasPrefix("0x")
            && text.utf8.dropFirst(2).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0 | 0x20) }
    }

    /// An address as its owner's client spells it in a message.
    /// - Throws: `MessageError.malformed` for one that is none, or whose checksum says that it was mistyped (EIP-55).
    package static func address(_ text: String, on chain: String) throws(MessageError) -> String {
        guard isKnown(chain) else {
            throw .malformed("'\(chain.prefix(40))' is no chain of the network (ETH, SOL, BASE, AVAX, ...)")
        }
        switch scheme(of: chain) {
        case .ethereum:
            guard isEthereumAddress(text) else {
                throw .malformed("'\(text.prefix(100))' is no address of \(chain): 0x and 40 hexadecimal digits")
            }
            let right = checksummed(text)
            let digits = text.dropFirst(2)
            guard digits == digits.lowercased() || digits == digits.uppercased() || text == right else {
                throw .malformed("'\(text)' is mistyped: its upper case is a checksum (EIP-55), which doesn't hold")
            }
            return right
        case .solana:
            guard let key = Base58.decode(text), key.count == 32 else {
                throw .malformed("'\(text.prefix(100))' is no address of \(chain): a key of 32 bytes in base58")
            }
            return text
        case .unknown:
            guard (8...128).contains(text.utf8.count),
                text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c })
            else { throw .malformed("'\(text.prefix(100))' is no address") }
            return text
        }
    }

    /// An address of Ethereum with its checksum (EIP-55): a letter is upper case where the digit at its place of the
    /// lower-case address's Keccak-256 is 8 or more.
    private static func checksummed(_ address: String) -> String {
        let digits = Array(address.lowercased().utf8.dropFirst(2))
        let hash = Keccak256.hash(digits)
        let spelled = digits.enumerated().map { place, digit in
            let nibble = place % 2 == 0 ? hash[place / 2] >> 4 : hash[place / 2] & 15
            return digit >= 0x61 && nibble >= 8 ? digit - 0x20 : digit
        }
        return "0x" + String(decoding: spelled, as: UTF8.self)
    }
}

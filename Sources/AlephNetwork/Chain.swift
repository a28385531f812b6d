/// The chains whose signatures Aleph messages carry, by the names that messages use.
enum Chain {
    /// Signed as Ethereum signs (EIP-191).
    private static let ethereumLike: Set<String> = [
        "ARB", "AURORA", "AVAX", "BASE", "BLAST", "BOB", "BSC", "CYBER", "ETH", "ETHERLINK", "FRAX", "HYPE", "INK",
        "LENS", "LINEA", "LISK", "METIS", "MODE", "OP", "POL", "SONIC", "STT", "UNICHAIN", "WLD", "ZORA",
    ]

    enum Scheme { case ethereum, solana, unknown }

    static func scheme(of chain: String) -> Scheme {
        if ethereumLike.contains(chain) { return .ethereum }
        return ["SOL", "ES"].contains(chain) ? .solana : .unknown
    }

    /// Whether two addresses are the same, of whatever chains: Ethereum's upper case is only a checksum (EIP-55).
    static func sameAddress(_ a: String, _ b: String) -> Bool {
        if isEthereumAddress(a) && isEthereumAddress(b) { return a.lowercased() == b.lowercased() }
        return a.utf8.elementsEqual(b.utf8)
    }

    static func isEthereumAddress(_ text: String) -> Bool {
        text.utf8.count == 42 && text.hasPrefix("0x")
            && text.utf8.dropFirst(2).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0 | 0x20) }
    }
}

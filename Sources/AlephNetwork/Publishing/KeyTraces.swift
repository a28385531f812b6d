import ContentHash
import FoundationEssentials
import Glibc
import Host

/// Finds private keys where none must lie: rtverify opens no file that it knows for one.
package enum KeyTraces {
    /// No key file is larger.
    private static let largest = 64 << 10
    /// As key files are named by Aleph's clients, wallets and OpenSSL.
    private static let endings = [".key", ".mnemonic", ".pem", ".keystore", ".seed"]

    /// Looks through a folder and those in it.
    /// - Parameters:
    ///   - allowed: Texts of hexadecimal digits that are no secrets: the hashes that the folder is about.
    ///   - names: What may be in it.
    /// - Returns: The path of the first, and what it looks like; nil for `what` where it just doesn't belong there.
    static func find(
        in folder: String, besides allowed: Set<String>, names: Set<String>
    ) throws -> (path: String, what: String?)? {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
            let path = "\(folder)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            if endings.contains(where: name.lowercased().hasSuffix) { return (path, "it is named like a key") }
            switch status.st_mode & S_IFMT {
            case S_IFDIR where names.contains(name):
                if let found = try find(in: path, besides: allowed, names: names) { return found }
            case S_IFREG where status.st_size <= largest:
                if let what = look(try SmallFile.bytes(path, limit: largest), besides: allowed) { return (path, what) }
            case S_IFLNK: return (path, "it is a link, which leads to nobody knows what")
            default: break
            }
            guard names.contains(name) else { return (path, nil) }
        }
        return nil
    }

    /// Whether a text that is given as a signature looks like a key instead.
    static func isSecret(_ text: String, beside chain: String) -> Bool {
        // Tezos's own spelling of private keys and their seeds.
        if text.hasPrefix("edsk") || text.hasPrefix("edesk") || text.hasPrefix("spsk") || text.hasPrefix("p2sk") {
            return true
        }
        return look(Array(text.utf8), besides: []) != nil
    }

    /// What bytes look like; nil where they are no key.
    package static func look(_ bytes: [UInt8], besides allowed: Set<String>) -> String? {
        // A key file of Aleph's own client. (Texts of that length have other signs.)
        if bytes.count == 32 || bytes.count == 33 && bytes.last == 10 { return "it has the 32 bytes of a private key" }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        if text.contains("PRIVATE KEY") { return "it is a private key (PEM)" }
        let folded = text.lowercased()
        if folded.contains("\"ciphertext\""), folded.contains("\"kdf\"") { return "it is a wallet's encrypted key" }
        if folded.contains("private_key") || folded.contains("\"privatekey\"") { return "it holds a private key" }
        let words = text.split(whereSeparator: \.isWhitespace)
        if words.count == 1, let word = words.first {
            let digits = (word.lowercased().hasPrefix("0x") ? word.dropFirst(2) : word).lowercased()
            if digits.utf8.count == 64, Hex.decode(digits) != nil, !allowed.contains(digits) {
                return "it has the 64 digits of a private key"
            }
            if let decoded = Base58.decode(String(word)), decoded.count == 32 { return "it is a key in base58" }
        }
        // BIP 39.
        if [12, 15, 18, 21, 24].contains(words.count),
            words.allSatisfy({ (3...8).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x61...0x7a).contains($0) } })
        {
            return "it is a wallet's recovery phrase"
        }
        // Solana's own: the bytes of seed and key.
        let numbers = text.filter { !$0.isWhitespace }
        if numbers.hasPrefix("["), numbers.hasSuffix("]"),
            numbers.dropFirst().dropLast().split(separator: ",").compactMap({ UInt8($0) }).count == 64
        {
            return "it has the bytes of a private key"
        }
        return nil
    }
}
